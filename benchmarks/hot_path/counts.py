"""Count what a flow asks of PostgreSQL: statements and round trips on the wire, commits, bytes of write-ahead log.

These do not depend on how fast, or how busy, the machine is.
Limits: the wire is read from libpq's trace (Linux), commits and log from the server, where others may add theirs.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.pq import Trace

from .flows import Flow
from .order import EVENTS

# A line of the trace: F is what the client sends. A simple query, or an execution of a prepared one, is a statement.
STATEMENT = re.compile(r"^F\t\d+\t(Query|Execute)", re.MULTILINE)
# The server is ready once after each round trip (a pipeline is one).
READY = re.compile(r"^B\t\d+\tReadyForQuery", re.MULTILINE)
SERVER = """
SELECT (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()),
       pg_current_wal_insert_lsn() - '0/0'::pg_lsn"""


class Counts(NamedTuple):
    """Per transition, the share of the creating insert included."""

    statements: float
    trips: float
    commits: float
    wal_bytes: float


def counted(flow: Flow, monitor: psycopg.Connection[Any], orders: int) -> Counts:
    """Run some orders under count. `monitor` is a connection inside a transaction, so that it adds no commits."""
    monitor.execute("SET LOCAL stats_fetch_consistency = none")
    before = _server(flow, monitor)
    with tempfile.NamedTemporaryFile() as trace:
        flow.connection.pgconn.trace(trace.fileno())
        flow.connection.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        for _ in range(orders):
            flow.run()
        flow.connection.pgconn.untrace()
        wire = Path(trace.name).read_text()
    after = _server(flow, monitor)
    # The statement that has the server write its statistics is a transaction as well.
    commits, wal_bytes = after[0] - before[0] - 1, after[1] - before[1]
    found = (len(STATEMENT.findall(wire)), len(READY.findall(wire)), commits, wal_bytes)
    return Counts(*(float(count) / (orders * len(EVENTS)) for count in found))


def _server(flow: Flow, monitor: psycopg.Connection[Any]) -> tuple[int, int]:
    flow.connection.execute("SELECT pg_stat_force_next_flush()")
    found: tuple[int, int] | None = monitor.execute(SERVER).fetchone()
    assert found is not None  # it has one row
    return found
