"""`manage.py statemachines_sweep`: the workers' and Beat's job without them."""

from __future__ import annotations

import io
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from statemachines.engine import create
from statemachines.models import Effect, IdempotencyRecord, MachineInstance, Timer
from tests.examples.machines import Go, NoteData, notes
from tests.workers import environment, eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_workers(settings: Any) -> None:
    """Nothing is handed over at commit: all is the sweep's."""
    settings.STATEMACHINES = {"DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}


def sweep(*arguments: str) -> str:
    out = io.StringIO()
    call_command("statemachines_sweep", *arguments, stdout=out)
    return out.getvalue()


def noted(file: Path, key: str = "n", fail: int = 0) -> MachineInstance:
    made = create(notes.machine, key, data=NoteData(file=str(file), fail=fail), system=True)
    made.send(Go(), system=True)
    return made


def waiting(seconds: float) -> MachineInstance:
    made = create(notes.machine, data=NoteData(seconds=seconds), system=True)
    made.send("wait", system=True)
    return made


def state(instance: MachineInstance) -> str:
    instance.refresh_from_db()
    return str(instance.state)


def test_one_sweep_does_what_is_due_and_says_so(tmp_path: Path) -> None:
    """Due timers fire, waiting effects run, what is later stays; an empty sweep prints nothing."""
    noted(tmp_path / "notes")
    due, later = waiting(0), waiting(3600)
    assert sweep() == "timers fired: 1, effects ended: 1\n"
    assert (state(due), state(later), Effect.objects.get().status) == ("rang", "waiting", "applied")
    assert sweep() == ""


def test_a_sweep_forgets_old_idempotency_records() -> None:
    """As Beat's sweep does."""
    create(notes.machine, data=NoteData(), system=True, idempotency_key="once")
    sweep()
    assert IdempotencyRecord.objects.count() == 1
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(days=2))
    sweep()
    assert not IdempotencyRecord.objects.exists()


def test_a_timer_due_before_the_next_sweep_fires_at_its_time() -> None:
    """What one sweep claimed ahead it also fires, never early."""
    near = waiting(0.3)
    due_at = near.timers.get().due_at
    assert sweep() == "timers fired: 1\n"
    assert state(near) == "rang"
    assert timedelta(0) <= near.updated_at - due_at < timedelta(seconds=2)


def test_one_that_raises_stops_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A machine that this code does not have is logged and left; the others go on."""
    broken, sound = waiting(0), waiting(0)
    MachineInstance.objects.filter(pk=broken.pk).update(version=9)
    noted(tmp_path / "notes", fail=9)
    with caplog.at_level(logging.WARNING, "statemachines"):
        assert sweep() == "timers fired: 1, timers not fired: 1, effects not ended: 1\n"
    assert (state(broken), state(sound), Effect.objects.get().status) == ("waiting", "rang", "waiting")
    assert "is left to a worker that knows its machine" in caplog.text
    assert Timer.objects.get().instance_id == broken.pk


@pytest.mark.django_db(transaction=True, databases=["default", "lite"])
def test_another_database_is_swept_by_its_alias() -> None:
    """--using names the database; an unknown one is told, with those that there are."""
    made = create(notes.machine, data=NoteData(), system=True, using="lite")
    made.send("wait", system=True)
    assert sweep() == ""
    assert sweep("--using", "lite") == "timers fired: 1\n"
    assert state(made) == "rang"
    with pytest.raises(CommandError, match="no database 'light'; name one of: default, lite"):
        sweep("--using", "light")


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The command in a process of its own, and its log."""
    log = tmp_path / "sweep.log"
    command = [sys.executable, "-u", "manage.py", "statemachines_sweep", "--loop"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment(), stdout=output, stderr=output)
    yield process, log
    process.kill()
    process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_loop_goes_on_until_it_is_asked_to_stop(
    loop: tuple[subprocess.Popen[bytes], Path], tmp_path: Path, number: signal.Signals
) -> None:
    """Effects and timers run by themselves, also after its connection was cut; a signal ends it cleanly, with a sum."""
    process, log = loop
    noted(tmp_path / "notes")
    eventually(lambda: Effect.objects.get().status == "applied", log)
    soon = waiting(1.5)
    due_at = soon.timers.get().due_at
    eventually(lambda: state(soon) == "rang", log)
    assert timedelta(0) <= soon.updated_at - due_at < timedelta(seconds=2)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    noted(tmp_path / "notes", "second")
    eventually(lambda: Effect.objects.filter(status="applied").count() == 2, log)
    process.send_signal(number)
    assert process.wait(10) == 0
    assert log.read_text().splitlines()[-1].startswith("Stopped. effects ended: 2, timers fired: 1")
