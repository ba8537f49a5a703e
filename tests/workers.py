"""Real Celery processes on the test's database: a worker, and Beat.

Limits: needs committed data, so tests that use them are transactional; polling has a deadline, never a fixed sleep.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
from django.db import connection

from project.celery import app
from statemachines import tasks
from statemachines.publisher import Publisher

DEADLINE = 30


def environment(settings: str = "") -> dict[str, str]:
    """Return the environment of a process that works on this test's database, with this one's settings or others."""
    values = connection.settings_dict
    password = f"{quote(values['USER'])}:{quote(values['PASSWORD'])}"
    url = f"postgresql://{password}@{values['HOST']}:{values['PORT']}/{values['NAME']}"
    return os.environ | {
        "DATABASE_URL": url,
        "CELERY_BROKER_URL": broker_url(),
        "DJANGO_SETTINGS_MODULE": settings or os.environ["DJANGO_SETTINGS_MODULE"],
    }


def broker_url() -> str:
    """Return a broker of this test process's own: each worker of pytest-xdist has its own database number."""
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    return urlunsplit(urlsplit(os.environ["CELERY_BROKER_URL"])._replace(path=f"/{int(number) + 1}"))


def send_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process send to its workers' broker: Celery reads the environment before its own settings."""
    monkeypatch.setenv("CELERY_BROKER_URL", broker_url())
    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    monkeypatch.setattr(tasks, "publisher", Publisher())


@contextmanager
def celery(log: Path, *arguments: str, settings: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Run `celery -A project …` until the block ends."""
    command = [sys.executable, "-m", "celery", "-A", "project", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment(settings), stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def eventually(holds: Callable[[], bool], log: Path, seconds: float = DEADLINE) -> None:
    """Wait until something holds; fail with the end of the log where it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {seconds} s. {log.name} ends:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.02)
