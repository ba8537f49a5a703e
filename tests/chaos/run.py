"""One run: servers, processes, load and monkey; then quiet, and the checker's verdict.

Limits: a folder per run keeps logs and ledger; servers are this run's own, and go with it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from project.demo.processes import free_port
from project.servers import servers

from .checker import complaints
from .evidence import Evidence
from .figures import Figures
from .ledger import Ledger, Reader
from .monkey import Fault, Monkey, schedule
from .troupe import Troupe

VERDICT = "nothing lost, nothing doubled"
QUIET_SECONDS = 90.0
MOST_SHOWN = 30

UNFINISHED = """
SELECT (SELECT count(*) FROM statemachines_machineinstance WHERE status NOT IN ('done', 'cancelled')),
       (SELECT count(*) FROM statemachines_effect
        WHERE status IN ('waiting', 'running', 'cancelling', 'pending', 'ran') AND NOT needs_attention)"""


@contextmanager
def own_servers() -> Iterator[dict[str, str]]:
    """Start servers of our own; only a RabbitMQ that a URL names is taken as it is."""
    kept = {name: os.environ.pop(name, "") for name in ("DATABASE_URL", "CELERY_BROKER_URL")}
    if kept["CELERY_BROKER_URL"].startswith(("amqp", "pyamqp")):
        os.environ["CELERY_BROKER_URL"] = kept["CELERY_BROKER_URL"]
    with servers() as urls:
        yield urls


class Run:
    """A run of so many seconds. `faults`: the monkey's schedule, by default all kinds; `env`: for the processes."""

    def __init__(
        self, seconds: float, seed: int, *, orders: int, faults: list[Fault] | None = None, **env: str
    ) -> None:
        self.seconds = seconds
        self.seed = seed
        self.orders = orders
        self.customers = max(6, orders * 2 // 5)
        self.faults = schedule(seed, seconds) if faults is None else faults
        self.env = env
        self.out = Console(highlight=False, width=120)
        self.folder = Path(tempfile.mkdtemp(prefix="chaos-")).resolve()

    def play(self) -> int:
        """Run it, tell of it, and return the exit code."""
        began = time.monotonic()
        self.out.print(f"Chaos for {self.seconds:g} s, seed {self.seed}; logs and ledger in {self.folder}")
        with own_servers() as urls:
            evidence, figures = self._played(urls)
            figures.show(self.out)
            wrong = complaints(evidence) + figures.missing(self.orders, self.customers * 3 // 4)
        for complaint in wrong[:MOST_SHOWN]:
            self.out.print(complaint, style="red", markup=False)
        if wrong:
            self.out.print(f"{len(wrong)} complaints; logs and ledger are in {self.folder}")
            return 1
        self.out.print(f"{time.monotonic() - began:.0f} s in all.")
        self.out.print(VERDICT)
        return 0

    def _played(self, urls: dict[str, str]) -> tuple[Evidence, Figures]:
        receiver, ports = free_port(), [free_port() for _ in range(2)]
        (self.folder / "strikes").mkdir()
        env = {**urls, **self.env, "DJANGO_SETTINGS_MODULE": "tests.chaos.settings", "CHAOS_FOLDER": str(self.folder)}
        everybody = [str(self.customers), f"http://127.0.0.1:{receiver}"]
        self._python("tests.chaos.prepare", *everybody, env=env)
        troupe = Troupe(self.folder, env, ports, workers=2)
        try:
            troupe.wait()
            with self._clients(env, ports, receiver):
                monkey = Monkey(self.seed, self.folder, urls, troupe, Ledger(self.folder, "monkey"))
                self.out.print(f"All processes are up; {len(self.faults)} faults come.")
                monkey.play(self.faults)
                self._settle(urls["DATABASE_URL"])
        finally:
            troupe.end()
        evidence = Evidence(urls["DATABASE_URL"], self.folder)
        return evidence, Figures(evidence, troupe.restarts)

    def _python(self, module: str, *arguments: str, env: dict[str, str]) -> None:
        subprocess.run([sys.executable, "-m", module, *arguments], env={**os.environ, **env}, check=True)

    @contextmanager
    def _clients(self, env: dict[str, str], ports: list[int], receiver: int) -> Iterator[None]:
        plan = {"seed": self.seed, "seconds": self.seconds, "orders": self.orders, "customers": self.customers}
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
            while time.monotonic() - began < QUIET_SECONDS:
                placed = placed or any(line["kind"] == "all placed" for line in reader.new())
                if placed and connection.execute(UNFINISHED).fetchone() == (0, 0):
                    return
                time.sleep(0.1)
        self.out.print(f"Not everything ended within {QUIET_SECONDS:g} s of quiet.", style="red")
