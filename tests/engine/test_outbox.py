"""Effects: asked for by a transition, run after it, ended once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from statemachines.core.events import Actor
from statemachines.engine import create
from statemachines.engine.outbox import run_effect
from statemachines.engine.sweep import claim
from statemachines.models import Effect, MachineInstance
from statemachines.testing import time_travel
from tests.examples.machines import Go, NoteData, Stop, notes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("any_store", "handed")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def noted(file: Path, fail: int = 0) -> MachineInstance:
    return create(notes.machine, "n", data=NoteData(file=str(file), fail=fail), actor=Actor("user", "7"))


def lines(file: Path) -> list[list[str]]:
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def claimed() -> list[int]:
    return [pk for pk, _, _ in claim("default").effects]


def make_due(effect: Effect) -> None:
    Effect.objects.filter(pk=effect.pk).update(due_at=timezone.now() - timedelta(seconds=1))


def test_an_effect_is_handed_over_after_the_commit_only(file: Path, handed: list[Any], ann: Actor) -> None:
    """No effect starts before the transition that asked for it has committed; a rollback asks for nothing."""
    made = noted(file)
    with transaction.atomic():
        made.send(Go(), actor=ann)
        assert handed == []
    effect = Effect.objects.get()
    assert handed == [("effect", effect.pk)]
    assert (effect.status, effect.name, effect.sequence, effect.invocation) == ("waiting", "examples.note", 2, "")
    with transaction.atomic():
        made.send(Go(), actor=ann)
        transaction.set_rollback(True)
    assert (len(handed), Effect.objects.count()) == (1, 1)


def test_an_effect_runs_once_and_is_applied(file: Path, ann: Actor) -> None:
    """A delivered effect ends as applied; a second delivery does nothing."""
    noted(file).send(Go(), actor=ann)
    effect = Effect.objects.get()
    assert run_effect(effect.pk, "default") is True
    assert run_effect(effect.pk, "default") is False
    effect.refresh_from_db()
    assert (effect.status, effect.attempts, effect.result, effect.error) == ("applied", 1, "noted by n", "")
    assert lines(file) == [[str(effect.key), "1"]]


def test_a_failing_effect_is_tried_again_with_the_same_key(file: Path, ann: Actor, settings: Any) -> None:
    """The wait doubles, the key stays, the error is kept until it succeeds."""
    noted(file, fail=2).send(Go(), actor=ann)
    effect = Effect.objects.get()
    for attempt, seconds in ((1, 1), (2, 2)):
        assert run_effect(effect.pk, "default") is False
        effect.refresh_from_db()
        assert (effect.status, effect.attempts) == ("waiting", attempt)
        assert "ConnectionError: not yet" in effect.error
        wait = effect.due_at - timezone.now()
        assert timedelta(seconds=0.9 * seconds - 0.5) < wait <= timedelta(seconds=1.1 * seconds)
        assert run_effect(effect.pk, "default") is False, "it is not due yet"
        make_due(effect)
    assert run_effect(effect.pk, "default") is True
    effect.refresh_from_db()
    assert (effect.status, effect.error) == ("applied", "")
    assert lines(file) == [[str(effect.key), str(attempt)] for attempt in (1, 2, 3)]


def test_an_effect_that_never_succeeds_needs_attention(file: Path, ann: Actor, settings: Any) -> None:
    """At the end of its tries it waits for somebody who looks at it, with its error; no sweep takes it up."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "EFFECT_MAX_ATTEMPTS": 1}
    noted(file, fail=9).send(Go(), actor=ann)
    effect = Effect.objects.get()
    assert run_effect(effect.pk, "default") is False
    effect.refresh_from_db()
    assert (effect.status, effect.failure, effect.needs_attention) == ("ran", True, True)
    assert effect.result == {"type": "ConnectionError", "message": "not yet"}
    assert "not yet" in effect.error
    make_due(effect)
    assert claimed() == []
    assert list(MachineInstance.objects.needing_attention()) == [effect.instance]


