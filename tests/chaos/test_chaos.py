"""A short run with every kind of fault, and the engine broken on purpose: the checker passes the one, not the other.

Limits: each run has servers of its own, so that no other test notices.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from .monkey import STRIKES, Fault, schedule
from .run import VERDICT, Plan, Run

AFTER_COMMIT, RESULT_COMMITTED = STRIKES[1], STRIKES[3]

DIRECTED = Plan(
    seed=5,
    seconds=3,
    faults=[Fault(at, kind) for at, kind in ((0.3, AFTER_COMMIT), (0.8, RESULT_COMMITTED), (2.2, AFTER_COMMIT))],
    orders=6,
    customers=6,
    errands=8,
    counters=2,
    workers=1,
    quiet=60,
)
"""Contended counts, timers that are all delivered twice, and deaths at the two points that the breakages are about."""

CAUGHT = {
    "no_lock": "its history is not linear",
    "no_ran": "whose result was committed",
    "no_recheck": "too early",
    "late_outbox": "asks for the effects",
}


def judged(folder: Path, expected: str = "", **env: str) -> list[str]:
    """Return what the checker says of the directed run."""
    return Run(DIRECTED, folder, expected, CHAOS_TWICE="1", **env).judged()[1]


def test_a_short_run_loses_nothing() -> None:
    """With every kind of fault in ten seconds nothing is lost and nothing doubled."""
    command = [sys.executable, "-m", "tests.chaos", "--seconds", "10", "--seed", "3"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, VERDICT), (
        ended.stdout[-6000:] + ended.stderr[-2000:]
    )


def test_the_directed_run_passes_unbroken(tmp_path: Path) -> None:
    """The engine as it is survives what catches the broken ones."""
    assert judged(tmp_path) == []


@pytest.mark.parametrize("breakage", CAUGHT)
def test_a_broken_engine_is_caught(breakage: str, tmp_path: Path) -> None:
    """Without lock, without *ran*, with timers not rechecked, or an outbox after the commit, the checker complains."""
    wrong = judged(tmp_path, CAUGHT[breakage], CHAOS_BREAK=breakage)
    assert any(CAUGHT[breakage] in complaint for complaint in wrong), "\n".join(wrong) or "no complaint"


def test_a_seed_is_a_schedule() -> None:
    """The same seed gives the same faults at the same times, another one others; a longer run has more of them."""
    assert schedule(1, 60) == schedule(1, 60) != schedule(2, 60)
    assert len({fault.kind for fault in schedule(1, 10)}) == 12
    assert len(schedule(1, 120)) == 30


def test_a_broker_that_is_not_there_is_told_at_once() -> None:
    """A URL of a RabbitMQ that nobody serves ends the run with a sentence, its password hidden."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"amqp://me:secret@127.0.0.1:{probe.getsockname()[1]}//"
        command = [sys.executable, "-m", "tests.chaos", "--seconds", "10"]
        environment = os.environ | {"CELERY_BROKER_URL": url}
        ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert ended.returncode == 1
    assert "cannot be reached" in ended.stderr
    assert "secret" not in ended.stderr
