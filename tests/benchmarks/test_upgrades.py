"""The upgrades' benchmark, run once with next to nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.db import connection


@pytest.mark.skipif(connection.vendor != "postgresql", reason="it measures PostgreSQL")
def test_all_are_upgraded_and_brought_back() -> None:
    """Each of the three is told with how many there were."""
    command = [sys.executable, "-m", "benchmarks.upgrades", "--instances", "20"]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert [line.split(":")[0] for line in run.stdout.splitlines()] == [
        "20 idle instances tried", "20 idle instances upgraded", "20 idle instances brought back"
    ]  # fmt: skip
