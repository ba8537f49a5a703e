"""LISTEN and NOTIFY: who waits is woken; what cannot be heard is looked for."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from statemachines.actors import ANONYMOUS
from statemachines.api import hub, listener, waiting
from statemachines.engine import create, send
from statemachines.engine.outbox import run_effect
from statemachines.engine.transaction import drive_free
from statemachines.models import Effect
from tests.api.machines import Commented, Ping

from .conftest import Desk, client
from .test_stream import later, watch

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 20
NEVER = 600.0
TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid NOT IN (pg_backend_pid(), %s)"""


def until(holds: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def hearing() -> None:
    until(lambda: listener.hears("default"), "what moves is heard of")


def listeners() -> int:
    """Count the connections that LISTEN, as PostgreSQL sees them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        count: int = cursor.fetchone()[0]
    return count


@pytest.fixture
def ears(desk: Desk, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The ordinary alias is a direct connection here. Who hears does not look by themselves while a test takes."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "LISTEN_ALIAS": "default"}
    monkeypatch.setattr(waiting, "LOOK_SECONDS", NEVER)
    monkeypatch.setattr(hub, "HEARING_LOOK", NEVER)
    monkeypatch.setattr(listener, "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(listener, "RETRY_SECONDS", 0.2)
    yield
    gone = "the listener ends when nobody waits"
    until(lambda: not any(one.name == "statemachines-listener" for one in threading.enumerate()), gone)


@pytest.mark.usefixtures("ears")
def test_a_long_poll_is_woken(desk: Desk) -> None:
    """A transition in any process wakes who waits for its state, without a look in between."""

    def act() -> None:
        hearing()
        send(desk.ticket, Commented(text="x"), system=True)
        send(desk.ticket, "closed", system=True)

    acting = later(0, act)
    answer = client(desk.ann).get(f"{desk.address}?wait_for=closed&timeout=60")
    acting.join()
    assert (answer["Wait-Reached"], answer.json()["view"]["state"]) == ("true", ["closed"])


@pytest.mark.usefixtures("ears")
def test_who_waits_for_an_effect_is_woken(desk: Desk) -> None:
    """`Prefer: wait` hears of the transition that an effect's end makes."""

    def act() -> None:
        until(Effect.objects.exists, "the effect is there")
        hearing()
        run_effect(Effect.objects.get().pk, "default")

    acting = later(0, act)
    answer = client(desk.staff).post(f"{desk.address}events/check/", HTTP_PREFER="wait=60")
    acting.join()
    assert (answer["Effects-Pending"], answer.json()["view"]["checked"]) == ("0", "PRINTER")


@pytest.mark.usefixtures("ears")
def test_a_stream_is_woken(desk: Desk, server: str) -> None:
    """A stream tells what NOTIFY told of; the listener and the streams have one connection each."""

    def act() -> None:
        hearing()
        assert listeners() == 1
        send(desk.ticket, Commented(text="x"), system=True)

    found = watch(f"{server}{desk.address}stream/", desk.ann, 2, act)
    assert [one["event"] for one in found] == ["entry", "instance"]


@pytest.mark.usefixtures("ears")
def test_lost_connections_are_opened_again(desk: Desk, server: str, caplog: pytest.LogCaptureFixture) -> None:
    """The listener's and the streams': what moved meanwhile is found by a look, then moves are heard again."""
    ours = connection.connection.info.backend_pid

    def act() -> None:
        hearing()
        with caplog.at_level(logging.WARNING), connection.cursor() as cursor:
            cursor.execute(TERMINATE, [ours])
            assert cursor.fetchone() == (2,)
            send(desk.ticket, Commented(text="while it is down"), system=True)
            until(lambda: "LISTEN on 'default' failed" in caplog.text, "the loss is told")
        hearing()
        assert listeners() == 1
        send(desk.ticket, Commented(text="when it is back"), system=True)

    found = watch(f"{server}{desk.address}stream/", desk.ann, 3, act)
    assert [one["id"] for one in found if one["event"] == "entry"] == ["2", "3"]


@pytest.mark.usefixtures("ears")
@pytest.mark.django_db(transaction=True, databases=["default", "lite"])
@pytest.mark.parametrize(
    ("alias", "change", "told"),
    [
        ("lite", {"NAME": "postgres"}, "does not arrive"),
        ("lite", {"PORT": "1"}, "connection failed"),
        ("lite", None, "LISTEN"),
        ("nowhere", None, "doesn't exist"),
    ],
)
def test_what_cannot_be_heard_is_looked_for(
    desk: Desk,
    settings: Any,
    alias: str,
    change: dict[str, str] | None,
    told: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the alias is another database's, down, no PostgreSQL or absent, that is told, and who waits looks."""
    monkeypatch.setattr(listener, "PROOF_SECONDS", 0.3)
    if change is not None:
        monkeypatch.setitem(connections.settings, alias, connections.settings["default"] | change)
    settings.STATEMACHINES = {**settings.STATEMACHINES, "LISTEN_ALIAS": alias}

    def act() -> None:
        until(lambda: f"LISTEN on {alias!r} failed" in caplog.text, "it is told")
        assert told in caplog.text
        assert not listener.hears("default")
        send(desk.ticket, Commented(text="x"), system=True)
        send(desk.ticket, "closed", system=True)

    acting = later(0, act)
    answer = client(desk.ann).get(f"{desk.address}?wait_for=closed&timeout=60")
    acting.join()
    assert answer["Wait-Reached"] == "true"


@pytest.mark.parametrize("store", ["orm", "postgres"])
@pytest.mark.parametrize("alias", [None, "default"])
def test_notifying_costs_nothing_where_it_is_off(desk: Desk, settings: Any, store: str, alias: str | None) -> None:
    """Nothing is sent without the setting; with it, the statement that writes notifies, of one instance or of many."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "STORE": store, "LISTEN_ALIAS": alias}
    bells = [create("helpdesk.bell", system=True) for _ in range(2)]
    with connection.cursor() as cursor:
        cursor.execute("LISTEN statemachines")
        with CaptureQueriesContext(connection) as one:
            send(desk.ticket, Commented(text="x"), system=True)
        with CaptureQueriesContext(connection) as many:
            ping = lambda driven: driven.take(Ping(), ANONYMOUS, "rest", refusable=True)  # noqa: E731
            drive_free([bell.pk for bell in bells], "default", lambda: ping)
        made = create("helpdesk.bell", system=True)
        heard = [note.payload for note in connection.connection.notifies(timeout=0.2)]
        cursor.execute("UNLISTEN statemachines")
    expected = [] if alias is None else [f"{desk.ticket.pk} 2", *(f"{bell.pk} 2" for bell in bells), f"{made.pk} 1"]
    assert heard == expected
    notifying = [query for query in [*one, *many] if "pg_notify" in query["sql"]]
    if alias is None:
        assert not notifying
    elif store == "postgres":
        assert all("UPDATE statemachines_machineinstance" in query["sql"] for query in notifying)
