"""Run the flows in turn, round after round, and print what each costs.

A round gives every flow the same slice of time; its ratio to psycopg is taken within the round, so that a machine that
slows down slows all of them. Every order must end delivered, with an entry per event, or the run fails.
Limits: PostgreSQL only, as DATABASE_URL names it; all tables are in a database of the run's own, removed at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from statistics import median
from typing import NamedTuple

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
django.setup()

from django.db import connection  # noqa: E402 (it needs the settings)

from .counts import Counts, counted  # noqa: E402
from .flows import FLOWS, Flow, Raw, connect  # noqa: E402
from .order import EVENTS  # noqa: E402

COUNTED_ORDERS = 50
HEAD = ["", "transitions/s", "× psycopg", "client CPU µs", "statements", "trips", "commits", "WAL bytes"]


class Slice(NamedTuple):
    """Transitions per second, and the client's CPU time per transition in µs."""

    rate: float
    cpu: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hot_path", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="12 rounds of 0.6 s per flow instead of 40 of 1.5 s")
    parser.add_argument("--rounds", type=int, help="how many rounds")
    parser.add_argument("--seconds", type=float, help="length of a flow's slice of a round")
    given = parser.parse_args()
    rounds, seconds = (12, 0.6) if given.quick else (40, 1.5)
    if connection.vendor != "postgresql":
        print("Set DATABASE_URL to a PostgreSQL, or run it by: make bench", file=sys.stderr)
        return 2
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        with ExitStack() as stack:
            flows = [flow() for flow in FLOWS]
            for flow in flows:
                stack.callback(flow.connection.close)
            return bench(flows, given.rounds or rounds, given.seconds or seconds)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def bench(flows: list[Flow], rounds: int, seconds: float) -> int:
    """Warm up, count, time and report; return the exit code."""
    for flow in flows:
        timed(flow, seconds)
    with connect(autocommit=False) as monitor:
        counts = [counted(flow, monitor, COUNTED_ORDERS) for flow in flows]
    slices = [[timed(flow, seconds) for flow in flows] for _ in range(rounds)]
    print(f"Medians [lowest–highest] of {rounds} rounds; per transition, with its share of creating the order.\n")
    print(table(flows, counts, slices))
    unfinished = [flow.name for flow in flows if not finished(flow)]
    if unfinished:
        print(f"Not every order was delivered with an entry per event: {', '.join(unfinished)}", file=sys.stderr)
    return 1 if unfinished else 0


def table(flows: list[Flow], counts: list[Counts], slices: list[list[Slice]]) -> str:
    raw = [flow.name for flow in flows].index(Raw.name)
    rows = [HEAD]
    for at, (flow, count) in enumerate(zip(flows, counts, strict=True)):
        rates = [round_[at].rate for round_ in slices]
        ratios = [round_[at].rate / round_[raw].rate for round_ in slices]
        cpu = median(round_[at].cpu for round_ in slices)
        spread = [f"{median(ratios):.2f} [{min(ratios):.2f}–{max(ratios):.2f}]", f"{cpu:,.0f}"]
        small = [f"{value:.2f}" for value in (count.statements, count.trips, count.commits)]
        rate = f"{median(rates):,.0f} [{min(rates):,.0f}–{max(rates):,.0f}]"
        rows.append([flow.name, rate, *spread, *small, f"{count.wal_bytes:,.0f}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(lines)


def timed(flow: Flow, seconds: float) -> Slice:
    orders = 0
    began, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() < began + seconds:
        flow.run()
        orders += 1
    transitions = orders * len(EVENTS)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    return Slice(transitions / took, cpu / transitions * 1e6)


def finished(flow: Flow) -> bool:
    orders, delivered, entries = flow.ended()
    return 0 < orders == delivered and entries == orders * len(EVENTS)


if __name__ == "__main__":
    sys.exit(main())
