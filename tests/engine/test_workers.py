"""The whole of it with real processes: PostgreSQL, broker, worker, Beat."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from project.celery import app
from statemachines import tasks
from statemachines.core.events import Actor
from statemachines.engine import create, health, jobs
from statemachines.engine import sweep as sweeping
from statemachines.engine.dispatch import TOGETHER
from statemachines.models import BulkJob, Effect, HistoryEntry, MachineInstance, SweepRecord, Timer
from tests.examples.machines import Go, NoteData, notes
from tests.workers import celery, eventually, send_there

from .works import asked, state

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # kombu leaves its sockets to the garbage collector
]


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process sends to its workers' broker."""
    send_there(monkeypatch)


@pytest.fixture
def workers(tmp_path: Path, broker: None, transactional_db: None) -> Iterator[Path]:
    """A worker and a Beat on this test's database. Yields their log."""
    log = tmp_path / "worker.log"
    with (
        celery(log, "worker", "--concurrency=1", "--loglevel=INFO", "--without-gossip", "--without-mingle"),
        celery(tmp_path / "beat.log", "beat", "--loglevel=INFO", f"--pidfile={tmp_path / 'beat.pid'}"),
    ):
        yield log
    connection.close()


def test_effects_and_timers_run_by_themselves(workers: Path, tmp_path: Path) -> None:
    """An invoked effect completes its state, a timer fires when it is due and not before, a lost hand-over is found."""
    file = tmp_path / "notes"
    asking, waiting, later = (
        create(notes.machine, key, data=NoteData(file=str(file), seconds=seconds), system=True)
        for key, seconds in (("asking", 0.0), ("waiting", 0.3), ("later", 2.5))
    )
    asking.send("invoke", system=True)
    waiting.send("wait", system=True)
    later.send("wait", system=True)
    due_at = {timer.instance_id: timer.due_at for timer in Timer.objects.all()}
    eventually(lambda: state(asking) == "answered", workers)
    assert asking.data["answer"] == "noted by asking"
    for instance in (waiting, later):
        eventually(lambda instance=instance: state(instance) == "rang", workers)
        entry = instance.entries.get(sequence=3)
        assert entry.at >= due_at[instance.pk], "never early"
    assert [line.split()[1] for line in file.read_text().splitlines()] == ["1"]


def test_what_the_broker_lost_the_sweep_finds(workers: Path, tmp_path: Path, settings: Any) -> None:
    """With a dead broker at commit the event succeeds, and Beat's sweep has the effect run all the same."""
    settings.STATEMACHINES = {"DISPATCHER": "tests.engine.dispatchers.Dead"}
    made = create(notes.machine, data=NoteData(file=str(tmp_path / "notes")), system=True)
    made.send(Go(), system=True)
    assert state(made) == "noted"
    eventually(lambda: Effect.objects.get().status == "applied", workers)
    effect = Effect.objects.get()
    assert isinstance(effect.ended_at, datetime)
    assert effect.ended_at - effect.created_at < timedelta(seconds=25)


def test_two_beats_and_two_workers_fire_each_timer_once(workers: Path, tmp_path: Path) -> None:
    """Whoever finds a timer first fires it: no instance moves twice, none is forgotten, none early."""
    with (
        celery(tmp_path / "second.log", "worker", "--concurrency=1", "--hostname=second@%h", "--without-mingle"),
        celery(tmp_path / "beat2.log", "beat", f"--pidfile={tmp_path / 'beat2.pid'}"),
    ):
        made = [create(notes.machine, data=NoteData(seconds=2 + number / 100), system=True) for number in range(60)]
        for one in made:
            one.send("wait", system=True)
        due_at = {timer.instance_id: timer.due_at for timer in Timer.objects.all()}
        eventually(lambda: not Timer.objects.exists(), workers)
    rang = HistoryEntry.objects.filter(event__startswith="xstate.after").values_list("instance_id", "at")
    assert sorted(instance for instance, _ in rang) == sorted(one.pk for one in made)
    assert all(at >= due_at[instance] for instance, at in rang)
    assert set(MachineInstance.objects.values_list("state", "sequence")) == {("rang", 3)}


def test_an_effect_that_takes_longer_than_its_timeout_is_interrupted(workers: Path, file: str) -> None:
    """A prefork worker stops the attempt; it counts as failed, is tried again, and at last the machine is told."""
    made, effect = asked("invoke_hasty", file=file, seconds=20.0)
    eventually(lambda: state(made) == "failed", workers)
    effect.refresh_from_db()
    assert (effect.status, effect.attempts, effect.result["type"]) == ("failed", 2, "SoftTimeLimitExceeded")
    assert [line[1:] for line in traced(file)] == [["1", "begins"], ["2", "begins"]]


def test_only_ids_travel(broker: None, settings: Any) -> None:
    """A message holds the row's id and the database's alias, whatever the effect knows; it is acknowledged late."""
    _, effect = asked("plain", account="secret")
    with app.connection_for_read() as connected, closing(connected.SimpleQueue("celery")) as queue:
        message = queue.get(timeout=10)
        message.ack()
    arguments, keywords, _ = message.payload
    assert (arguments, keywords) == ([effect.pk, "default"], {})
    assert "secret" not in str(message.headers) + str(message.payload)
    assert tasks.run_effect.acks_late
    assert tasks.fire_timers.acks_late


