"""The whole of it with real processes: PostgreSQL, broker, worker, Beat."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from statemachines.engine import create
from statemachines.models import Effect, HistoryEntry, MachineInstance, Timer
from tests.examples.machines import Go, NoteData, notes
from tests.workers import celery, eventually, send_there

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


def state(instance: MachineInstance) -> str:
    instance.refresh_from_db()
    return str(instance.state)


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
