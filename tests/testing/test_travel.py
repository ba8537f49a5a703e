"""`time_travel` and the fixture `machines`: the engine's one clock, and the effects, in the hands of a test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection

from statemachines import After, Machine, State, registry
from statemachines.core.events import Actor
from statemachines.engine import EffectCall, clock, create
from statemachines.engine.dispatch import horizon
from statemachines.engine.sweep import HANDED, claim
from statemachines.exceptions import EventRefused, MachineError
from statemachines.models import Effect, IdempotencyRecord, MachineInstance, RefusedAttempt, Timer
from statemachines.registry import register
from statemachines.testing import time_travel
from statemachines.testing.travel import Clock
from tests.examples.machines import Close, Go, NoteData, door, note, notes

ANN = Actor("user", "7", "Ann")
pytestmark = pytest.mark.usefixtures("any_store")


@pytest.fixture(params=["orm", "postgres"])
def any_store(request: pytest.FixtureRequest, settings: Any, db: None) -> None:
    name = request.param if connection.vendor == "postgresql" else "orm"
    settings.STATEMACHINES = {**settings.STATEMACHINES, "STORE": name}


def noted(*events: Any, **data: Any) -> MachineInstance:
    made = create(notes.machine, data=NoteData(**data), system=True)
    for event in events:
        made.send(event, actor=ANN)
    return made


def state(instance: MachineInstance) -> str:
    instance.refresh_from_db()
    return instance.state


def test_the_clock_stands_still_and_moves_when_it_is_told(machines: Clock) -> None:
    """A timer fires when the clock has reached its time, not before, and the entry says that time."""
    begin = machines.now
    made = noted("wait", seconds=86_400)
    assert (machines.advance(hours=23), state(made)) == (0, "waiting")
    assert (machines.advance(hours=2), state(made)) == (1, "rang")
    assert made.entries.get(sequence=3).at == begin + timedelta(days=1)
    assert machines.now == begin + timedelta(hours=25)


def test_timers_of_all_instances_fire_in_order_each_at_its_time(machines: Clock) -> None:
    """Also those that are set on the way: the clock stops at each."""
    begin = machines.now
    late, early = noted("wait", seconds=7200), noted("wait", seconds=60)
    sent = create("examples.sender", system=True)
    sent.send("start", actor=ANN)
    assert machines.advance(days=1) == 3
    fired = [(state(one), one.updated_at - begin) for one in (early, sent, late)]
    assert fired == [("rang", timedelta(minutes=1)), ("d", timedelta(hours=1)), ("rang", timedelta(hours=2))]


def test_every_time_that_the_engine_reads_is_of_this_clock(machines: Clock) -> None:
    """History, effects, refusals, idempotency records and the sweep's claims all go by it."""
    machines.set(datetime(2035, 5, 5, tzinfo=UTC))
    made = create(door.machine, system=True, idempotency_key="k")
    with pytest.raises(EventRefused):
        made.send(Close(), actor=ANN)
    noted(Go())
    effect = Effect.objects.get()
    seen = {
        made.created_at,
        made.updated_at,
        made.entries.get().at,
        effect.created_at,
        effect.due_at,
        RefusedAttempt.objects.get().first_at,
        IdempotencyRecord.objects.get().created_at,
        clock.now("default"),
    }
    assert seen == {machines.now}
    assert [pk for pk, _, _ in claim("default").effects] == [effect.pk]
    assert Effect.objects.get().handed_until == horizon(machines.now) + HANDED


def test_effects_wait_until_they_are_run(machines: Clock, tmp_path: Path) -> None:
    """Nothing is handed to workers; run() does what waits, for real, through the outbox."""
    made = noted("invoke", file=str(tmp_path / "notes"))
    assert [one.name for one in machines.effects.waiting] == ["examples.note"]
    machines.advance(hours=1)
    assert state(made) == "asking"
    (ran,) = machines.effects.run()
    assert (ran.status, ran.result, state(made)) == ("applied", f"noted by {made.key}", "answered")
    assert machines.effects.waiting == []


def test_an_effect_is_faked(machines: Clock) -> None:
    """Its function does not run, its result is the given one, or that of a function in its place."""
    machines.effects.fake(note, "yes")
    made = noted("invoke")
    machines.effects.run(note)
    assert (state(made), made.data["answer"]) == ("answered", "yes")

    def by(data: NoteData, call: EffectCall) -> str:
        return f"{call.attempt} for {data.seconds}"

    machines.effects.fake("examples.note", by)
    made = noted("invoke", seconds=3)
    machines.effects.run("note")
    assert (state(made), made.data["answer"]) == ("answered", "1 for 3.0")


