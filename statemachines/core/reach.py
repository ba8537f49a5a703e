"""Where an instance can get to, and how it gets away again, as far as the chart alone tells.

Limits: every guard counts as one that may hold; what is left out here can really never happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from .chart import Chart, Configuration, Edge, Node
from .definition import Transition
from .events import RESERVED, Event, Occurrence, done_state, matches
from .functions import Doing, Raise, Send
from .names import edges_of
from .plan import forced_plan, plan, start_plan
from .selection import eventless


class Reach(NamedTuple):
    """`active`: what may ever be active, history states that are targeted included; `by_default`: what may be entered
    without that a transition names something inside it."""

    active: set[Node]
    by_default: set[Node]


def reach(root: Node) -> Reach:
    """Follow all transitions from the start."""
    found = Reach(set(), set())
    waiting = [(root, True)]
    while waiting:
        node, by_default = waiting.pop()
        if by_default and node not in found.by_default:
            found.by_default.add(node)
            waiting += _below(node)
        if node not in found.active:
            found.active.add(node)
            waiting += [step for edge in edges_of(node) for target in edge.targets for step in _into(target)]
            waiting += [(one, True) for one in _remembered(node, found.active)]
    return found


def _remembered(node: Node, active: set[Node]) -> Iterator[Node]:
    """Yield what a shallow history enters by default: what was active beside it, but not what was inside that."""
    beside = [one for one in (node.parent.children if node.parent else ()) if one in active]
    if node.history is None:
        yield from [node] if any(one.history and not one.history.deep for one in beside) else []
    elif not node.history.deep:
        yield from (one for one in beside if one.history is None)


def _below(node: Node) -> Iterator[tuple[Node, bool]]:
    """Yield what entering a node by default enters with it."""
    if node.type == "parallel":
        yield from ((region, True) for region in node.regions)
    for one in (node.initial, *node.history_default):
        if one is not None:
            yield from _into(one)


def _into(target: Node) -> Iterator[tuple[Node, bool]]:
    """Yield what a transition to a node enters: it, what holds it, and the other regions of what holds it."""
    yield target, True
    inner = target
    for node in target.ancestors():
        yield node, False
        if node.type == "parallel":
            yield from ((region, True) for region in node.regions if region is not inner)
        inner = node


def descendants(node: Node) -> Iterator[Node]:
    """Yield a node and all that is inside it, in document order."""
    yield node
    for child in node.children:
        yield from descendants(child)


def reactions(leaf: Node) -> Iterator[Edge]:
    """Yield the transitions of an atomic state and of what holds it.

    The completion of what holds it is none: it needs a final state, not this one.
    """
    for node in (leaf, *leaf.ancestors()):
        yield from (edge for edge in edges_of(node) if edge.descriptor != done_state(node.id))


def ways_out(leaf: Node) -> Iterator[Edge]:
    """Yield the transitions that may end an instance's stay in an atomic state: its reactions that lead elsewhere.

    In a parallel state also those of other regions that leave all regions.
    """
    yield from (edge for edge in reactions(leaf) if any(target is not leaf for target in edge.targets))
    for node in leaf.ancestors():
        if node.type == "parallel":
            beside = (inner for inner in descendants(node) if inner is not leaf and not leaf.inside(inner))
            for edge in (edge for inner in beside for edge in edges_of(inner)):
                if any(not target.inside(node) for target in edge.targets):
                    yield edge


def doings_of(node: Node) -> Iterator[Doing]:
    """Yield all that a node may do: on entry, on exit, at its start, in its transitions."""
    yield from (*node.entry, *node.exit, *(node.initial_row.actions if node.initial_row else ()))
    for edge in edges_of(node):
        yield from edge.row.actions


def sent_by(nodes: Iterable[Node]) -> list[Raise[Any, Any] | Send[Any, Any]]:
    """Return what a machine raises or sends to itself."""
    return [doing for node in nodes for doing in doings_of(node) if isinstance(doing, Raise | Send)]


def event_name(doing: Raise[Any, Any] | Send[Any, Any]) -> str | None:
    """Return the name of the event that is raised or sent; None where a function makes it."""
    return doing.event.type if isinstance(doing.event, Event | Occurrence) else None


def by_itself(chart: Chart) -> Callable[[Edge], bool]:
    """Make the test whether a transition may be taken without that anybody does anything."""
    later = [event_name(doing) for doing in sent_by(chart.nodes) if isinstance(doing, Send) and doing.delay is not None]
    names = [delay.event for node in chart.nodes for delay in node.delays] + [name for name in later if name]

    def test(edge: Edge) -> bool:
        own = edge.descriptor == "always" or edge.descriptor.startswith(RESERVED)
        return own or None in later or any(matches(edge.descriptor, name) for name in names)

    return test


def can_be_done(node: Node) -> bool:
    """Say whether a state's completion can ever be taken; that of the whole machine ends it (SCXML 3.7)."""
    return node.parent is not None and _may_be_final(node)


def _may_be_final(node: Node) -> bool:
    if node.type == "compound":
        return any(child.type == "final" for child in node.children)
    if node.type == "parallel":
        return all(child.type == "final" or _may_be_final(child) for child in node.regions)
    return False


def endless(chart: Chart, node: Node) -> tuple[Edge, ...]:
    """Return the eventless transitions that go round for ever once a node is entered; none where it may rest."""
    entry = Edge(chart.name, chart.root, Transition(), "", 0)
    entry.targets = (node,)
    configuration = forced_plan(chart, start_plan(chart).then, entry, {}, entering=False).then
    seen: list[Configuration] = []
    taken: list[tuple[Edge, ...]] = []
    while configuration not in seen:
        edges = _certain(configuration)
        if not edges:
            return ()
        planned = plan(chart, configuration, edges, {})
        if planned.idle:
            return ()
        seen.append(configuration)
        taken.append(edges)
        configuration = planned.then
    return tuple(edge for edges in taken[seen.index(configuration) :] for edge in edges)


def _certain(configuration: Configuration) -> tuple[Edge, ...]:
    """Return the eventless transitions that are taken whatever the data are; none where that depends."""
    root = configuration.nodes[0]
    if any(node.type == "final" and node.parent is root and root.type == "compound" for node in configuration.nodes):
        return ()
    edges = _first_of(eventless(configuration))
    depends = any(edge.row.guard or any(one.history for one in edge.targets) for edge in edges)
    return () if depends else edges


def _first_of(lines: Sequence[tuple[Edge, ...]]) -> tuple[Edge, ...]:
    return tuple(dict.fromkeys(line[0] for line in lines))
