"""Limits and holds: how many run at once, how far apart they start, and what waits until somebody lets it go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from statemachines import InvalidValue
from statemachines.core.events import Actor
from statemachines.engine import create, faults, hold, pace, preview, release
from statemachines.engine.claims import claim
from statemachines.engine.outbox import EffectCall, run_effect
from statemachines.engine.sweep import sweep
from statemachines.engine.timers import fire_timers
from statemachines.models import Effect, EffectHold, EffectPace, MachineInstance, Timer
from statemachines.testing import time_travel
from tests.examples.machines import NoteData, notes

from .works import Died, asked, at_once, claimed, dies, dying_at, make_due, raises, returns, run, state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("any_store", "handed")]

ANN = Actor("user", "7", "Ann")


def started(count: int) -> Callable[[datetime], list[datetime]]:
    """Ask for so many effects; return what runs those that may start now, and tells when each has started."""
    effects = [asked("paced")[1] for _ in range(count)]
    times: dict[int, datetime] = {}

    def due(now: datetime) -> list[datetime]:
        for effect in effects:
            if effect.pk not in times and run(effect):
                times[effect.pk] = now
        return sorted(times.values())

    return due


def test_starts_are_spaced_exactly() -> None:
    """Two a minute are 30 s apart, to the microsecond; none starts before its turn, and each asks only once."""
    with time_travel() as clock:
        due = started(4)
        begun = clock.now
        assert due(clock.now) == [begun]
        turns = sorted(Effect.objects.filter(status="waiting").values_list("due_at", flat=True))
        assert turns == [begun + timedelta(seconds=30 * number) for number in (1, 2, 3)]
        clock.set(begun + timedelta(seconds=30, microseconds=-1))
        assert len(due(clock.now)) == 1
        for number in (1, 2, 3):
            clock.set(begun + timedelta(seconds=30 * number))
            assert due(clock.now) == [begun + timedelta(seconds=30 * turn) for turn in range(number + 1)]
        pace = EffectPace.objects.get()
        assert pace.next_at == begun + timedelta(seconds=120)


def test_after_an_outage_turns_are_taken_anew() -> None:
    """Those whose turns passed while no worker was there do not start together, but as far apart as ever."""
    with time_travel() as clock:
        due = started(4)
        begun = clock.now
        due(begun)
        clock.set(begun + timedelta(hours=1))
        late = clock.now
        assert due(late) == [begun, late]
        clock.set(late + timedelta(seconds=30))
        assert due(clock.now)[2:] == [clock.now]
        clock.set(late + timedelta(seconds=60))
        assert due(clock.now)[3:] == [clock.now]


def test_limits_that_have_long_been_free_are_forgotten() -> None:
    """The sweep deletes them, so that a key that comes once leaves nothing; what is busy, or due to be, stays."""
    with time_travel() as clock:
        for account in "ab":
            run(asked("single", account=account)[1])
        clock.advance(minutes=59)
        sweep("default")
        run(asked("single", account="b")[1])
        started(1)(clock.now)
        clock.advance(minutes=2)
        sweep("default")
        kept = [("examples.paced", ""), ("examples.single", "b")]
        assert sorted(EffectPace.objects.values_list("name", "key")) == kept
        run(asked("single", account="a")[1])
        assert EffectPace.objects.count() == 3


def test_a_turn_that_is_late_by_less_than_the_spacing_is_kept() -> None:
    """A worker that comes a little late starts at once."""
    with time_travel() as clock:
        due = started(2)
        begun = clock.now
        due(begun)
        clock.set(begun + timedelta(seconds=59))
        assert due(clock.now) == [begun, clock.now]


def test_another_try_takes_another_turn() -> None:
    """A retry is a start like any other."""
    with time_travel() as clock:
        _, first = asked("paced")
        _, second = asked("paced")
        run(first, raises(OSError("down")))
        run(second)
        clock.advance(seconds=1)
        run(first)
        assert (first.status, first.attempts, first.due_at) == ("waiting", 1, clock.now + timedelta(seconds=59))
        clock.advance(seconds=29)
        assert run(second) is True
        clock.advance(seconds=30)
        assert run(first) is True


def test_one_at_a_time_by_key(handed: list[Any]) -> None:
    """While one of an account runs the next waits for its place, another account's does not; then it is handed on."""
    _, first = asked("single", account="a")
    _, second = asked("single", account="a")
    _, other = asked("single", account="b")

    def slow(given: Any, call: EffectCall) -> str:
        assert run(second, dies) is False
        assert (second.status, second.attempts) == ("waiting", 0)
        assert run(other) is True
        handed.clear()
        return "a"

    assert run(first, slow) is True
    assert handed == [("effect", second.pk)], "the place is free: its turn comes at once"
    assert run(second) is True
    assert set(EffectPace.objects.values_list("name", "key")) == {("examples.single", "a"), ("examples.single", "b")}


