"""Timers: durable, never early, never after their state was left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from statemachines.core.events import Actor
from statemachines.engine import create
from statemachines.engine.sweep import claim, sweep
from statemachines.engine.timers import fire_timer
from statemachines.models import MachineInstance, Timer
from tests.examples.machines import Go, NoteData, Stop, notes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("any_store", "handed")]


def waiting(seconds: float) -> MachineInstance:
    made = create(notes.machine, data=NoteData(seconds=seconds), system=True)
    made.send("wait", system=True)
    return made


def make_due() -> None:
    Timer.objects.update(due_at=timezone.now() - timedelta(milliseconds=1))


def test_a_timer_is_set_with_the_transition(ann: Actor) -> None:
    """Its due time is absolute: the transition's time plus the delay that the data gave."""
    made = waiting(3600)
    timer = made.timers.get()
    assert timer.due_at == made.entries.get(sequence=2).at + timedelta(hours=1)
    assert (timer.event, timer.state, timer.armed) == ("xstate.after.some_seconds.notes.waiting", "waiting", 2)


def test_a_timer_is_never_early() -> None:
    """Whoever delivers it too soon, it waits."""
    made = waiting(3600)
    assert fire_timer(made.timers.get().pk, "default") is False
    made.refresh_from_db()
    assert made.state == "waiting"


def test_a_due_timer_fires_once() -> None:
    """The first delivery moves the instance and takes the timer away; a second does nothing."""
    made = waiting(3600)
    make_due()
    pk = made.timers.get().pk
    assert (fire_timer(pk, "default"), fire_timer(pk, "default")) == (True, False)
    made.refresh_from_db()
    entry = made.entries.last()
    assert (made.state, made.sequence, Timer.objects.count()) == ("rang", 3, 0)
    assert entry is not None
    assert (entry.event, entry.actor_kind, entry.origin) == (
        "xstate.after.some_seconds.notes.waiting",
        "timer",
        "timer",
    )


def test_leaving_the_state_cancels_its_timer(ann: Actor) -> None:
    """A timer never fires after its state was left, even where its task is on the way."""
    made = waiting(0)
    pk = made.timers.get().pk
    made.send(Stop(), actor=ann)
    assert fire_timer(pk, "default") is False
    made.refresh_from_db()
    assert made.state == "idle"


def test_entering_again_starts_the_timer_anew(ann: Actor) -> None:
    """One row per timer: arming it again moves its due time, and a late delivery of the old one is too early."""
    made = waiting(3600)
    first = made.timers.get()
    Timer.objects.update(due_at=timezone.now() - timedelta(seconds=1), handed_until=timezone.now())
    made.send(Go(), actor=ann)
    second = made.timers.get()
    assert second.due_at > first.due_at
    assert (second.armed, second.handed_until) == (3, None)
    assert fire_timer(first.pk, "default") is False
    assert fire_timer(second.pk, "default") is False


def test_a_timer_that_nothing_takes_is_consumed() -> None:
    """A timer whose event selects nothing is gone, and leaves no entry."""
    made = waiting(3600)
    Timer.objects.update(event="xstate.after.1.nowhere", due_at=timezone.now() - timedelta(seconds=1))
    assert fire_timer(made.timers.get().pk, "default") is True
    made.refresh_from_db()
    assert (made.state, made.sequence, made.entries.count(), Timer.objects.count()) == ("waiting", 2, 2, 0)


def test_near_timers_are_handed_over_at_once(handed: list[Any]) -> None:
    """What is due before the next sweep goes to a worker after the commit; what is later waits for the sweep."""
    waiting(3600)
    assert handed == []
    near = waiting(0.5)
    assert handed == [("timer", near.timers.get().pk)]


def test_the_sweep_claims_due_timers_once(handed: list[Any]) -> None:
    """A batch is claimed and committed before it is handed over; another sweep finds nothing until the claim is old."""
    made = waiting(3600)
    make_due()
    timer = made.timers.get()
    assert sweep("default").timers == 1
    assert handed == [("timer", timer.pk)]
    assert claim("default").timers == []
    Timer.objects.update(handed_until=timezone.now() - timedelta(seconds=1))
    assert claim("default").timers == [(timer.pk, timer.due_at)]


def test_an_ended_instance_has_no_timers(ann: Actor) -> None:
    """Reaching the end takes every timer away, delayed sends included."""
    made = create("examples.sender", system=True)
    made.send("start", actor=ann)
    assert made.timers.get().name == "later"
    make_due()
    assert fire_timer(made.timers.get().pk, "default") is True
    made.refresh_from_db()
    assert (made.state, made.data["seen"]) == ("d", ["one", "late"])
