"""The hot path's benchmark, run once with next to nothing: its flows, its counts, its table."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.db import connection


@pytest.mark.skipif(connection.vendor != "postgresql", reason="it compares with psycopg, which speaks to PostgreSQL")
def test_every_flow_delivers_its_orders_and_is_counted() -> None:
    """Each flow ends in delivered with an entry per event, and its statements and commits are counted right."""
    command = [sys.executable, "-m", "benchmarks.hot_path", "--rounds", "1", "--seconds", "0.05"]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    rows = [line.split() for line in run.stdout.splitlines() if line.endswith(tuple("0123456789"))]
    counts = {row[0] if row[0] != "Django" else row.pop(0): row[-4:] for row in rows}
    assert set(counts) == {"statemachines", "psycopg", "Django", "django-fsm-2"}
    # Five statements for each of six events, and one to create the order, over six.
    for name in ("psycopg", "Django", "django-fsm-2"):
        statements, _, commits, _ = counts[name]
        assert statements == "5.17"
        assert 1.17 <= float(commits) < 2  # the server's own processes commit too, now and then