def test_an_effect_fails_for_good(machines: Clock) -> None:
    """The machine gets the error at once, as after all tries."""
    machines.effects.fail(note, ConnectionError("no line"))
    made = noted("invoke")
    (ran,) = machines.effects.run()
    assert (state(made), ran.status) == ("failed", "failed")
    assert made.entries.get(sequence=3).payload == {"type": "ConnectionError", "message": "no line"}


def test_an_effect_fails_some_times(machines: Clock) -> None:
    """The tries go on after the engine's waits as the clock moves, then the fake's result comes."""
    machines.effects.fake(note, "at last")
    machines.effects.fail(note, times=2)
    made = noted("invoke")
    machines.effects.run()
    assert (state(made), Effect.objects.get().attempts) == ("asking", 1)
    machines.advance(minutes=1)
    effect = Effect.objects.get()
    assert (state(made), effect.attempts, effect.ended_at) == ("answered", 3, effect.created_at + timedelta(seconds=3))


def test_an_effect_takes_its_time(machines: Clock) -> None:
    """A delayed effect ends when its time has come, among the timers, in order."""
    begin = machines.now
    machines.effects.fake(note, "late")
    machines.effects.delay(note, minutes=5)
    made, other = noted("invoke"), noted("wait", seconds=360)
    assert machines.effects.run() == []
    machines.advance(minutes=10)
    assert (state(made), made.updated_at - begin) == ("answered", timedelta(minutes=5))
    assert (state(other), other.updated_at - begin) == ("rang", timedelta(minutes=6))


def test_an_error_that_nobody_asked_for_fails_the_test(machines: Clock, tmp_path: Path) -> None:
    """An effect that raises is not swallowed by the retries, unless the test says so."""
    made = noted("invoke", file=str(tmp_path / "notes"), fail=1)
    with pytest.raises(AssertionError, match=r"examples.note raised ConnectionError\('not yet'\). effects.fail"):
        machines.effects.run()
    machines.advance(seconds=1)
    made = noted("invoke", file=str(tmp_path / "notes"), fail=1)
    first, second = machines.effects.run(raises=False)
    assert (first.status, second.status, second.attempts) == ("applied", "waiting", 1)
    assert state(made) == "asking"


def test_a_bug_of_a_machine_fails_the_test(machines: Clock) -> None:
    """What a timer's macrostep raises comes out of advance()."""
    made = noted("wait", seconds=1)
    Timer.objects.update(event="go")
    MachineInstance.objects.filter(pk=made.pk).update(machine="examples.broken", configuration=["a"], data={})
    with pytest.raises(MachineError, match="guard divides"):
        machines.advance(minutes=1)


def test_the_clock_goes_back_by_set_only(machines: Clock) -> None:
    """Time passes forwards; an instance never sees a time before its last entry."""
    with pytest.raises(ValueError, match="set"):
        machines.advance(hours=-1)
    made = noted()
    machines.set(machines.now - timedelta(days=1))
    made.send("wait", actor=ANN)
    assert made.updated_at == made.created_at


def test_it_follows_time_machine() -> None:
    """Where time-machine has moved Python's clock, the engine's is the same; jumps are caught up with advance()."""
    with time_machine.travel(datetime(2031, 1, 1, tzinfo=UTC), tick=False) as traveller, time_travel() as travelled:
        assert travelled.now == datetime(2031, 1, 1, tzinfo=UTC)
        made = noted("wait", seconds=3600)
        traveller.shift(timedelta(hours=2))
        assert travelled.now == datetime(2031, 1, 1, 2, tzinfo=UTC)
        assert (travelled.advance(), state(made)) == (1, "rang")
        assert made.updated_at == datetime(2031, 1, 1, 1, tzinfo=UTC)
        travelled.advance(days=1)
        assert travelled.now == datetime(2031, 1, 2, 2, tzinfo=UTC)


def test_it_begins_where_it_is_told_and_ends_with_the_block() -> None:
    """`to` sets the clock; after the block the engine goes by the database's again."""
    there = datetime(2040, 2, 29, tzinfo=UTC)
    with time_travel(to=there) as travelled:
        assert (travelled.now, clock.now("default")) == (there, there)
        with time_travel() as inner:
            assert clock.now("default") == inner.now != there
        assert clock.now("default") == there
    assert clock.now("default") != there


@pytest.fixture
def hasty() -> Iterator[str]:
    """A machine whose timer is due at once again and again, known for the length of a test."""
    made = register(Machine("hasty", State("a", After(timedelta(0), "a", reenter=True))), app_label="examples")
    yield made.name
    del registry._machines[made.name]


def test_time_that_never_passes_is_an_error(machines: Clock, hasty: str) -> None:
    """A machine whose timer is always due ends the test, and does not hang it."""
    create(hasty, system=True)
    with pytest.raises(RuntimeError, match="at once again and again"):
        machines.advance(days=1)
