"""How much happened: counts, latencies, throughput around each fault. A run in which nothing happened shows.

Limits: describes; what is wrong is `checker`'s business, what is too little `missing`'s.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from statistics import quantiles
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from .evidence import Evidence
from .monkey import KINDS, STRIKES

AROUND_SECONDS = 5.0


class Figures:
    def __init__(self, evidence: Evidence, restarts: Counter[str]) -> None:
        self.evidence = evidence
        self.restarts = restarts
        self.moments = sorted(entry["seconds"] for entries in evidence.entries.values() for entry in entries)
        hit = Counter(line["what"] for line in evidence.monkey if line["hit"])
        self.hits = hit + Counter(fault["point"] for fault in evidence.faults)
        self.machines = Counter(row["machine"] for row in evidence.instances)

    def missing(self, kinds: Iterable[str], orders: int, onboardings: int) -> list[str]:
        """Return what did not happen that should have: the kinds of faults, so many instances."""
        found = [f"The fault {kind!r} was never hit." for kind in sorted(kinds) if not self.hits[kind]]
        for machine, least in (("orders.order", orders), ("orders.onboarding", onboardings), ("chaos.errand", 1)):
            if self.machines[machine] < least:
                found.append(f"Only {self.machines[machine]} of {least} instances of {machine} ran.")
        if not self.evidence.twice:
            found.append("No task was delivered twice.")
        return found

    def show(self, out: Console) -> None:
        evidence = self.evidence
        out.print(self._counted("Machines", self.machines))
        statuses = Counter(f"{row['name'].partition('.')[2]}: {row['status']}" for row in evidence.effects)
        out.print(self._counted("Effects", statuses))
        again = sum(len(lines) > 1 for lines in evidence.done.values())
        retaken = sum(row["attempts"] > 1 for row in evidence.effects)
        fired = sum(entry["actor_kind"] == "timer" for each in evidence.entries.values() for entry in each)
        out.print(
            f"{len(self.moments)} events in histories ({fired} by timers), {len(evidence.effects)} effects "
            f"({retaken} taken up again, {again} of them had run), {len(evidence.asked)} requests of clients "
            f"({sum(asked['tries'] > 1 for asked in evidence.asked)} sent again), "
            f"{len(evidence.twice)} tasks delivered twice."
        )
        out.print(self._counted("Faults that hit", Counter({kind: self.hits[kind] for kind in KINDS})))
        out.print(self._counted("Started again", self.restarts))
        out.print(self._latencies())
        out.print(self._around())

    def _counted(self, title: str, counts: Counter[str]) -> Table:
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
        for name, count in sorted(counts.items()):
            table.add_row(name, str(count))
        return table

    def _latencies(self) -> Table:
        table = Table(title="Latency in ms", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("what", "count", "p50", "p99"):
            table.add_column(heading, justify="left" if heading == "what" else "right")
        effects = [row["ended"] - row["created"] for row in self.evidence.effects if row["status"] == "applied"]
        for what, seconds in (
            ("event, from the client's request to its answer, repetitions included",
             [asked["seconds"] for asked in self.evidence.asked]),
            ("event, requests that were answered at once",
             [asked["seconds"] for asked in self.evidence.asked if asked["tries"] == 1]),
            ("effect, from the transition to its end", effects),
        ):  # fmt: skip
            table.add_row(what, str(len(seconds)), *map(milliseconds, fractions(seconds)))
        return table

    def _around(self) -> Table:
        """Tell for each fault how many events per second were committed before and after it, and when the next was."""
        title = f"Events per second in the {AROUND_SECONDS:g} s before and after, and how long until the next event"
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("at s", "fault", "before", "after", "next ms"):
            table.add_column(heading, justify="left" if heading == "fault" else "right")
        start = self.moments[0] if self.moments else 0.0
        faults = [
            (line["began"], line["at"], line["what"]) for line in self.evidence.monkey if line["what"] not in STRIKES
        ]
        faults += [(fault["at"], fault["at"], f"died {fault['point']}") for fault in self.evidence.faults]
        for began, over, what in sorted(faults):
            after = self._between(over, over + AROUND_SECONDS)
            following = bisect_right(self.moments, over)
            waited = self.moments[following] - began if following < len(self.moments) else float("nan")
            before = self._between(began - AROUND_SECONDS, began)
            table.add_row(f"{began - start:.1f}", what, f"{before:.1f}", f"{after:.1f}", milliseconds(waited))
        return table

    def _between(self, start: float, end: float) -> float:
        return (bisect_left(self.moments, end) - bisect_left(self.moments, start)) / (end - start)


def fractions(values: Iterable[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile."""
    found = sorted(values)
    if len(found) < 2:
        return (float("nan"), float("nan"))
    cut: Any = quantiles(found, n=100, method="inclusive")
    return cut[49], cut[98]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"
