"""What is suspect in a machine that can be interpreted all the same: each finding with an id, a reason and a way out.

`meta={"silence": ["W102"]}` on a machine, a state or a transition silences an id there and in all that is inside it.
Limits: looks at the chart, not at what functions answer: an impossible guard counts as possible, and the events that a
function makes are not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from .chart import Edge, Node
from .definition import Done
from .events import error_actor, matches
from .functions import Cancel, Every, Guard, InState, Not, Raise, Send, Some
from .guards import state_paths
from .machine import Machine
from .names import edges_of
from .reach import Reach, by_itself, can_be_done, doings_of, endless, event_name, reach, reactions, sent_by, ways_out

Level = Literal["warning", "info"]


class Kind(NamedTuple):
    """What findings of one id have in common: what they say, why that is suspect, and what to do about it."""

    about: str
    why: str
    remedy: str
    level: Level = "warning"


KINDS = {
    "W101": Kind(
        "A state that nothing leads to.",
        "It is never entered, so none of its rows is ever used.",
        "Lead a transition to it, or remove it.",
    ),
    "W102": Kind(
        "A dead end: nothing leads out of a state that is not final, and it reacts to nothing.",
        "An instance stays there for ever, and never counts as ended.",
        "Give it a transition, or make it Final where it is an end.",
    ),
    "W103": Kind(
        "A Done row that can never be taken.",
        "Only a compound or parallel state inside the machine completes, by its final states; the machine's own "
        "completion ends it.",
        "Put the row into the state that ends, or into Invoke; give that state a Final.",
    ),
    "W104": Kind(
        "A candidate after one without a guard.",
        "The first candidate whose guard holds is taken, and no guard always holds.",
        "Give the earlier one a guard, or put it last.",
    ),
    "W105": Kind(
        "A guard asks for a state that does not exist.",
        "It never holds.",
        "Write the path from the root, as in 'standard.order_ready', or the state's '#id'.",
    ),
    "I106": Kind(
        "A state that only events lead out of.",
        "If nobody sends one, an instance waits there for ever: neither an After nor an Invoke leads on.",
        "Give it an After, or silence the id there and say why it may wait.",
        "info",
    ),
    "W107": Kind(
        "An event that no state takes.",
        "It is declared in events=, raised or sent, and then lost: nothing reacts to it.",
        "Add an On row for it, correct its name, or remove it.",
    ),
    "W108": Kind(
        "An Invoke without a reaction to its failure.",
        "When its effect has failed for good, the instance stays where it is.",
        "Give it error= or a Failed row, or let a state around it take '*'.",
    ),
    "W109": Kind(
        "Always rows that go round for ever.",
        "Every event that leads there fails, because the machine never rests.",
        "Give one of them a guard.",
    ),
    "W110": Kind(
        "Two candidates with the same guard.",
        "Where it holds, the first is taken; where it does not, neither is.",
        "Change one guard, or remove the later candidate.",
    ),
    "W111": Kind(
        "A History state that no transition leads to.",
        "What it remembers is never used.",
        "Lead a transition to it, or remove it.",
    ),
    "W112": Kind(
        "An Initial row whose actions are never done.",
        "Every transition leads past it, to a state inside.",
        "Lead a transition to the state itself, or do it on entry.",
    ),
    "W113": Kind(
        "A cancel of something that is never sent.",
        "No send of the machine has that id.",
        "Give the send that id, or remove the cancel.",
    ),
}
"""All ids, in order. An id keeps its meaning for ever."""


class Suspicion(msgspec.Struct, frozen=True):
    """`id` is stable ("W101"); `state` is a path, empty for the machine itself; `silenced`: the machine says so."""

    id: str
    state: str
    text: str
    hint: str
    level: Level
    silenced: bool


Finding = tuple[str, Node, str, Edge | None]
"""An id, where, what, and the transition that it is about, where it is about one."""


def suspicions(machine: Machine[Any]) -> list[Suspicion]:
    """Return what is suspect, in document order, what is silenced included."""
    return [_told(*finding) for finding in _findings(machine)]


def _told(id: str, node: Node, text: str, edge: Edge | None = None) -> Suspicion:
    metas = [edge.row.meta if edge else None, *(one.state.meta for one in (node, *node.ancestors()))]
    silenced = any(id in meta.get("silence", ()) for meta in metas if isinstance(meta, Mapping))  # XState: any value
    return Suspicion(id, node.path, text, KINDS[id].remedy, KINDS[id].level, silenced)


def _findings(machine: Machine[Any]) -> Iterator[Finding]:
    nodes = machine.chart.nodes
    reached = reach(machine.chart.root)
    sent = sent_by(nodes)
    timed = by_itself(machine.chart)
    for name in machine.events:
        if not _taken(name, nodes):
            yield "W107", machine.chart.root, f"it declares the event {name!r}, and no state takes it", None
    for node in nodes:
        yield from _unreached(node, reached)
        if node in reached.active and node.type == "atomic":
            yield from _stuck(node, timed)
        if node.state.of(Done) and not can_be_done(node):
            yield "W103", node, "its Done rows can never be taken", None
        yield from _candidates(node)
        yield from _unknown_states(node, machine)
        yield from _unheard(node, nodes, sent)
        yield from _unhandled(node)
        yield from _endless(node, machine)


def _unreached(node: Node, reached: Reach) -> Iterator[Finding]:
    if node.parent is not None and node.parent not in reached.active:
        return
    if node not in reached.active:
        yield (
            ("W111", node, "no transition leads to it", None)
            if node.history
            else ("W101", node, "nothing leads to it", None)
        )
    elif node.initial_row and node.initial_row.actions and node not in reached.by_default:
        yield "W112", node, "what its Initial row does is never done", None


def _stuck(node: Node, timed: Callable[[Edge], bool]) -> Iterator[Finding]:
    """Yield what is wrong with the ways out of an atomic state."""
    ways = list(ways_out(node))
    if not ways and all(edge.forbids for edge in reactions(node)):
        yield "W102", node, "nothing leads out of it, and it is no final state", None
    elif not any(map(timed, ways)):
        yield "I106", node, "an instance may wait here for ever: only events lead out", None


def _candidates(node: Node) -> Iterator[Finding]:
    """Yield candidates that an earlier one always forestalls."""
    for candidates in (*node.edges.values(), list(node.always)):
        guards: dict[str, Edge] = {}
        for edge in candidates:
            guard = "" if edge.row.guard is None else repr(edge.row.guard)
            if "" in guards:
                text = f"{edge!r} can never be taken: candidate {guards[''].index} before it has no guard"
                yield "W104", node, text, edge
            elif guard in guards:
                text = f"{edge!r} can never be taken: candidate {guards[guard].index} before it has its guard, {guard}"
                yield "W110", node, text, edge
            guards.setdefault(guard, edge)


def _unknown_states(node: Node, machine: Machine[Any]) -> Iterator[Finding]:
    for edge in edges_of(node):
        for asked in _in_states(edge.row.guard):
            for path in state_paths(asked.state, lambda id: ""):  # an unknown id is an error of building
                if path not in machine.chart.by_path:
                    yield "W105", node, f"a guard asks for the state {path!r}, which does not exist", edge


def _unheard(node: Node, nodes: Iterable[Node], sent: Iterable[Raise[Any, Any] | Send[Any, Any]]) -> Iterator[Finding]:
    ids = {doing.id for doing in sent if isinstance(doing, Send)}
    for doing in doings_of(node):
        if isinstance(doing, Cancel) and doing.id not in ids:
            yield "W113", node, f"it cancels {doing.id!r}, and nothing is sent under that id", None
        name = event_name(doing) if isinstance(doing, Raise | Send) else None
        if name and not _taken(name, nodes):
            yield "W107", node, f"{doing!r}: no state takes it", None


def _unhandled(node: Node) -> Iterator[Finding]:
    around = (node, *node.ancestors())
    for invocation in node.invocations:
        failure = error_actor(invocation.id)
        if not any(one.candidates(failure) for one in around):
            yield "W108", node, f"nothing reacts when {invocation.row.effect.id!r} has failed", None


def _endless(node: Node, machine: Machine[Any]) -> Iterator[Finding]:
    """Yield a round of eventless transitions at the first state that is in it."""
    if node.parent is None or not node.always or node.always[0].row.guard is not None:
        return
    round = endless(machine.chart, node)
    if round and min(edge.source.order for edge in round) == node.order:
        yield "W109", node, f"it never rests: {', '.join(map(repr, round))}", None


def _taken(name: str, nodes: Iterable[Node]) -> bool:
    return any(matches(descriptor, name) for node in nodes for descriptor in node.edges)


def _in_states(guard: Guard[Any, Any] | None) -> Iterator[InState]:
    match guard:
        case InState():
            yield guard
        case Not():
            yield from _in_states(guard.guard)
        case Every() | Some():
            for one in guard.guards:
                yield from _in_states(one)
