"""Eight processes at once on the same instances: each history is linear, each acceptance is one entry of it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from statistics import median
from typing import Any

import pytest
from django.utils import timezone

from statemachines import Actor, Occurrence
from statemachines.engine import create, send
from statemachines.models import Effect, IdempotencyRecord, MachineInstance, Timer
from tests.examples.machines import NoteData, notes

from .conftest import PROCESSES, Race, linear, total
from .machines import Meet, Rally, rally, slow, turns

RACER = ["racer", "1", "Racer"]


def sends(instance: MachineInstance, *events: Any, actor: list[str] = RACER, **options: Any) -> dict[str, Any]:
    return {"scenario": "send", "pk": instance.pk, "events": events, "actor": actor, **options}


def test_conflicting_events_make_one_linear_history(race: Race, ann: Actor) -> None:
    """Of 8 × 200 events that exclude each other each is accepted, as one entry, or refused without a trace in it."""
    made = create(turns.machine, actor=ann)
    calls = [sends(made, *[("flip", "flop")[number % 2]] * 200) for number in range(PROCESSES)]
    answers = race.run(*calls)
    entries = linear(made, answers)
    told = total(answers)
    assert told["accepted"] + told["EventRefused"] == PROCESSES * 200
    assert min(told.values()) > 0
    assert made.data["count"] == told["accepted"] == len(entries) - 1, "no update was lost"
    assert [entry.event for entry in entries[1:]] == [("flip", "flop")[turn % 2] for turn in range(told["accepted"])]


def test_an_event_that_excludes_itself_is_accepted_once(race: Race, ann: Actor) -> None:
    """Eight send the same event at one instant: one has it, seven are refused."""
    for _ in range(5):
        made = create(turns.machine, actor=ann)
        answers = race.run(*[sends(made, "flip")] * PROCESSES)
        assert total(answers) == {"accepted": 1, "EventRefused": PROCESSES - 1}
        linear(made, answers)


def test_an_expected_sequence_lets_one_through(race: Race, ann: Actor) -> None:
    """Eight decide on the same sight of the instance: one acts on it, seven are told that it has moved."""
    made = create(turns.machine, actor=ann)
    answers = race.run(*[sends(made, "tick", expected_sequence=1)] * PROCESSES)
    assert total(answers) == {"accepted": 1, "SequenceMismatch": PROCESSES - 1}
    linear(made, answers)


def test_force_and_send_take_turns(race: Race, ann: Actor) -> None:
    """An operator's force is a step among others: what is accepted fits the state that it finds."""
    made = create(turns.machine, actor=ann)
    forces = {"scenario": "force", "pk": made.pk, "targets": ["heads", "tails"] * 15, "actor": RACER}
    answers = race.run(*[sends(made, *["flip", "flop"] * 15)] * (PROCESSES // 2), *[forces] * (PROCESSES // 2))
    entries = linear(made, answers)
    told = Counter(entry.event for entry in entries)
    assert told["statemachines.force"] == PROCESSES // 2 * 30
    assert made.data["count"] == told["flip"] + told["flop"]
    assert all(entry.source == ["heads"] for entry in entries if entry.event == "flip")


def test_a_key_is_created_once(race: Race) -> None:
    """Eight create one key: one has it, seven are told that it exists, and one instance with one entry is there."""
    call = {"scenario": "create", "machine": "races.turns", "key": "the one", "actor": RACER}
    assert total(race.run(*[call] * PROCESSES)) == {"accepted": 1, "InstanceExists": PROCESSES - 1}
    assert len(linear(MachineInstance.objects.get())) == 1


@pytest.mark.parametrize("key", ["the one", None])
def test_one_request_creates_once(race: Race, key: str | None) -> None:
    """The same request by eight at once creates one instance, which all get, also where the key is left to chance."""
    call = {"scenario": "create", "machine": "races.turns", "key": key, "actor": RACER, "idempotency_key": "k"}
    answers = race.run(*[call] * PROCESSES)
    made = MachineInstance.objects.get()
    assert [answer["done"] for answer in answers] == [[made.pk]] * PROCESSES
    assert len(linear(made)) == 1


@pytest.mark.parametrize("event", ["tick", "flip"])
def test_one_request_is_done_once(race: Race, ann: Actor, event: str) -> None:
    """The same event under the same key by eight at once is done once, and all others get that answer, marked so.

    Also where a second doing would be refused.
    """
    made = create(turns.machine, actor=ann)
    answers = race.run(*[sends(made, event, event, idempotency_key="k")] * PROCESSES)
    assert total(answers) == {"accepted": 1, "replayed": 2 * PROCESSES - 1}
    assert [answer["done"] for answer in answers] == [[2, 2]] * PROCESSES
    assert (len(linear(made)), made.data["count"], made.refusals.count()) == (2, 1, 0)
    assert IdempotencyRecord.objects.count() == 1


def test_one_key_for_two_bodies_is_a_conflict(race: Race, ann: Actor) -> None:
    """Under one key one of two bodies is done, whoever comes first; whoever sends the other one is told."""
    made = create(turns.machine, actor=ann)
    half = PROCESSES // 2
    ticks, flips = [sends(made, "tick", idempotency_key="k")], [sends(made, "flip", idempotency_key="k")]
    told = total(race.run(*ticks * half, *flips * half))
    assert told == {"accepted": 1, "replayed": half - 1, "IdempotencyConflict": half}
    assert len(linear(made)) == 2


def test_a_timer_fires_once_and_never_after_its_state_was_left(race: Race, ann: Actor) -> None:
    """Four workers fire the same due timer while four clients leave its state: one of the eight moves the instance."""
    for _ in range(5):
        made = create(notes.machine, data=NoteData(seconds=3600), actor=ann)
        made.send(Occurrence("wait"), actor=ann)
        timer = made.timers.get().pk
        Timer.objects.filter(pk=timer).update(due_at=timezone.now() - timedelta(seconds=1))
        half = PROCESSES // 2
        told = total(race.run(*[{"scenario": "fire", "timer": timer}] * half, *[sends(made, "stop")] * half))
        moved, by = (told["fired"], told["accepted"]), linear(made)[-1].event
        assert moved == ((1, 0) if by.startswith("xstate.after") else (0, 1))
        assert (len(linear(made)), made.timers.count()) == (3, 0)


def test_instances_that_drive_each_other_never_wait_in_a_ring(race: Race, ann: Actor) -> None:
    """Two instances send each other events from effects, in eight workers: each arrives once, no deadlock."""
    one, two = (create(rally.machine, data=Rally(limit=60), actor=ann) for _ in range(2))
    one.send(Meet(two.pk), actor=ann)
    two.send(Meet(one.pk), actor=ann)
    for instance in (one, two) * 3:
        send(instance, "ball", actor=ann)
    race.run(*[{"scenario": "effects"}] * PROCESSES)
    hits = 0
    for instance in (one, two):
        balls = [entry for entry in linear(instance) if entry.event == "ball"]
        assert instance.data["hits"] == len(balls)
        assert instance.effects.count() == min(60, len(balls))
        hits += len(balls)
    assert set(Effect.objects.values_list("status", "attempts")) == {("applied", 1)}
    assert hits == 6 + Effect.objects.count()


def test_a_slow_action_holds_up_its_own_instance_alone(race: Race, ann: Actor) -> None:
    """Seven processes queue behind an action of 50 ms: linear; meanwhile another instance is driven as if alone."""
    busy, free = create(slow.machine, actor=ann), create(turns.machine, actor=ann)
    slow_ones = [sends(busy, *["tick"] * 4)] * (PROCESSES - 1)
    answers = race.run(*slow_ones, sends(free, *["tick"] * 20))
    linear(busy, answers[:-1])
    last = linear(free, answers[-1:])[-1]
    assert busy.data["count"] == 4 * (PROCESSES - 1)
    assert median(answers[-1]["seconds"]) * 2 < median(answers[0]["seconds"])
    assert last.at < busy.updated_at
