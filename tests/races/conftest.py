"""Real processes that race each other on the test's database.

Limits: needs PostgreSQL and committed data. The processes are started once and answer many calls, each on a connection
of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from django.db import connection

from statemachines import Actor
from statemachines.models import HistoryEntry, MachineInstance, RefusedAttempt
from tests.workers import environment

from . import barrier

PROCESSES = 8


class Player:
    """A process, and how to talk to it."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.calls = 0
        command = [sys.executable, "-m", "tests.races.player"]
        environ = environment() | {"PGAPPNAME": "player", "DEBUG": "False"}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, text=True
            )

    def call(self, scenario: str, **arguments: Any) -> None:
        assert self.process.stdin is not None
        self.calls += 1
        self.process.stdin.write(json.dumps([self.calls, {"scenario": scenario, **arguments}]) + "\n")
        self.process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Return the tally of the last call. Fails where it met anything that no caller should."""
        assert self.process.stdout is not None
        limit = Timer(barrier.DEADLINE, self.process.kill)
        limit.start()
        try:
            number = 0
            while number < self.calls:  # answers to what a failed test did not wait for come first
                line = self.process.stdout.readline()
                assert line, f"A player died or hung. {self.log.read_text(errors='replace')[-3000:]}"
                number, told = json.loads(line)
        finally:
            limit.cancel()
        tally: dict[str, Any] = told
        assert not tally["unexpected"], "\n".join(tally["unexpected"])
        return tally

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.terminate()
        self.process.wait(10)


class Race:
    """Calls made by a process each, all at the same instant."""

    def __init__(self, players: list[Player]) -> None:
        self.players = players

    def run(self, *calls: dict[str, Any], met: int = 0) -> list[dict[str, Any]]:
        """Return the answer to each call. Fails where other than `met` deadlocks were met on the way."""
        racing = self.players[: len(calls)]
        before = deadlocks()
        with barrier.closed():
            for player, call in zip(racing, calls, strict=True):
                player.call(**call)
            barrier.until_waiting(len(calls))
        answers = [player.answer() for player in racing]
        assert deadlocks() - before == met
        return answers


def deadlocks() -> int:
    """Count the database's deadlocks, once the players' sessions have gone: that is when they tell theirs."""
    deadline = time.monotonic() + barrier.DEADLINE
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'player'"
            )
            if not cursor.fetchone()[0]:
                break
            assert time.monotonic() < deadline, "The players' sessions did not end."
            time.sleep(0.002)
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        counted: int = cursor.fetchone()[0]
        return counted


@pytest.fixture(scope="session")
def processes(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Player]]:
    folder = tmp_path_factory.mktemp("players")
    players = [Player(folder / f"{number}.log") for number in range(PROCESSES)]
    yield players
    for player in players:
        player.close()


@pytest.fixture
def race(processes: list[Player], transactional_db: None, settings: Any) -> Race:
    settings.STATEMACHINES = {**settings.STATEMACHINES, "DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}
    return Race(processes)


@pytest.fixture
def ann() -> Actor:
    return Actor("user", "7", "Ann")


def total(answers: list[dict[str, Any]]) -> Counter[str]:
    """Add up the outcomes of all processes."""
    return sum((Counter(answer["outcomes"]) for answer in answers), Counter())


def linear(
    instance: MachineInstance, answers: list[dict[str, Any]] | None = None, *, kind: str = "racer", since: int = 1
) -> list[HistoryEntry]:
    """Hold an instance's rows to the invariants, and to what the processes were told; return its history.

    Sequences are 1..n, each entry starts where the one before ended and not before it, the row is where the last one
    ended; each acceptance is one entry after `since` of an actor of the `kind`, and each refusal left its trace and
    nothing else.
    """
    instance.refresh_from_db()
    entries = list(HistoryEntry.objects.filter(instance=instance).order_by("sequence"))
    assert [entry.sequence for entry in entries] == list(range(1, len(entries) + 1))
    for before, after in pairwise(entries):
        assert (after.source, after.at >= before.at) == (before.target, True)
    assert (instance.sequence, instance.configuration) == (len(entries), entries[-1].target)
    if answers is not None:
        accepted = [sequence for answer in answers for sequence in answer["done"]]
        assert sorted(accepted) == [entry.sequence for entry in entries[since:] if entry.actor_kind == kind]
        assert all(answer["done"] == sorted(answer["done"]) for answer in answers), "each process saw its own order"
        refused = RefusedAttempt.objects.filter(instance=instance, actor_kind=kind)
        assert sum(refused.values_list("count", flat=True)) == total(answers)["EventRefused"]
    return entries
