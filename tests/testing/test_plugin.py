"""The pytest plugin, in a pytest of its own: with a failing test, without Django, and on a database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FAILING = """
from datetime import timedelta
from statemachines import After, Final, Machine, State
from statemachines.testing import play

egg = Machine("egg", State("raw", After(timedelta(minutes=5), "boiled")), Final("boiled"))

def test_egg():
    run = play(egg)
    run.advance(minutes=4)
    assert run.state == "boiled"

def test_timers():
    assert play(egg).timers == {}
"""

ON_A_DATABASE = """
from django.db import connection
from statemachines.engine import create
from statemachines.models import MachineInstance

def test_time(machines):
    create("examples.door", "only", system=True)
    assert machines.advance(days=1) == 0

def test_nothing_is_left(machines):
    assert not MachineInstance.objects.exists()

def test_commits(machines, transactional_db):
    create("examples.door", "only", system=True)
    assert not connection.in_atomic_block
"""

WITHOUT_DJANGO = """
import sys

def test_nothing():
    assert "statemachines.testing.plugin" in sys.modules
    assert not [name for name in sys.modules if name.partition(".")[0] == "django"]
"""


def pytest_on(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(folder)]
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment |= {"DATABASE_URL": "sqlite://:memory:", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)


def test_a_failed_comparison_tells_the_journey(tmp_path: Path) -> None:
    """An assert on a value of a run explains itself by what happened, and what would be taken."""
    done = pytest_on(tmp_path, FAILING, "-p", "no:django")
    assert done.returncode == 1
    assert "AssertionError: assert 'raw' == 'boiled'" in done.stdout
    assert "The journey of egg so far:" in done.stdout
    assert "Now, 4 minutes after the beginning, it is in raw." in done.stdout
    assert "Timers: 5 minutes (in 1 minute)." in done.stdout
    assert "2 failed" in done.stdout


def test_it_does_no_harm_without_django(tmp_path: Path) -> None:
    """Where a project has no Django, or no settings, the plugin loads nothing of it."""
    done = pytest_on(tmp_path, WITHOUT_DJANGO, "-p", "no:django", "-W", "error")
    assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout


def test_machines_brings_the_test_database(tmp_path: Path) -> None:
    """The fixture alone asks for the database, in which nothing is left, also where a test commits."""
    done = pytest_on(tmp_path, ON_A_DATABASE, "--ds=tests.settings", "--no-migrations")
    assert (done.returncode, "3 passed" in done.stdout) == (0, True), done.stdout
