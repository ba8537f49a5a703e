"""The demo's processes: web server, workers and Beat, as they would run in production.

Each has a session of its own, where the terminal's Ctrl-C does not reach it, and a log file; one that dies is told of
and started again. What a killed demo left behind is stopped by the next one.
Limits: the servers below them (PostgreSQL, Valkey) are `project.servers`' business.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

MARK = "DEMO_OWNER"
START_SECONDS = 60
STOP_SECONDS = 15
MOST_DEATHS = 5

COMMANDS = {
    "web": "uvicorn project.asgi:application --port {port} --workers 2 --timeout-keep-alive 30 --log-level error",
    "worker": "celery -A project worker -Q celery --pool threads --concurrency 4 --loglevel INFO --without-gossip",
    "control": "celery -A project worker -Q control -n control@%h --pool threads --concurrency 2 --loglevel INFO "
    "--without-gossip",
    "beat": "celery -A project beat --loglevel INFO --pidfile= --max-interval 1",
}
READY = {"worker": " ready.", "control": " ready.", "beat": "beat: Starting..."}
"""What stands in a log when its process is up; the web server is asked."""


class ProcessError(RuntimeError):
    """A process does not start, or dies again and again."""


class Child:
    """A process that is kept running."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.command = command
        self.env = env
        self.log = log
        self.deaths = 0
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as output:
            own = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output, "start_new_session": True}
            self.process = subprocess.Popen(self.command, env=self.env, **own)

    def kill_rest(self) -> None:
        """Kill what it started itself, which may outlive it (and hold its port)."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


class Children:
    """All processes of a run."""

    def __init__(self, folder: Path, port: int, env: Mapping[str, str]) -> None:
        marked = {**env, MARK: owner(), "ORDERS_SITE": f"http://127.0.0.1:{port}", "PYTHONUNBUFFERED": "1"}
        self.port = port
        self.all: list[Child] = []
        for name, command in COMMANDS.items():
            words = [sys.executable, "-m", *command.format(port=port).split()]
            self.all.append(Child(name, words, marked, folder / f"{name}.log"))

    def wait(self) -> None:
        """Wait until all are up. Raises ProcessError with the end of the log of one that is not."""
        deadline = time.monotonic() + START_SECONDS
        for child in self.all:
            while not self.ready(child):
                if child.process.poll() is not None or time.monotonic() > deadline:
                    raise ProcessError(f"{child.name} did not start; the end of {child.log}:\n{child.tail()}")
                time.sleep(0.05)

    def ready(self, child: Child) -> bool:
        if child.name in READY:
            return READY[child.name] in child.log.read_text(errors="replace")
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def check(self, tell: Callable[[str], None]) -> None:
        """Start again what has died, and tell of it. Raises ProcessError for one that dies again and again."""
        for child in self.all:
            code = child.process.poll()
            if code is None:
                continue
            child.deaths += 1
            if child.deaths > MOST_DEATHS:
                raise ProcessError(f"{child.name} died {child.deaths} times; the end of {child.log}:\n{child.tail()}")
            tell(f"{child.name} died (exit code {code}), see {child.log}; it is started again.")
            child.kill_rest()
            child.start()

    def stop(self) -> None:
        """End all, gently first."""
        for child in self.all:
            child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.all:
            with suppress(subprocess.TimeoutExpired):
                child.process.wait(max(0.0, deadline - time.monotonic()))
            child.kill_rest()
            child.process.wait()


@contextmanager
def children(folder: Path, port: int, env: Mapping[str, str]) -> Iterator[Children]:
    """Run the processes while the block runs; their logs go to the folder. Raises ProcessError."""
    started = Children(folder, port, env)
    try:
        started.wait()
        yield started
    finally:
        started.stop()


def owner() -> str:
    """Name this process by its id and its time of start, as an id alone is used again."""
    me = psutil.Process()
    return f"{me.pid}-{me.create_time():.0f}"


def stop_orphans() -> None:
    """Stop the processes of demos that are dead."""
    orphans = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            mark = process.environ().get(MARK)
            if mark and not alive(mark):
                orphans.append(process)
                process.terminate()
    for process in psutil.wait_procs(orphans, STOP_SECONDS)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def alive(mark: str) -> bool:
    pid, _, started = mark.partition("-")
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(int(pid))
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - int(started)) < 5
    return False


def free_port(wanted: int = 0) -> int:
    """Return the wanted port where nobody listens on it, else any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return free_port()
        return int(probe.getsockname()[1])


def environment(urls: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return what the demo's processes find in their environment."""
    own = {"DJANGO_SETTINGS_MODULE": "project.demo.settings", "DEMO_FOLDER": str(folder)}
    return {**os.environ, **urls, **own}
