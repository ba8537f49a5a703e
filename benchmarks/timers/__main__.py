"""Arm timers, let a worker and Beat fire them, and print how late they were; then as many at once as come.

Lateness is taken after the commit, in the worker, against the timer's due time; Celery's at the start of the task.
Limits: PostgreSQL only, as DATABASE_URL names it; all tables are in a database of the run's own, removed at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
django.setup()

from django.db import connection  # noqa: E402 (it needs the settings)

from statemachines.engine import clock as engine_clock  # noqa: E402
from statemachines.engine import create, send  # noqa: E402
from statemachines.models import Effect, HistoryEntry, MachineInstance, Timer  # noqa: E402
from tests.workers import broker_url, celery, eventually  # noqa: E402

from . import machines, tasks  # noqa: E402

SPREAD = 2.0
"""Seconds over which the timers are due."""

WORKER = ("worker", "--concurrency=2", "--loglevel=WARNING", "--without-gossip", "--without-mingle")


class Late(NamedTuple):
    """Lateness in ms."""

    p50: float
    p99: float
    most: float
    early: int
    count: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.timers", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one round instead of five, 2,000 timers at once")
    parser.add_argument("--rounds", type=int, help="how many rounds of timers over two seconds")
    parser.add_argument("--timers", type=int, default=500, help="timers due over two seconds")
    parser.add_argument("--at-once", type=int, help="timers due at once")
    given = parser.parse_args()
    rounds, at_once = (1, 2_000) if given.quick else (5, 10_000)
    if connection.vendor != "postgresql":
        print("Set DATABASE_URL to a PostgreSQL, or run it by: make bench-timers", file=sys.stderr)
        return 2
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        with tempfile.TemporaryDirectory() as folder, workers(Path(folder)) as log:
            return bench(log, given.rounds or rounds, given.timers, given.at_once or at_once)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


@contextmanager
def workers(folder: Path) -> Iterator[Path]:
    """A worker and a Beat on this run's database and broker; yields the worker's log."""
    os.environ["BENCHMARK_RUNG"] = str(folder / "rung")
    os.environ["CELERY_BROKER_URL"] = broker_url()
    log = folder / "worker.log"
    with celery(log, *WORKER), celery(folder / "beat.log", "beat", f"--pidfile={folder / 'beat.pid'}"):
        yield log


def bench(log: Path, rounds: int, count: int, at_once: int) -> int:
    """Warm up, measure, report; return the exit code."""
    on_time(log, 50)
    each = [(on_time(log, count), countdown(log, count)) for _ in range(rounds)]
    print(f"{count} timers due over {SPREAD:.0f} s, one worker, Beat's sweep every second; ms late, best of {rounds}")
    print(f"{'':14}{'p50':>8}{'p99':>8}{'max':>8}{'early':>8}")
    for name, lates in zip(("statemachines", "Celery alone"), zip(*each, strict=True), strict=True):
        best = min(lates, key=lambda late: late.p99)
        early = sum(late.early for late in lates)
        print(f"{name:14}{best.p50:8.1f}{best.p99:8.1f}{best.most:8.1f}{early:8}")
        print(f"{'  all p50/p99':14}  {'  '.join(f'{late.p50:.1f}/{late.p99:.1f}' for late in lates)}")
    early = sum(late.early for late, _ in each)
    lost = sum(count - late.count for late, _ in each)
    drained(log, at_once)
    return 1 if early or lost else 0


def on_time(log: Path, count: int) -> Late:
    """Set timers, each for its time, and wait for the last."""
    Path(os.environ["BENCHMARK_RUNG"]).write_text("")
    first = engine_clock.now("default") + timedelta(seconds=2 + count / 150)
    due = [first + timedelta(seconds=SPREAD) * number / count for number in range(count)]
    made = [create(machines.clock.machine, data=machines.AlarmData(moment), system=True).pk for moment in due]
    rung = read(log, count)
    return late({pk: moment.timestamp() for pk, moment in zip(made, due, strict=True)}, rung)


def countdown(log: Path, count: int) -> Late:
    """Give Celery a task for each time, and wait for the last."""
    Path(os.environ["BENCHMARK_RUNG"]).write_text("")
    first = time.time() + 1 + count / 250
    due = {number: first + SPREAD * number / count for number in range(count)}
    for number, moment in due.items():
        tasks.bare.apply_async((number,), eta=datetime.fromtimestamp(moment, UTC))
    return late(due, read(log, count))


def read(log: Path, count: int) -> dict[int, float]:
    """Wait until so many have rung; return when each did."""
    file = Path(os.environ["BENCHMARK_RUNG"])
    eventually(lambda: len(file.read_text().splitlines()) >= count, log, 60)
    return {int(key): float(at) for key, at in (line.split() for line in file.read_text().splitlines())}


def late(due: dict[int, float], rung: dict[int, float]) -> Late:
    times = sorted((rung[key] - at) * 1000 for key, at in due.items() if key in rung)
    return Late(share(times, 0.5), share(times, 0.99), times[-1], sum(one < 0 for one in times), len(times))


def share(ordered: list[float], part: float) -> float:
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def drained(log: Path, count: int) -> None:
    """Have many timers due at once, and events sent all the while."""
    due = engine_clock.now("default") + timedelta(seconds=10 + count / 4_000)
    multiply(create(machines.flood.machine, data=machines.AlarmData(due), system=True), count)
    waiting = Timer.objects.filter(instance__machine=machines.flood.name)
    with ringing() as pace:
        eventually(lambda: engine_clock.now("default") > due, log, 60)
        before = pace.taken()
        eventually(lambda: not waiting.exists(), log, 120)
        meanwhile = pace.taken()
    rang = HistoryEntry.objects.filter(instance__machine=machines.flood.name, sequence=2)
    last = rang.latest("at").at
    seconds = (last - due).total_seconds()
    print(f"\n{count:,} timers due at once: {count / seconds:,.0f} a second, the last after {seconds:.2f} s")
    print(f"{'events meanwhile, ms':24}{'p50':>8}{'p99':>8}{'max':>8}{'sent':>8}")
    for name, times in (("before", before), ("meanwhile", meanwhile)):
        print(f"{name:24}{share(times, 0.5):8.1f}{share(times, 0.99):8.1f}{share(times, 1):8.1f}{len(times):8}")
    eventually(lambda: not Effect.objects.filter(status__in=Effect.OPEN).exists(), log, 60)
    for name, span in (("effects before", {"created_at__lt": due}), ("meanwhile", {"created_at__range": (due, last)})):
        ended = Effect.objects.filter(**span).values_list("created_at", "ended_at")
        took = sorted((end - begin).total_seconds() * 1000 for begin, end in ended)
        print(f"{name:24}{share(took, 0.5):8.1f}{share(took, 0.99):8.1f}{share(took, 1):8.1f}{len(took):8}")


def multiply(model: MachineInstance, count: int) -> None:
    """Make as many instances like one as are wanted, with its history and timer, without the time that this takes."""
    fields = "machine, version, state, configuration, data, history_states, status, output, sequence"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO statemachines_machineinstance ({fields}, key, created_at, updated_at) "
            f"SELECT {fields}, 'copy ' || n, created_at, updated_at FROM statemachines_machineinstance, "
            "generate_series(2, %s) AS n WHERE id = %s",
            [count, model.pk],
        )
        for table, of_it in (
            (HistoryEntry, "sequence, event, payload, facts, source, target, microsteps, patch, actor_kind, actor_id, "
                "actor_label, origin, reason, version, duration_ms, at"),
            (Timer, "name, event, payload, state, due_at, armed"),
        ):  # fmt: skip
            name = table._meta.db_table
            columns = ", ".join(f"t.{column}" for column in of_it.split(", "))
            cursor.execute(
                f"INSERT INTO {name} (instance_id, {of_it}) SELECT i.id, {columns} FROM {name} t, "
                "statemachines_machineinstance i WHERE t.instance_id = %s AND i.machine = %s AND i.id <> %s",
                [model.pk, model.machine, model.pk],
            )
        cursor.execute("ANALYZE")


class Pace:
    """How long events took, in ms."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def taken(self) -> list[float]:
        """Return, sorted, what was kept, and begin anew."""
        times, self.times = self.times, []
        return sorted(times)


@contextmanager
def ringing() -> Iterator[Pace]:
    """Send events from a thread, nearly 20 a second, one bell after another."""
    pace, over = Pace(), threading.Event()
    bells = [create(machines.bell.machine, system=True, data=machines.BellData()) for _ in range(20)]

    def ring() -> None:
        number = 0
        while not over.wait(0.05):
            began = time.perf_counter()
            send(bells[number % len(bells)], "ring", system=True)
            pace.times.append((time.perf_counter() - began) * 1000)
            number += 1
        connection.close()

    thread = threading.Thread(target=ring)
    thread.start()
    try:
        yield pace
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
