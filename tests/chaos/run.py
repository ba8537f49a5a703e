"""One run: servers, processes, load and monkey; then quiet, and the checker's verdict.

Limits: a folder per run keeps logs and ledger; servers are this run's own, and go with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from rich.console import Console

from project.demo.processes import free_port
from project.servers import servers

from .checker import complaints
from .evidence import Evidence
from .figures import Figures
from .ledger import Ledger, Reader
from .monkey import BROKER, POSTGRES, Fault, Monkey, ours, schedule
from .servers import reached
from .troupe import Troupe

VERDICT = "nothing lost, nothing doubled"
MOST_SHOWN = 30
LOAD = ("seed", "seconds", "orders", "customers", "errands", "counters")
"""What of the plan the clients have to know."""

UNFINISHED = """
SELECT (SELECT count(*) FROM statemachines_machineinstance WHERE status NOT IN ('done', 'cancelled')),
       (SELECT count(*) FROM statemachines_effect
        WHERE status IN ('waiting', 'running', 'cancelling', 'pending', 'ran') AND NOT needs_attention)"""


@contextmanager
def own_servers(fast: bool) -> Iterator[dict[str, str]]:
    """Start servers of our own; only a RabbitMQ that a URL names is taken as it is. Raises SystemExit without it.

    Where PostgreSQL is stopped it must not be fast: it would lose what it had committed last.
    """
    kept = {name: os.environ.pop(name, "") for name in ("DATABASE_URL", "CELERY_BROKER_URL")}
    if kept["CELERY_BROKER_URL"].startswith(("amqp", "pyamqp")):
        os.environ["CELERY_BROKER_URL"] = kept["CELERY_BROKER_URL"]
    try:
        if "CELERY_BROKER_URL" in os.environ:
            reached(os.environ["CELERY_BROKER_URL"])
        with servers(fast) as urls:
            yield urls
    finally:
        os.environ.update({name: value for name, value in kept.items() if value})


class Plan(NamedTuple):
    """What a run is made of; `seconds` is how long new things begin, `quiet` how long they then may take to end.

    `onboardings` are the least that must have begun: how many depends on whose patience ended first.
    """

    seed: int
    seconds: float
    faults: list[Fault]
    orders: int
    customers: int
    errands: int
    counters: int
    onboardings: int = 1
    workers: int = 2
    quiet: float = 90.0


def planned(seed: int, seconds: float) -> Plan:
    """Plan a whole run: 2.75 orders a second, of which every customer's first starts their onboarding."""
    orders = round(2.75 * seconds)
    errands, counters = max(6, int(seconds / 3)), max(1, int(seconds / 30))
    onboardings = round(100 * seconds / 120) if seconds >= 60 else 1
    return Plan(seed, seconds, schedule(seed, seconds), orders, max(6, orders // 2), errands, counters, onboardings)


class Run:
    """A run of a plan, with its logs and ledger in `folder`; `env` is added to its processes' environment.

    `expected`: part of a complaint, after which a broken engine is not waited for any longer.
    """

    def __init__(self, plan: Plan, folder: Path, expected: str = "", **env: str) -> None:
        self.expected = expected
        self.plan = plan
        self.folder = folder
        self.env = env
        self.out = Console(highlight=False, width=120)

    def play(self) -> int:
        """Run it, tell of it, and return the exit code."""
        began = time.monotonic()
        self.out.print(f"Chaos for {self.plan.seconds:g} s, seed {self.plan.seed}; logs and ledger in {self.folder}")
        figures, wrong = self.judged()
        figures.show(self.out)
        for complaint in wrong[:MOST_SHOWN]:
            self.out.print(complaint, style="red", markup=False)
        if wrong:
            self.out.print(f"{len(wrong)} complaints; logs and ledger are in {self.folder}")
            return 1
        self.out.print(f"{time.monotonic() - began:.0f} s in all.")
        self.out.print(VERDICT)
        return 0

    def judged(self) -> tuple[Figures, list[str]]:
        """Run it, and return its figures and all complaints."""
        with own_servers(fast=all(fault.kind != POSTGRES for fault in self.plan.faults)) as urls:
            if not ours(urls["CELERY_BROKER_URL"]):
                self.out.print("The broker is not ours to restart: that fault is left out.")
                self.plan = self.plan._replace(faults=[fault for fault in self.plan.faults if fault.kind != BROKER])
            evidence, figures = self._played(urls)
        kinds = {fault.kind for fault in self.plan.faults}
        wrong = complaints(evidence)
        return figures, wrong + figures.missing(kinds, self.plan.orders, self.plan.onboardings)

    def _played(self, urls: dict[str, str]) -> tuple[Evidence, Figures]:
        receiver, ports = free_port(), [free_port() for _ in range(2)]
        (self.folder / "strikes").mkdir()
        env = {**urls, **self.env, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings", "CHAOS_FOLDER": str(self.folder)}
        everybody = [str(self.plan.customers), f"http://127.0.0.1:{receiver}"]
        self._python("tests.chaos.prepare", *everybody, env=env)
        troupe = Troupe(self.folder, env, ports, workers=self.plan.workers)
        try:
            troupe.wait()
            with self._clients(env, ports, receiver):
                monkey = Monkey(self.plan.seed, self.folder, urls, troupe, Ledger(self.folder, "monkey"))
                self.out.print(f"All processes are up; {len(self.plan.faults)} faults come.")
                monkey.play(self.plan.faults)
                self._settle(urls["DATABASE_URL"])
        finally:
            troupe.end()
        evidence = Evidence(urls["DATABASE_URL"], self.folder)
        return evidence, Figures(evidence, troupe.restarts)

    def _python(self, module: str, *arguments: str, env: dict[str, str]) -> None:
        subprocess.run([sys.executable, "-m", module, *arguments], env={**os.environ, **env}, check=True)

    @contextmanager
    def _clients(self, env: dict[str, str], ports: list[int], receiver: int) -> Iterator[None]:
        plan = {name: getattr(self.plan, name) for name in LOAD}
        webs = [f"http://127.0.0.1:{port}" for port in ports]
        words: list[Any] = [json.dumps(plan), str(self.folder), json.dumps(webs), str(receiver)]
        with (self.folder / "clients.log").open("wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "tests.chaos.clients", *words], stdout=log, stderr=log)
        try:
            yield
            if process.poll() is not None:
                raise RuntimeError(f"The clients ended; see {self.folder}/clients.log")
        finally:
            process.kill()
            process.wait()

    def _settle(self, url: str) -> None:
        """Wait until all that was planned has been placed, and all of it has ended."""
        reader, placed, began = Reader(self.folder), False, time.monotonic()
        with psycopg.connect(url, autocommit=True) as connection:
            while time.monotonic() - began < self.plan.quiet:
                placed = placed or any(line["kind"] == "all placed" for line in reader.new())
                if placed and connection.execute(UNFINISHED).fetchone() == (0, 0):
                    return
                if placed and self.expected and all(self._complained(url) for _ in range(2)):
                    return
                time.sleep(0.1)
        self.out.print(f"Not everything ended within {self.plan.quiet:g} s of quiet.", style="red")

    def _complained(self, url: str) -> bool:
        """Say whether the checker complains as expected, half a second from now."""
        time.sleep(0.5)
        return any(self.expected in complaint for complaint in complaints(Evidence(url, self.folder)))
