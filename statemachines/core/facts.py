"""Which facts an event asks for, so that they can be read before the step.

Limits: follows rows, not guards' answers: what is read may turn out not to be needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .chart import Edge, Node
from .events import done_state, matches
from .force import FORCE
from .functions import Fact, Raise
from .machine import Machine
from .sets import Recorded, domain
from .snapshot import Snapshot


def asked(machine: Machine[Any], snapshot: Snapshot[Any] | None, event_type: str) -> dict[str, Fact[Any, Any]]:
    """Return by id the facts of the candidates for an event, and of what may follow them in the same macrostep.

    What may follow are eventless transitions, completions and raised events of the states that are active or may be
    entered. `snapshot` is None at the start.
    """
    if not machine.names.facts:
        return {}
    candidates: list[Edge] = []
    if event_type == FORCE:  # it may enter any state
        active = list(machine.chart.nodes)
    elif snapshot is None:
        active = list(_entered(machine.chart.root))
    else:
        active = list(machine.chart.configuration(snapshot.configuration).nodes)
        candidates = [edge for node in active for edge in node.candidates(event_type)]
    edges = [*candidates, *_following(active, candidates, Recorded({}, machine.chart))]
    return {fact.id: fact for edge in edges for fact in edge.row.facts}


def _following(active: Iterable[Node], candidates: Iterable[Edge], recorded: Recorded) -> Iterator[Edge]:
    """Yield the transitions that may be taken without a further event."""
    waiting = [*active, *(node for edge in candidates for node in _entered_by(edge, recorded))]
    seen: set[Node] = set()
    raised = {name for edge in candidates for name in _raised(edge.row.actions)}
    internal: list[Edge] = []
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        raised |= {done_state(node.id), *_raised((*node.entry, *node.exit))}
        new = [edge for one in seen for edge in _internal(one, raised) if edge not in internal]
        internal += new
        raised |= {name for edge in new for name in _raised(edge.row.actions)}
        waiting += [entered for edge in new for entered in _entered_by(edge, recorded)]
    yield from internal


def _internal(node: Node, raised: Iterable[str]) -> Iterator[Edge]:
    """Yield a node's eventless transitions, and those for an event that may be raised."""
    yield from node.always
    for descriptor, edges in node.edges.items():
        if any(matches(descriptor, name) for name in raised):
            yield from edges


def _raised(doings: Iterable[Any]) -> list[str]:
    """Return the names of the events that actions raise; one that a function makes may have any name."""
    return [getattr(doing.event, "type", "*") for doing in doings if isinstance(doing, Raise)]


def _entered_by(edge: Edge, recorded: Recorded) -> Iterator[Node]:
    """Yield what a transition may activate: its targets, and the regions beside them of what is entered on the way."""
    top = domain(edge, recorded)
    for target in edge.targets:
        yield from _entered(target)
        for ancestor in target.ancestors():
            if ancestor.type == "parallel":
                yield from (node for region in ancestor.regions for node in _entered(region))
            if ancestor is top:
                break


def _entered(node: Node) -> Iterator[Node]:
    """Yield what entering a node may activate: itself, its ancestors, and its descendants by default.

    What a history state restores may be anything in its parent.
    """
    yield node
    yield from node.ancestors()
    if node.type == "history" and node.parent is not None:
        yield from _inside(node.parent)
    below = (node.initial,) if node.initial else ()
    for child in (*below, *(node.regions if node.type == "parallel" else ()), *node.history_default):
        yield from _entered(child) if child is not node.parent else ()


def _inside(node: Node) -> Iterator[Node]:
    for child in node.children:
        yield child
        yield from _inside(child)
