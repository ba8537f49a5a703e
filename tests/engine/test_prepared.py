"""Statements that PostgreSQL plans once, and the round trip that the first one of a transaction saves."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection, transaction

from statemachines.engine.prepared import prepared_cursor

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="these are PostgreSQL's statements"),
    pytest.mark.django_db(transaction=True),
]
HALF = "SELECT 12 / %s::int"


def run(sql: str, value: Any) -> Any:
    cursor = prepared_cursor(connection, sql)
    cursor.execute(sql, [value])
    return cursor.fetchone()[0]


def trips() -> int:
    """Count the round trips of a transaction of one statement, from libpq's trace."""
    with tempfile.NamedTemporaryFile() as trace:
        connection.connection.pgconn.trace(trace.fileno())
        with transaction.atomic():
            assert run(HALF, 3) == 4
        connection.connection.pgconn.untrace()
        return Path(trace.name).read_text().count("ReadyForQuery")


def test_begin_costs_no_trip_of_its_own() -> None:
    """A prepared statement that opens a transaction takes its BEGIN along: with COMMIT there are two trips."""
    run(HALF, 2)
    assert trips() == 2


def test_what_opens_a_transaction_is_in_it() -> None:
    """A statement that went together with BEGIN is rolled back with its transaction."""
    made = "INSERT INTO auth_group (name) VALUES (%s) RETURNING name"
    count = "SELECT count(*) FROM auth_group WHERE name = %s"
    for name in ("one", "two"):
        with transaction.atomic():
            assert run(made, name) == name
            transaction.set_rollback(True)
        assert run(count, name) == 0


def test_a_failure_while_a_transaction_opens_is_like_any_other() -> None:
    """The statement's own error is raised, all is rolled back, and the connection goes on."""
    run(HALF, 2)
    with pytest.raises(DataError, match="division by zero"), transaction.atomic():
        run(HALF, 0)
    with transaction.atomic():
        assert run(HALF, 4) == 3


def test_a_connection_that_is_gone_as_a_transaction_opens_is_told() -> None:
    """A server that has ended the session is an OperationalError, and a new connection serves."""
    run(HALF, 2)
    ended = connection.copy()
    with ended.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
    ended.close()
    with pytest.raises(OperationalError), transaction.atomic():
        run(HALF, 2)
    connection.close_if_unusable_or_obsolete()
    with transaction.atomic():
        assert run(HALF, 4) == 3