def test_a_dead_workers_place_is_free_after_its_lease() -> None:
    """A crash holds up its key for as long as the lease, not for ever."""
    _, first = asked("single")
    _, second = asked("single")
    with pytest.raises(Died):
        run(first, dies)
    assert run(second, dies) is False
    make_due(first)
    make_due(second)
    assert run(second) is True
    assert run(first) is True


def test_the_next_in_line_is_one_that_may_go_on(handed: list[Any]) -> None:
    """A free place is not offered to a paused instance's effect."""
    _, first = asked("single")
    paused, _ = asked("single")
    _, third = asked("single")
    MachineInstance.objects.filter(pk=paused.pk).update(status="paused")
    handed.clear()
    run(first)
    assert handed == [("effect", third.pk)]


@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_concurrency_holds_among_threads_on_postgres(level: str) -> None:
    """Of many workers that claim at once, one gets the place, at every isolation level."""
    effects = [asked("single")[1] for _ in range(6)]
    lock, running, most, waits = threading.Lock(), 0, 0, threading.Barrier(6, timeout=20)

    def function(given: Any, call: EffectCall) -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        threading.Event().wait(0.05)
        with lock:
            running -= 1
        return "done"

    def mine(number: int) -> str:
        return str(Effect.objects.get(pk=effects[number].pk).status)

    def worker(number: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}")
        waits.wait()
        deadline = time.monotonic() + 20
        while mine(number) != "applied" and time.monotonic() < deadline:
            with suppress(OperationalError):  # it lost four times in a row: the sweep comes again
                make_due(effects[number])
                run_effect(effects[number].pk, "default", function=function)

    at_once(6, worker)
    assert most == 1
    assert set(Effect.objects.values_list("status", flat=True)) == {"applied"}


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_claim_that_loses_a_race_is_made_again_on_postgres(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above READ COMMITTED the database refuses the second of two claims for one place; it is tried anew, and waits."""
    first, second = asked("single")[1], asked("single")[1]
    run(asked("single")[1])  # the row of the limit is there
    met = threading.Barrier(2, timeout=20)
    tries: list[int] = []
    locked = pace._locked

    def meeting(effect: Effect, using: str) -> EffectPace:
        tries.append(effect.pk)
        if len(tries) <= 2:
            met.wait()  # both have their snapshots
        return locked(effect, using)

    monkeypatch.setattr(pace, "_locked", meeting)

    def worker(number: int) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {level}")
        return claim((first, second)[number].pk, "default")

    claims = at_once(2, worker)
    assert [one is None for one in claims].count(True) == 1
    assert len(tries) == 3
    assert sorted(Effect.objects.filter(pk__in=[first.pk, second.pk]).values_list("status", flat=True)) == [
        "running",
        "waiting",
    ]


def test_both_limits_hold_together() -> None:
    """A place comes first, then a turn: who waits for a place uses up no turns."""
    with time_travel() as clock:
        effects = [asked("both")[1] for _ in range(3)]
        begun = clock.now
        with pytest.raises(Died):
            run(effects[0], dies)  # runs from now on
        for _ in range(5):
            clock.advance(seconds=1)
            assert [run(one, dies) for one in effects[1:]] == [False, False]
        assert EffectPace.objects.get().next_at == begun + timedelta(seconds=10)
        Effect.objects.filter(pk=effects[0].pk).update(status="applied", ended_at=clock.now)
        clock.advance(seconds=1)
        run(effects[1], dies)
        effects[1].refresh_from_db()
        assert (effects[1].status, effects[1].due_at) == ("waiting", begun + timedelta(seconds=10))


def test_a_key_that_is_too_long_is_an_error_of_the_machine() -> None:
    """It is told where the effect is asked for, with nothing written."""
    with pytest.raises(Exception, match="limit's key has 300 characters"):
        asked("single", account="x" * 300)
    assert not Effect.objects.exists()


def test_a_held_effect_does_not_start_and_others_do() -> None:
    """The payment provider is down: its effects wait, on all instances, without using up their tries."""
    held = hold("tried", reason="provider is down", actor=ANN)
    assert (held.name, held.reason, held.actor_label) == ("examples.tried", "provider is down", "Ann")
    made, effect = asked("invoke_tried")
    _, other = asked("timed")
    assert claimed() == [other.pk]
    assert (run(effect, dies), run(other)) == (False, True)
    effect.refresh_from_db()
    assert (effect.status, effect.attempts) == ("waiting", 0)
    assert release("tried") is True
    assert release("examples.tried") is False
    assert claimed() == [effect.pk]
    assert run(effect) is True
    assert state(made) == "answered"


def test_a_hold_catches_what_is_tried_again() -> None:
    """It waits for its next try, and is not lost when its time comes."""
    _, effect = asked("tried")
    run(effect, raises(OSError("down")))
    hold("tried", reason="down", system=True)
    make_due(effect)
    assert (claimed(), run(effect, dies)) == ([], False)
    release("tried")
    assert claimed() == [effect.pk]
    assert run(effect) is True
    assert effect.attempts == 2


def test_what_was_handed_over_before_the_hold_is_taken_up_at_once_after_it() -> None:
    """A message that a worker turned down while the effect was held does not count as handed over."""
    _, effect = asked("tried")
    _, lost = asked("tried")
    assert sorted(claimed()) == [effect.pk, lost.pk]
    hold("tried", reason="down", system=True)
    assert run(effect, dies) is False
    release("tried")
    assert sorted(claimed()) == [effect.pk, lost.pk]


def test_results_of_a_held_kind_are_applied() -> None:
    """A hold is about starting: what ran already is applied, what died waits."""
    made, effect = asked("invoke_tried")
    with dying_at(faults.RESULT_COMMITTED):
        run(effect, returns("kept"))
    dead = asked("tried")[1]
    with pytest.raises(Died):
        run(dead, dies)
    hold("tried", reason="down", system=True)
    make_due(effect)
    make_due(dead)
    assert (run(effect, dies), run(dead, dies)) == (True, False)
    dead.refresh_from_db()
    assert (state(made), dead.status, dead.attempts) == ("answered", "running", 1)


def test_everything_can_be_held_and_looked_at_before_it_fires() -> None:
    """After a restore from a backup nothing starts, fires or is applied; what would is told, the soonest first."""
    with time_travel() as clock:
        begun = clock.now
        made, effect = asked("invoke_tried")
        ran = asked("invoke_tried")[1]
        with dying_at(faults.RESULT_COMMITTED):
            run(ran, returns("kept"))
        pended = asked("asks")[1]
        run(pended)
        waiting = create(notes.machine, data=NoteData(seconds=90.0), system=True)
        waiting.send("wait", system=True)
        paused, _ = asked("tried")
        MachineInstance.objects.filter(pk=paused.pk).update(status="paused")
        hold("*", reason="restored from last night's backup", actor=ANN)
        clock.advance(hours=2)
        told = [(one.kind, one.machine, one.name, one.count, one.first - begun, one.held) for one in preview()]
        second = timedelta(seconds=1)
        assert told == [
            ("effect", "examples.jobs", "examples.tried", 1, 0 * second, True),
            ("result", "examples.jobs", "examples.tried", 1, 5 * second, True),
            ("timer", "examples.notes", "xstate.after.some_seconds.notes.waiting", 1, 90 * second, True),
            ("deadline", "examples.jobs", "examples.asks", 1, 3600 * second, True),
        ]
        assert claimed() == []
        assert [run(one, dies) for one in (effect, ran, pended)] == [False] * 3
        assert fire_timers([Timer.objects.get().pk], "default") == 0
        statuses = [Effect.objects.get(pk=one.pk).status for one in (effect, ran, pended)]
        assert statuses == ["waiting", "ran", "pending"]
        release("*")
        assert [one.held for one in preview()] == [False] * 4
        assert sorted(claimed()) == sorted([effect.pk, ran.pk, pended.pk])
        assert run(effect) is True
        assert state(made) == "answered"


@pytest.mark.parametrize("name", ["chargge", "", "examples.chargge"])
def test_a_hold_of_a_name_that_is_none_is_refused(name: str) -> None:
    """A misspelt hold would hold nothing, on the worst day."""
    with pytest.raises(InvalidValue, match="effect's stored name"):
        hold(name, reason="down", system=True)
    with pytest.raises(InvalidValue, match="why this is done"):
        hold("tried", reason=" ", system=True)
    assert not EffectHold.objects.exists()


def test_holding_again_gives_the_new_reason() -> None:
    """One hold per kind, with the latest reason."""
    hold("tried", reason="down", system=True)
    hold("tried", reason="still down", actor=ANN)
    assert list(EffectHold.objects.values_list("name", "reason", "actor_label")) == [
        ("examples.tried", "still down", "Ann")
    ]
