"""A process dies at each of the engine's fault points; what is found afterwards, and that another process goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from statemachines.engine import create, faults, send
from statemachines.engine.outbox import run_effect
from statemachines.engine.sweep import claim
from statemachines.engine.timers import fire_timer
from statemachines.models import Effect, IdempotencyRecord, MachineInstance, Timer
from tests.examples.machines import Go, NoteData, notes
from tests.workers import environment

from .monkey import STRIKES

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def file(tmp_path: Path, settings: Any) -> Path:
    settings.STATEMACHINES = {**settings.STATEMACHINES, "DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}
    return tmp_path / "notes"


def dies(point: str, act: str, pk: int, *key: str) -> None:
    """Have a process die at the point."""
    command = [sys.executable, "-m", "tests.chaos.victim", point, act, str(pk), *key]
    ended = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def asking(file: Path) -> tuple[MachineInstance, Effect]:
    """Return an instance that waits for an effect's result, and the effect."""
    made = create(notes.machine, "n", data=NoteData(file=str(file)), system=True)
    made.send("invoke", system=True)
    return made, Effect.objects.get()


def ran(file: Path) -> list[int]:
    """Return the attempts at which the effect ran, all under one key."""
    lines = [line.split() for line in file.read_text().splitlines()]
    assert len({key for key, _ in lines}) == 1
    return [int(attempt) for _, attempt in lines]


def time_passes() -> None:
    """End the leases of the dead."""
    Effect.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def test_the_monkey_strikes_at_every_point() -> None:
    """The monkey, which shares no code with the engine, knows all its points."""
    assert STRIKES == faults.POINTS


def test_before_commit_nothing_has_happened(file: Path) -> None:
    """The dead's event left no trace; sent again under its key it is taken, once."""
    made = create(notes.machine, data=NoteData(file=str(file)), system=True)
    dies(faults.BEFORE_COMMIT, "send", made.pk, "k")
    assert (made.entries.count(), Effect.objects.count(), IdempotencyRecord.objects.count()) == (1, 0, 0)
    assert not send(made, Go(), system=True, idempotency_key="k").replayed
    assert (made.entries.count(), Effect.objects.count()) == (2, 1)


def test_a_timer_that_died_before_commit_fires(file: Path) -> None:
    """The timer is still set, and fires once."""
    made = create(notes.machine, data=NoteData(file=str(file)), system=True)
    made.send("wait", system=True)
    timer = Timer.objects.get()
    dies(faults.BEFORE_COMMIT, "timer", timer.pk)
    assert Timer.objects.filter(pk=timer.pk).exists()
    assert [fire_timer(timer.pk, "default") for _ in range(2)] == [True, False]
    assert list(made.entries.values_list("sequence", flat=True)) == [1, 2, 3]


def test_after_commit_the_sweep_finds_what_nobody_dispatched(file: Path) -> None:
    """The event counts, its repetition is answered as the first time, and the sweep hands its effect over."""
    made = create(notes.machine, data=NoteData(file=str(file)), system=True)
    dies(faults.AFTER_COMMIT, "send", made.pk, "k")
    assert send(made, Go(), system=True, idempotency_key="k").replayed
    effect = Effect.objects.get()
    assert (made.entries.count(), effect.status) == (2, "waiting")
    assert [pk for pk, _, _ in claim("default").effects] == [effect.pk]
    assert run_effect(effect.pk, "default") is True
    assert ran(file) == [1]


def test_an_effect_that_ran_in_vain_runs_again_with_its_key(file: Path) -> None:
    """Nobody knows that it ran: when the lease is over it runs again, as a second attempt, and is applied once."""
    made, effect = asking(file)
    dies(faults.EFFECT_RAN, "effect", effect.pk)
    assert run_effect(effect.pk, "default") is False, "it is still the dead one's"
    time_passes()
    assert run_effect(effect.pk, "default") is True
    made.refresh_from_db()
    effect.refresh_from_db()
    assert (made.state, effect.status, effect.attempts, ran(file)) == ("answered", "applied", 2, [1, 2])
    assert made.entries.filter(event="xstate.done.actor.asked").count() == 1


def test_a_committed_result_is_applied_without_running_again(file: Path) -> None:
    """It is known that it ran: another process applies the result, and runs nothing."""
    made, effect = asking(file)
    dies(faults.RESULT_COMMITTED, "effect", effect.pk)
    effect.refresh_from_db()
    assert (effect.status, effect.result) == ("ran", "noted by n")
    time_passes()
    assert run_effect(effect.pk, "default") is True
    made.refresh_from_db()
    effect.refresh_from_db()
    assert (made.state, effect.status, effect.attempts, ran(file)) == ("answered", "applied", 1, [1])
    assert made.entries.filter(event="xstate.done.actor.asked").count() == 1


def test_applying_dies_before_its_commit(file: Path) -> None:
    """An application that did not commit is done again, alone: the machine has the result once, the effect ran once."""
    made, effect = asking(file)
    dies(faults.RESULT_COMMITTED, "effect", effect.pk)
    time_passes()
    dies(faults.BEFORE_COMMIT, "effect", effect.pk)
    time_passes()
    assert run_effect(effect.pk, "default") is True
    assert (ran(file), made.entries.count()) == ([1], 3)
