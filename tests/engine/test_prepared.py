"""Statements that PostgreSQL plans once, and the round trip that the first one of a transaction saves."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection, transaction

from statemachines.core.events import Actor
from statemachines.engine import create
from statemachines.engine.prepared import prepared_cursor

pytestmark = [
    pytest.mark.skipif(connection.vendor != "postgresql", reason="these are PostgreSQL's statements"),
    pytest.mark.django_db(transaction=True),
]
HALF = "SELECT 12 / %s::int"


MADE = "INSERT INTO auth_group (name) VALUES (%s) RETURNING name"
COUNT = "SELECT count(*) FROM auth_group WHERE name = %s"


def run(sql: str, value: Any, *, last: bool = False) -> Any:
    cursor = prepared_cursor(connection, sql, last=last)
    cursor.execute(sql, [value])
    return cursor.fetchone()[0]


@contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """Count the round trips inside the block, from libpq's trace."""
    with tempfile.NamedTemporaryFile() as trace:
        connection.connection.pgconn.trace(trace.fileno())
        yield lambda: Path(trace.name).read_text().count("ReadyForQuery")


def trips(*, last: bool = False) -> int:
    """Count the round trips of a transaction of one statement."""
    with counted() as count:
        with transaction.atomic():
            assert run(HALF, 3, last=last) == 4
        connection.connection.pgconn.untrace()
        return count()


def test_begin_costs_no_trip_of_its_own() -> None:
    """A prepared statement that opens a transaction takes its BEGIN along: with COMMIT there are two trips."""
    run(HALF, 2)
    assert trips() == 2


def test_commit_costs_no_trip_of_its_own() -> None:
    """A transaction's last statement takes COMMIT along, and where it is the first as well, BEGIN: that is one trip."""
    with transaction.atomic():
        run(HALF, 2, last=True)
    assert trips(last=True) == 1


def test_an_event_costs_two_trips(ann: Actor) -> None:
    """The lock goes with BEGIN, the write with COMMIT, once both are prepared."""
    one = create("examples.door", actor=ann)
    for event in ("open", "close"):
        one.send(event, actor=ann)
    with counted() as count:
        one.send("open", actor=ann)
        connection.connection.pgconn.untrace()
        assert count() == 2


def test_nothing_is_committed_under_a_caller_without_autocommit(ann: Actor) -> None:
    """A caller who commits by hand decides about the event as well."""
    one = create("examples.door", actor=ann)
    for event in ("open", "close"):
        one.send(event, actor=ann)
    transaction.set_autocommit(False)
    try:
        one.send("open", actor=ann)
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)
    one.refresh_from_db()
    assert (one.state, one.sequence) == ("closed", 3)


def group_and_last(group: str, last: str, hooks: list[str]) -> None:
    """Write a group and a last statement, with 0, in one transaction that tells when it is committed."""
    with transaction.atomic():
        transaction.on_commit(lambda: hooks.append("ran"))
        run(MADE, group)
        run(last, 0, last=True)


def test_a_last_statement_that_fails_commits_nothing() -> None:
    """Its own error is raised, what was written before it is gone, and no commit hook runs."""
    run(HALF, 2, last=True)
    hooks: list[str] = []
    with pytest.raises(DataError, match="division by zero"):
        group_and_last("three", HALF, hooks)
    assert (run(COUNT, "three"), hooks) == (0, [])
    assert run(HALF, 4) == 3


def test_a_commit_that_fails_is_told() -> None:
    """What PostgreSQL finds wrong only at COMMIT is an IntegrityError, nothing is written, and no commit hook runs."""
    member = "INSERT INTO auth_user_groups (user_id, group_id) VALUES (%s, 0) RETURNING 1"
    for _ in range(2):  # the second time it is prepared, and takes COMMIT along
        hooks: list[str] = []
        with pytest.raises(IntegrityError, match="foreign key"):
            group_and_last("four", member, hooks)
        assert (run(COUNT, "four"), hooks) == (0, [])


def test_what_opens_a_transaction_is_in_it() -> None:
    """A statement that went together with BEGIN is rolled back with its transaction."""
    for name in ("one", "two"):
        with transaction.atomic():
            assert run(MADE, name) == name
            transaction.set_rollback(True)
        assert run(COUNT, name) == 0


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
