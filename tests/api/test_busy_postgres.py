"""What another transaction holds, and a database that is gone: 503 with when to come back, never a hanging request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from statemachines.api import base

from .conftest import Desk, client
from .test_problems import is_problem

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def held(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Somebody else holds the ticket's row."""
    monkeypatch.setattr(base, "LOCK_WAIT", timedelta(seconds=0.3))
    other: Any = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM statemachines_machineinstance WHERE id = %s FOR UPDATE", [desk.ticket.pk])
        yield
        cursor.execute("ROLLBACK")
    other.close()


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("act", ["events/commented/", "events/", "pause/", "cancel/"])
def test_a_busy_instance(desk: Desk, act: str) -> None:
    """An act waits for the other transaction as long as set, then is answered by 503; reading waits for nobody."""
    body = {"events/commented/": {"text": "x"}, "events/": {"type": "commented", "text": "x"}}.get(act, {"reason": "x"})
    began = time.monotonic()
    answer = client(desk.staff).post(f"{desk.address}{act}", body, format="json")
    assert time.monotonic() - began < 5
    assert is_problem(answer, 503, "busy")
    assert answer["Retry-After"] == "1"
    assert client(desk.ann).get(desk.address).json()["sequence"] == 1


def test_the_limit_costs_no_query(desk: Desk) -> None:
    """The limit is set by the statement that locks, and ends with the transaction."""
    ann = client(desk.ann)
    with CaptureQueriesContext(connection) as queries:
        ann.post(f"{desk.address}events/commented/", {"text": "x"}, format="json")
    (locking,) = [one["sql"] for one in queries if "lock_timeout" in one["sql"]]
    assert "FOR NO KEY UPDATE" in locking
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_a_lost_database(desk: Desk) -> None:
    """A connection that was terminated is 503; the next request opens another."""
    ann = client(desk.ann)
    assert ann.get(desk.address).status_code == 200
    other: Any = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
    other.close()
    answer = ann.post(f"{desk.address}events/commented/", {"text": "x"}, format="json")
    assert is_problem(answer, 503, "unavailable")
    assert answer["Retry-After"] == "1"
    connection.close()  # as Django does at the next request
    assert ann.post(f"{desk.address}events/commented/", {"text": "x"}, format="json").json()["sequence"] == 2
