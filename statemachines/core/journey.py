"""A simulation told in words: what happened, where it is now, what it waits for and what it would take.

Limits: for people; the words may change. Sensitive fields are masked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from .border import payload_of
from .chart import Delay
from .events import INIT, SYSTEM, Event, done_actor, done_state, error_actor
from .machine import Machine
from .privacy import mask
from .simulation import Happened, Simulation
from .words import duration_in_words


def journey(simulation: Simulation) -> str:
    """Tell a simulation from its beginning to now, in lines."""
    if simulation.scene.snapshot is None:
        return f"{simulation.machine.name} has not begun."
    journal = simulation.scene.journal
    told = [f"The journey of {simulation.machine.name} so far:"]
    before = begun = simulation.scenes[0].now
    for one in journal:
        told += _happened(simulation.machine, one, one.at - before)
        before = one.at
    return "\n".join([*told, *_now(simulation, simulation.scene.now - begun)])


def _happened(machine: Machine[Any], one: Happened, passed: timedelta) -> Iterator[str]:
    before, after = leaves(machine, one.source), leaves(machine, one.target)
    by = f" by {one.actor.label or one.actor.id or one.actor.kind}" if _of_somebody(one) else ""
    way = f"→ {after}" if before != after or not before else f"stays in {after}"
    later = f"{duration_in_words(passed)} later: " if passed else ""
    yield f"  {one.sequence:>2}. {later}{event_words(machine, one)}{by} {way}"
    if one.reason:
        yield f"      because {one.reason}"
    if one.actions:
        yield f"      did {', '.join(map(repr, one.actions))}"


def _of_somebody(one: Happened) -> bool:
    return one.actor != SYSTEM and one.origin not in ("timer", "effect")


def _now(simulation: Simulation, passed: timedelta) -> Iterator[str]:
    scene = simulation.scene
    where = ", ".join(simulation.leaves)
    since = f"Now, {duration_in_words(passed)} after the beginning," if passed else "Now"
    if simulation.snapshot.status == "done":
        yield f"{since} it has ended in {where}."
    else:
        yield f"{since} it is in {where}."
        possible = [one for one in simulation.possible() if one.verdict != "refused"]
        yield f"  It would take: {', '.join(one.event_type for one in possible) or 'no event'}."
    timers = timer_names(simulation)
    if timers:
        yield f"  Timers: {', '.join(f'{name} (in {duration_in_words(left)})' for name, left in timers.items())}."
    if scene.effects:
        yield f"  Effects that wait: {', '.join(one.name for one in scene.effects)}."


def leaves(machine: Machine[Any], configuration: Sequence[str]) -> str:
    """Return the active leaves of a configuration, as text."""
    return ", ".join(machine.chart.configuration(tuple(configuration)).leaves)


def timer_names(simulation: Simulation) -> dict[str, timedelta]:
    """Return how long each timer still has, by a short name where that is unique: the delay's, or the send's id.

    A delay's is that of its function, or its length in words ("30 days").
    """
    armed = simulation.scene.timers
    short = {timer.name: _short(simulation.machine, timer.name) for timer in armed}
    names = list(short.values())
    return {
        short[timer.name] if names.count(short[timer.name]) == 1 else timer.name: timer.due - simulation.scene.now
        for timer in armed
    }


def _short(machine: Machine[Any], name: str) -> str:
    delays = (delay for node in machine.chart.nodes for delay in node.delays)
    return next((_delay_name(delay) for delay in delays if delay.event == name), name)


def _delay_name(delay: Delay) -> str:
    return duration_in_words(delay.value) if isinstance(delay.value, timedelta) else delay.id


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
            yield delay.event, f"after {_delay_name(delay)}"
        for invocation in node.invocations:
            yield done_actor(invocation.id), f"{invocation.row.effect.id} succeeded"
            yield error_actor(invocation.id), f"{invocation.row.effect.id} failed"
