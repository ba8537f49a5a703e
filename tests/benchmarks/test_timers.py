"""The timers' benchmark, run once with next to nothing: a real worker and Beat, every timer rings."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.db import connection


@pytest.mark.skipif(connection.vendor != "postgresql", reason="its worker needs a database that processes share")
def test_every_timer_rings_and_the_flood_is_drained() -> None:
    """None is early, none is lost, and events are sent all the while."""
    command = [sys.executable, "-m", "benchmarks.timers", "--rounds", "1", "--timers", "20", "--at-once", "300"]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "300 timers due at once" in run.stdout