def test_an_invoked_effect_completes_its_state_with_its_result(file: Path, ann: Actor) -> None:
    """The completion is an event of the machine, whose assign gets the typed result."""
    made = noted(file)
    made.send("invoke", actor=ann)
    effect = Effect.objects.get()
    assert (effect.invocation, effect.state) == ("asked", "asking")
    assert run_effect(effect.pk, "default") is True
    made.refresh_from_db()
    effect.refresh_from_db()
    assert (made.state, made.data["answer"], effect.status) == ("answered", "noted by n", "applied")
    entry = made.entries.get(sequence=3)
    assert (entry.event, entry.payload) == ("xstate.done.actor.asked", {"value": "noted by n"})
    assert (entry.actor_kind, entry.actor_id, entry.origin) == ("effect", "examples.note", "effect")


def test_an_invoked_effect_that_failed_is_an_error_event(file: Path, ann: Actor, settings: Any) -> None:
    """The machine gets the error at the end of the tries and handles it."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "EFFECT_MAX_ATTEMPTS": 1}
    made = noted(file, fail=9)
    made.send("invoke", actor=ann)
    assert run_effect(Effect.objects.get().pk, "default") is True
    made.refresh_from_db()
    assert (made.state, Effect.objects.get().status) == ("failed", "failed")
    assert made.entries.get(sequence=3).payload == {"type": "ConnectionError", "message": "not yet"}


def test_leaving_the_state_cancels_what_it_invoked(file: Path, ann: Actor) -> None:
    """What nobody took up yet never starts; a late result is ignored."""
    made = noted(file)
    made.send("invoke", actor=ann)
    effect = Effect.objects.get()
    made.send(Stop(), actor=ann)
    effect.refresh_from_db()
    assert effect.status == "cancelled"
    assert run_effect(effect.pk, "default") is False
    assert lines(file) == []
    assert made.entries.count() == 3


def test_the_wait_has_a_limit(file: Path, ann: Actor, settings: Any) -> None:
    """However often an effect failed, it is tried again within the hour."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "EFFECT_MAX_ATTEMPTS": 100}
    noted(file, fail=99).send(Go(), actor=ann)
    Effect.objects.update(attempts=60)
    assert run_effect(Effect.objects.get().pk, "default") is False
    wait = Effect.objects.get().due_at - timezone.now()
    assert timedelta(minutes=53) < wait <= timedelta(hours=1)


def test_the_sweep_finds_what_the_broker_lost(file: Path, ann: Actor) -> None:
    """An effect that nobody took up is handed over by the sweep; one that a living worker holds is not."""
    noted(file).send(Go(), actor=ann)
    effect = Effect.objects.get()
    assert claimed() == [effect.pk]
    assert claimed() == [], "it was just handed over"
    Effect.objects.update(status="running", due_at=timezone.now() + timedelta(seconds=60), handed_until=None)
    assert claimed() == []
    Effect.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert claimed() == [effect.pk], "its worker's lease is over"
    assert run_effect(effect.pk, "default") is True


def test_an_effect_that_waits_for_long_is_handed_over_ever_more_rarely(file: Path, ann: Actor) -> None:
    """After half a minute, then after as long again as it has waited, five minutes at most: doubles are few."""
    with time_travel() as machines:
        noted(file).send(Go(), actor=ann)
        begun, times = machines.now, []
        for second in range(300):
            machines.set(begun + timedelta(seconds=second))
            if claimed():
                times.append(second)
        assert times == [0, 32, 96, 224]
        machines.set(begun + timedelta(days=2))
        assert claimed()
        machines.set(begun + timedelta(days=2, minutes=5, seconds=2))
        assert claimed()


def test_a_dead_broker_does_not_fail_the_event(file: Path, ann: Actor, settings: Any) -> None:
    """The event is committed and answered; the effect waits for the sweep."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "DISPATCHER": "tests.engine.dispatchers.Dead"}
    made = noted(file)
    made.send(Go(), actor=ann)
    assert (made.state, Effect.objects.get().status) == ("noted", "waiting")
