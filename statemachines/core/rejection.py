"""Why an event selected nothing, and what would be taken instead.

Limits: looks at guards of the data alone; what depends on a payload is decided only by a step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from . import resolve
from .chart import Configuration, Edge
from .events import RESERVED, AnyEvent
from .guards import decide
from .selection import Branch, Line, selector
from .snapshot import Rejection, Snapshot

if TYPE_CHECKING:
    from .machine import Machine

Verdict = Literal["taken", "depends", "refused"]

NOTHING, FORBIDDEN, TAKEN = range(3)
"""What a region may answer to an event; among regions the highest counts."""


class Possible(msgspec.Struct, frozen=True):
    """What an event would meet now: `depends` where only its payload decides; `guards` are those that say no."""

    event_type: str
    verdict: Verdict
    guards: tuple[str, ...] = ()


def possible(machine: Machine[Any], snapshot: Snapshot[Any]) -> tuple[Possible, ...]:
    """Say for each event that a client may send whether it would be taken now, in the order of the definition."""
    if snapshot.status != "active":
        return ()
    configuration = machine.chart.configuration(snapshot.configuration)
    return tuple(_possible(machine, snapshot, configuration, name) for name in _named(machine, configuration))


def reject(machine: Machine[Any], snapshot: Snapshot[Any], event: AnyEvent) -> Rejection:
    """Explain why an event that was sent selected nothing, or only forbidden transitions."""
    configuration = machine.chart.configuration(snapshot.configuration)
    known = () if event.type.startswith(RESERVED) else possible(machine, snapshot)
    takable = tuple(one.event_type for one in known if one.verdict != "refused")
    candidates = _candidates(configuration, event.type) if snapshot.status == "active" else ()
    guards = dict.fromkeys(repr(edge.row.guard) for edge in candidates if edge.row.guard is not None)
    return Rejection(event.type, snapshot.configuration, tuple(guards), takable)


def _named(machine: Machine[Any], configuration: Configuration) -> Iterator[str]:
    """Yield the events that the active states name, and where one takes any, all that the machine knows."""
    descriptors = dict.fromkeys(key for node in configuration.nodes for key in node.edges)
    wild = any("*" in key for key in descriptors)
    names = dict.fromkeys([*(key for key in descriptors if "*" not in key), *(machine.events if wild else ())])
    return (name for name in names if not name.startswith(RESERVED) and _candidates(configuration, name))


def _candidates(configuration: Configuration, event_type: str) -> tuple[Edge, ...]:
    return tuple(edge for node in configuration.nodes for edge in node.candidates(event_type) if not edge.forbids)


def _possible(
    machine: Machine[Any], snapshot: Snapshot[Any], configuration: Configuration, event_type: str
) -> Possible:
    def found(reference: str) -> str:
        return resolve.by_id(reference, machine.chart.by_id).path

    def answer(edge: Edge) -> bool | None:
        return decide(edge.row.guard, snapshot.data, configuration, found)

    outcomes = _outcomes(selector(configuration, event_type) or (), answer)
    if outcomes == {TAKEN}:
        return Possible(event_type, "taken")
    if TAKEN in outcomes:
        return Possible(event_type, "depends")
    edges = _candidates(configuration, event_type)
    refusing = (repr(edge.row.guard) for edge in edges if answer(edge) is False)
    return Possible(event_type, "refused", tuple(dict.fromkeys(refusing)))


def _outcomes(asked: Line | Branch, answer: Callable[[Edge], bool | None]) -> set[int]:
    """Return all that `selection.select` may come to, as far as is known without the event."""
    if isinstance(asked, Branch):
        found = {NOTHING}
        for region in asked.regions:
            found = {max(one, other) for one in found for other in _outcomes(region, answer)}
        return found - {NOTHING} | _outcomes(asked.own, answer) if NOTHING in found else found
    found = set()
    for edge in asked:
        verdict = answer(edge)
        if verdict is not False:
            found.add(FORBIDDEN if edge.forbids else TAKEN)
        if verdict:
            return found
    return found | {NOTHING}
