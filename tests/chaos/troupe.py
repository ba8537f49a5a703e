"""The processes of a run, and who starts again what has died, as a process manager would.

Limits: what is stopped (SIGSTOP) is alive to it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import psutil

from project.demo.processes import Child

COMMANDS = {
    "web": "uvicorn project.asgi:application --port {port} --timeout-keep-alive 30 --log-level error",
    "worker": "celery -A project worker --pool threads --concurrency 4 --loglevel INFO --without-gossip "
    "--without-mingle -n {name}@chaos",
    "beat": "celery -A project beat --loglevel INFO --pidfile= --max-interval 1",
}
READY = {"worker": " ready.", "beat": "beat: Starting...", "web": ""}
START_SECONDS = 90
LOOK_SECONDS = 0.1


class Troupe:
    """All processes: web processes on their ports, workers, Beat. `restarts` counts those that were started again."""

    def __init__(self, folder: Path, env: Mapping[str, str], ports: list[int], workers: int) -> None:
        self.all: dict[str, Child] = {}
        self.restarts: Counter[str] = Counter()
        self.stopping = threading.Event()
        for number, port in enumerate(ports, 1):
            self._add(f"web{number}", "web", folder, env, port=port)
        for number in range(1, workers + 1):
            self._add(f"worker{number}", "worker", folder, env)
        self._add("beat", "beat", folder, env)
        self.thread = threading.Thread(target=self._keep, name="manager")

    def _add(self, name: str, kind: str, folder: Path, env: Mapping[str, str], port: int = 0) -> None:
        words = [sys.executable, "-m", *COMMANDS[kind].format(name=name, port=port).split()]
        own = {**os.environ, **env, "CHAOS_ROLE": name, "PYTHONUNBUFFERED": "1"}
        self.all[name] = Child(name, words, own, folder / f"{name}.log")

    def of(self, kind: str) -> list[Child]:
        """Return the processes of a kind that run now."""
        return [child for name, child in self.all.items() if name.startswith(kind) and running(child)]

    def wait(self) -> None:
        """Wait until all are up, and keep them up from then on. Raises RuntimeError with the end of a log."""
        deadline = time.monotonic() + START_SECONDS
        for name, child in self.all.items():
            mark = READY[name.rstrip("0123456789")]
            while mark not in child.log.read_text(errors="replace"):
                if child.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{name} did not start; the end of {child.log}:\n{child.tail()}")
                time.sleep(0.05)
        self.thread.start()

    def _keep(self) -> None:
        while not self.stopping.wait(LOOK_SECONDS):
            for name, child in self.all.items():
                if child.process.poll() is not None:
                    child.kill_rest()
                    child.start()
                    self.restarts[name.rstrip("0123456789")] += 1

    def end(self) -> None:
        """Kill all: what they have not finished by now is lost, and must not matter."""
        self.stopping.set()
        if self.thread.is_alive():
            self.thread.join()
        for child in self.all.values():
            child.kill_rest()
            child.process.wait()


def running(child: Child) -> bool:
    try:
        return psutil.Process(child.process.pid).status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
