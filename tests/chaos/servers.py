"""Power over the run's own servers: stop them as a crash would, and start them again on the same data and port.

Limits: servers that `project.servers` started for this process; one that a URL names belongs to somebody else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import redis
from kombu import Connection

START_SECONDS = 30


class Server:
    """A child of this process, by the name of its program."""

    def __init__(self, program: str, ready: Callable[[], bool]) -> None:
        children = psutil.Process().children()
        self.process = next(child for child in children if Path(child.exe()).name.startswith(program))
        self.command, self.folder = arguments(self.process), Path(self.process.cwd())
        self.user = self.process.username() if os.geteuid() == 0 else None
        self.ready = ready

    def stop(self, how: signal.Signals) -> None:
        """Stop it, children included."""
        self.process.send_signal(how)
        self.process.wait(START_SECONDS)

    def start(self) -> None:
        """Start it again as it was started before, and wait until it answers."""
        with (self.folder / "restarted.log").open("ab") as output:
            started = subprocess.Popen(
                self.command, cwd=self.folder, user=self.user, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self.process = psutil.Process(started.pid)
        self.started = started  # reaped at the end
        deadline = time.monotonic() + START_SECONDS
        while not self.ready():
            if started.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.command[0]} did not start again; see {self.folder}/restarted.log")
            time.sleep(0.02)


def reached(broker_url: str) -> None:
    """Raise SystemExit, and say what to do, where nobody answers there as a broker."""
    with Connection(broker_url, connect_timeout=5) as connection:
        try:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=5)
        except Exception as error:
            advice = "start it, correct CELERY_BROKER_URL, or unset it for a Valkey of the run's own"
            raise SystemExit(f"The broker {connection.as_uri()} cannot be reached ({error}): {advice}.") from error


def arguments(process: psutil.Process) -> list[str]:
    """Return what it was started with; Valkey shows its address there instead of its configuration's file."""
    configuration = Path(process.cwd()) / "valkey.conf"
    return [process.exe(), str(configuration)] if "valkey" in process.exe() else process.cmdline()


def postgres(url: str) -> Server:
    def ready() -> bool:
        with suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=5).close()
            return True
        return False

    return Server("postgres", ready)


def valkey(url: str) -> Server:
    def ready() -> bool:
        with suppress(redis.ConnectionError, redis.TimeoutError), redis.Redis.from_url(url, socket_timeout=5) as client:
            return bool(client.ping())
        return False

    return Server("valkey", ready)
