"""Hosts are set up in processes of their own: settings are a process's, and so is what can be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_CELERY = ("celery", "kombu", "django_celery_beat")
WITHOUT_DRF = ("rest_framework",)


class Host:
    """What a host answered, by question."""

    def __init__(self, answers: dict[str, dict[str, Any]]) -> None:
        self.answers = answers

    def __getitem__(self, question: str) -> dict[str, Any]:
        """Return an answer; fail with the host's traceback where it had none."""
        answer = self.answers[question]
        assert "error" not in answer, answer["error"]
        return answer


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Host]:
    """Set a host up and ask it: by the name of its settings, what is not installed, the database, the questions."""

    def asked(name: str, *questions: str, without: tuple[str, ...] = (), database: str = "") -> Host:
        folder = tmp_path_factory.mktemp(name)
        url = database or f"sqlite:///{folder / 'default.sqlite3'}"
        command = [sys.executable, "-m", "tests.host.probe", name, *questions]
        command += [f"--without={package}" for package in without]
        environment = os.environ | {"HOST_FOLDER": str(folder), "HOST_DATABASE_URL": url}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return Host(json.loads(done.stdout))

    return asked


@pytest.fixture(scope="session")
def own_database() -> Iterator[str]:
    """The URL of a database of its own on the tests' PostgreSQL."""
    url = os.environ["DATABASE_URL"]
    assert settings.DATABASES["default"]["ENGINE"].endswith("postgresql"), "the tests run on PostgreSQL"
    name = f"host_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield f"{url.rpartition('/')[0]}/{name}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
