"""A rolling deploy: two releases work side by side on one database, each on the instances that it knows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from statemachines.engine import create, upgrade
from statemachines.engine.versions import record
from statemachines.models import Effect, MachineInstance, Timer
from tests.workers import environment, eventually

from .conftest import Publish
from .journey import V1, Journey, Journey2
from .test_upgrades import NAME, begun, second

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="its workers need a database that processes share"),
]


@contextmanager
def release(number: int, folder: Path) -> Iterator[Path]:
    """Run a release's worker until the block ends; yield its log."""
    log = folder / f"release{number}.log"
    command = [sys.executable, "-m", "tests.versions.release", str(number), str(folder)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment(), stdout=output, stderr=output)
        try:
            yield log
        finally:
            process.terminate()
            process.wait(20)


def in_state(instance: MachineInstance, *states: str) -> bool:
    instance.refresh_from_db()
    return instance.state in states


def test_each_release_works_on_what_it_knows(publishing: Publish, tmp_path: Path) -> None:
    """Timers and effects wait for a worker that knows their version; upgraded ones change hands; nothing doubles."""
    trace = tmp_path / "trace"
    publishing(V1)
    stays, moves = begun("stays", file=str(trace)), begun("moves", file=str(trace))
    second(publishing)
    record("default")
    new = create(NAME, "new", data=Journey2("new", str(trace)), system=True)
    with ExitStack() as releases:
        log = releases.enter_context(release(2, tmp_path))
        eventually(lambda: in_state(new, "pause"), log)
        assert in_state(stays, "greet")  # nobody knows it yet
        assert set(Effect.objects.filter(version=1).values_list("status", "attempts")) == {("waiting", 0)}
        log = releases.enter_context(release(1, tmp_path))
        eventually(lambda: in_state(stays, "wait") and in_state(moves, "wait"), log, 90)
        upgrade(moves, reason="v2", system=True)
        Timer.objects.update(due_at=timezone.now(), handed_until=None)
        eventually(lambda: all(in_state(one, "done") for one in (stays, moves, new)), log, 90)
    versions = dict(MachineInstance.objects.values_list("key", "version"))
    assert versions == {"stays": 1, "moves": 2, "new": 2}
    done = ["greeted moves", "greeted new", "greeted stays"]
    done += ["reminded before moves", "reminded v1 stays", "reminded web new"]
    assert sorted(trace.read_text().splitlines()) == done
    assert stays.snapshot().data == Journey("stays", str(trace))
