"""A simulation told in words: what happened, where it is now, what it waits for and what it would take.

Limits: for people; the words may change. Sensitive fields are masked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from .border import payload_of
from .events import INIT, SYSTEM, Event, done_actor, done_state, error_actor
from .machine import Machine
from .privacy import mask
from .simulation import Happened, Simulation


def journey(simulation: Simulation) -> str:
    """Tell a simulation from its beginning to now, in lines."""
    if simulation.scene.snapshot is None:
        return f"{simulation.machine.name} has not begun."
    began = simulation.scene.journal[0].at
    told = [line for one in simulation.scene.journal for line in _happened(simulation.machine, one, one.at - began)]
    now = _now(simulation, simulation.scene.now - began)
    return "\n".join([f"The journey of {simulation.machine.name} so far:", *told, *now])


def _happened(machine: Machine[Any], one: Happened, passed: timedelta) -> Iterator[str]:
    before, after = leaves(machine, one.source), leaves(machine, one.target)
    by = f" by {one.actor.label or one.actor.id or one.actor.kind}" if _of_somebody(one) else ""
    way = f"→ {after}" if before != after or not before else f"stays in {after}"
    yield f"  {one.sequence:>2}  +{passed}  {event_words(machine, one)}{by} {way}"
    if one.reason:
        yield f"        because {one.reason}"
    if one.actions:
        yield f"        did {', '.join(map(repr, one.actions))}"


def _of_somebody(one: Happened) -> bool:
    return one.actor != SYSTEM and one.origin not in ("timer", "effect")


def _now(simulation: Simulation, passed: timedelta) -> Iterator[str]:
    scene = simulation.scene
    where = ", ".join(simulation.leaves)
    if simulation.snapshot.status == "done":
        yield f"Now, at +{passed}, it has ended in {where}."
    else:
        yield f"Now, at +{passed}, it is in {where}."
        possible = [one for one in simulation.possible() if one.verdict != "refused"]
        yield f"  It would take: {', '.join(one.event_type for one in possible) or 'no event'}."
    timers = timer_names(simulation)
    if timers:
        yield f"  Timers: {', '.join(f'{name} in {left}' for name, left in timers.items())}."
    if scene.effects:
        yield f"  Effects that wait: {', '.join(one.name for one in scene.effects)}."


def leaves(machine: Machine[Any], configuration: Sequence[str]) -> str:
    """Return the active leaves of a configuration, as text."""
    return ", ".join(machine.chart.configuration(tuple(configuration)).leaves)


def timer_names(simulation: Simulation) -> dict[str, timedelta]:
    """Return how long each timer still has, by its short name where that is unique: the delay's, or the send's id."""
    armed = simulation.scene.timers
    short = {timer.name: _short(simulation.machine, timer.name) for timer in armed}
    names = list(short.values())
    return {
        short[timer.name] if names.count(short[timer.name]) == 1 else timer.name: timer.due - simulation.scene.now
        for timer in armed
    }


def _short(machine: Machine[Any], name: str) -> str:
    return next((delay.id for node in machine.chart.nodes for delay in node.delays if delay.event == name), name)


def event_words(machine: Machine[Any], one: Happened) -> str:
    """Tell an event in a word or two."""
    event = one.event
    if isinstance(event, Event):
        payload = mask(type(event), payload_of(event))
        given = ", ".join(f"{name}={value!r}" for name, value in payload.items())
        return f"{event.type}({given})" if given else event.type
    return dict(_internal(machine)).get(event.type, event.type)


def _internal(machine: Machine[Any]) -> Iterator[tuple[str, str]]:
    """Yield the machine's own events, each with its words."""
    yield INIT, "begins"
    for node in machine.chart.nodes:
        yield done_state(node.id), f"{node.path or machine.name} is done"
        for delay in node.delays:
            fixed = delay.value if isinstance(delay.value, timedelta) else delay.id
            yield delay.event, f"after {fixed}"
        for invocation in node.invocations:
            yield done_actor(invocation.id), f"{invocation.row.effect.id} succeeded"
            yield error_actor(invocation.id), f"{invocation.row.effect.id} failed"