def test_a_message_of_timers_is_for_a_moment_before_the_first(broker: None) -> None:
    """A worker takes it up before the timer is due, and waits, so that what it does to begin makes no timer late."""
    due_at = timezone.now() + timedelta(minutes=1)
    tasks.CeleryDispatcher().fire_timers([7], due_at, "default")
    with app.connection_for_read() as connected, closing(connected.SimpleQueue("control")) as queue:
        message = queue.get(timeout=10)
        message.ack()
    assert datetime.fromisoformat(message.headers["eta"]) == due_at - tasks.LEAD
    assert 2 * TOGETHER >= tasks.LEAD, "else the worker would hand it over again"


def test_effects_that_wait_for_long_are_run_and_not_thrown_away(
    broker: None, tmp_path: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that comes after the sweep has sent its double is as good as that one: a backlog is worked off."""
    monkeypatch.setattr(sweeping, "HANDED", timedelta(0))
    _, effect = asked("plain", file=file)
    time.sleep(1.5)  # longer than the sweep takes it to be on its way
    log = tmp_path / "worker.log"
    with celery(log, "worker", "--pool=solo", "--queues=celery", *QUIET):
        eventually(lambda: Effect.objects.get(pk=effect.pk).status == "applied", log)
    connection.close()


SHORT = "tests.engine.short_lease"
RUN_EFFECT = tasks.run_effect.name
BOTH = ("1 begins", "2 begins", "2 ends")
QUIET = ("--loglevel=INFO", "--without-gossip", "--without-mingle")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_workers_effect_is_taken_up_again_and_a_slow_living_ones_is_not(
    how: signal.Signals, broker: None, tmp_path: Path, file: str
) -> None:
    """Killed, or stopped past its lease: another runs it under the same key; who wakes up then changes nothing."""
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    beat = ("beat", f"--pidfile={tmp_path / 'beat.pid'}")
    with celery(first, "worker", "--pool=solo", "--hostname=first@%h", *QUIET, settings=SHORT) as dying:
        made, effect = asked("invoke_plain", file=file, seconds=1.0)
        eventually(lambda: traced(file) == [[str(effect.key), "1", "begins"]], first)
        dying.send_signal(how)
        two = ("--pool=threads", "--concurrency=3", "--hostname=second@%h")
        with (
            celery(second, "worker", *two, *QUIET, settings=SHORT),
            celery(tmp_path / "beat.log", *beat, settings=SHORT),
        ):
            eventually(lambda: " ready." in second.read_text(), second)
            slow, lasting = asked("invoke_plain", file=str(tmp_path / "slow"), seconds=3.5)
            eventually(lambda: state(made) == "answered", second)
            if how == signal.SIGSTOP:
                dying.send_signal(signal.SIGCONT)
                eventually(lambda: f"Task {RUN_EFFECT}" in first.read_text().rpartition(" received")[2], first)
            eventually(lambda: state(slow) == "answered", second)
    connection.close()
    effect.refresh_from_db()
    lasting.refresh_from_db()
    assert (effect.status, effect.attempts, effect.result, made.entries.count()) == ("applied", 2, "attempt 2", 3)
    assert (lasting.status, lasting.attempts, slow.data["answer"]) == ("applied", 1, "attempt 1")
    woke = [[str(effect.key), "1", "ends"]] if how == signal.SIGSTOP else []
    assert sorted(traced(file)) == sorted([[str(effect.key), *line.split()] for line in BOTH] + woke)


def traced(file: str) -> list[list[str]]:
    return [line.split() for line in Path(file).read_text().splitlines()] if Path(file).exists() else []


def test_a_flood_of_effects_starves_neither_sweeps_nor_timers_nor_operators(
    broker: None, tmp_path: Path, file: str, settings: Any
) -> None:
    """What has the control queue to itself goes on while effects wait for many seconds."""
    effects, control = tmp_path / "effects.log", tmp_path / "control.log"
    flood = [asked("plain", file=file, seconds=0.5)[1] for _ in range(60)]
    with (
        celery(effects, "worker", "--pool=solo", "--queues=celery", "--hostname=effects@%h", *QUIET),
        celery(control, "worker", "--pool=solo", "--queues=control", "--hostname=control@%h", *QUIET),
        celery(tmp_path / "beat.log", "beat", f"--pidfile={tmp_path / 'beat.pid'}"),
    ):
        eventually(lambda: bool(traced(file)), effects)
        eventually(lambda: SweepRecord.objects.exists(), control)
        ringing = [create(notes.machine, data=NoteData(seconds=second), system=True) for second in (0.2, 1.0)]
        for one in ringing:
            one.send("wait", system=True)
        due_at = {timer.instance_id: timer.due_at for timer in Timer.objects.all()}
        job = jobs.plan("pause", [effect.instance_id for effect in flood[:5]], {}, actor=Actor("user", "7"))
        jobs.confirm(job, "too much", {})
        eventually(lambda: all(state(one) == "rang" for one in ringing), control, seconds=10)
        eventually(lambda: BulkJob.objects.get().status == "done", control, seconds=10)
        left = Effect.objects.filter(status="waiting").count()
        age = health().sweep_age
    connection.close()
    late = [one.entries.get(sequence=3).at - due_at[one.pk] for one in ringing]
    assert left > 30, "the flood goes on"
    assert max(late) < timedelta(seconds=1.5)
    assert age is not None
    assert age < 3
