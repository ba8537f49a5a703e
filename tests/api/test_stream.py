"""Waiting for an instance: by long polling, and by a stream under a real ASGI server."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.db import connection, connections
from django.test import Client

from statemachines.api import stream
from statemachines.engine import cancel, create, send
from statemachines.models import MachineInstance
from tests.api.machines import Commented, Noted, Ping

from .conftest import Desk, client

OPEN_STREAMS = 500

OPENING_AT_ONCE = 20
"""While it is opened, each request has a connection of its own, and PostgreSQL has 100."""


def later(seconds: float, act: Callable[[], Any]) -> threading.Thread:
    """Do something in a while, in a thread of its own."""

    def run() -> None:
        time.sleep(seconds)
        act()
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", ["checking", "closed"])
def test_a_long_poll_ends_when_the_place_is_reached(desk: Desk, place: str) -> None:
    """`wait_for` a state answers when it is active, with the instance as it is then, and holds no connection."""

    def act() -> None:
        send(desk.ticket, Commented(text="x"), system=True)
        send(desk.ticket, {"checking": "check", "closed": "closed"}[place], system=True)

    acting = later(0.3, act)
    answer = client(desk.ann).get(f"{desk.address}?wait_for={place}&timeout=20")
    acting.join()
    assert (answer["Wait-Reached"], answer.json()["view"]["state"]) == ("true", [place])


@pytest.mark.django_db(transaction=True)
def test_a_long_poll_asks_the_policy_at_each_look(desk: Desk) -> None:
    """Who loses sight of the instance meanwhile gets 404, not what it has become."""
    acting = later(0.3, lambda: MachineInstance.objects.update(data={**desk.ticket.data, "owner": "0"}))
    answer = client(desk.ann).get(f"{desk.address}?wait_for=closed&timeout=20")
    acting.join()
    assert answer.status_code == 404


def test_a_long_poll_ends_with_its_time(desk: Desk) -> None:
    """By then the answer is the instance as it is, marked; a tag that is there is no wait at all."""
    began = time.monotonic()
    assert client(desk.ann).get(f"{desk.address}?wait_for=at_work&timeout=20")["Wait-Reached"] == "true"
    assert client(desk.ann).get(f"{desk.address}?wait_for=closed&timeout=0.2")["Wait-Reached"] == "false"
    assert time.monotonic() - began < 5
    for query in ("timeout=61", "timeout=-1", "timeout=x", "wait_for="):
        assert client(desk.ann).get(f"{desk.address}?{query}").status_code == 400


def test_under_wsgi_there_are_no_streams(desk: Desk) -> None:
    """501, and what to do instead."""
    answer = client(desk.ann).get(f"{desk.address}stream/")
    assert (answer.status_code, answer.json()["code"]) == (501, "needs_asgi")
    assert "polling" in answer.json()["advice"]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real ASGI server in a thread, set up as `project.asgi` is; returns its address."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    config = uvicorn.Config(get_asgi_application(), port=0, log_level="warning", lifespan="off", backlog=1024)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = server.force_exit = True
    thread.join()
    deadline = time.monotonic() + 5
    while any(one.name == "statemachines-streams" for one in threading.enumerate()):
        assert time.monotonic() < deadline, "the hub ends when nobody watches"
        time.sleep(0.05)


def cookie_of(user: User) -> dict[str, str]:
    browser = Client()
    browser.force_login(user)
    return {"Cookie": f"sessionid={browser.cookies['sessionid'].value}"}


async def events(answer: httpx.Response) -> AsyncIterator[dict[str, str]]:
    """Yield the events of a stream, comments as well."""
    told: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line:
            name, _, value = line.partition(": ")
            told[name] = value
        elif told:
            yield told
            told = {}


def watch(address: str, user: User, count: int, act: Callable[[], Any], **headers: str) -> list[dict[str, str]]:
    """Open a stream, act once it is open, and return what comes: so many events after the greeting, or all."""

    given = {**cookie_of(user), **headers}

    async def watched() -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        async with httpx.AsyncClient(headers=given, timeout=20) as http, http.stream("GET", address) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"] == "text/event-stream"
            async for event in events(answer):
                if not found:
                    await asyncio.to_thread(acted)
                found.append(event)
                if len(found) == count + 1:
                    break
        return found[1:]

    def acted() -> None:
        act()
        connection.close()

    return asyncio.run(watched())


live = pytest.mark.django_db(transaction=True)


@live
def test_a_stream_tells_what_happens(desk: Desk, server: str) -> None:
    """Each entry with its sequence as the id, then the instance: as who watches is shown them."""
    address = f"{server}{desk.address}stream/"
    entry, instance = watch(address, desk.ann, 2, lambda: send(desk.ticket, Noted(secret="hunter2"), system=True))
    assert (entry["event"], entry["id"], json.loads(entry["data"])["view"]["event"]) == ("entry", "2", "noted")
    assert (instance["event"], json.loads(instance["data"])["sequence"]) == ("instance", 2)
    assert "hunter2" not in entry["data"] + instance["data"]


@live
def test_a_stream_goes_on_where_it_was(desk: Desk, server: str) -> None:
    """With `Last-Event-ID` nothing is missed and nothing told twice."""
    for number in range(3):
        send(desk.ticket, Commented(text=str(number)), system=True)
    address = f"{server}{desk.address}stream/"
    found = watch(address, desk.ann, 3, lambda: None, **{"Last-Event-ID": "2"})
    assert [(one["event"], one["id"]) for one in found] == [("entry", "3"), ("entry", "4"), ("instance", "4")]


@live
def test_a_stream_asks_the_policy_at_each_item(desk: Desk, server: str) -> None:
    """Who loses sight of the instance is told that it is gone, and nothing that happened after."""

    def lose() -> None:
        MachineInstance.objects.update(data={**desk.ticket.data, "owner": "0"})
        send(desk.ticket, Commented(text="psst"), system=True)

    found = watch(f"{server}{desk.address}stream/", desk.ann, 9, lose)
    assert [(one["event"], one["data"]) for one in found] == [("gone", "{}")]


@live
def test_another_ones_stream_is_not_there(desk: Desk, server: str) -> None:
    """404 for another user, 401 for nobody, 400 for a Last-Event-ID that is none."""
    address = f"{server}{desk.address}stream/"
    assert httpx.get(address, headers=cookie_of(desk.bob)).status_code == 404
    assert httpx.get(address).status_code == 401
    assert httpx.get(address, headers=cookie_of(desk.ann) | {"Last-Event-ID": "x"}).status_code == 400


@live
def test_a_stream_ends_with_its_instance(desk: Desk, server: str) -> None:
    """After the last item the stream ends; who comes back is told by 204 to come back no more."""
    address = f"{server}{desk.address}stream/"
    found = watch(address, desk.ann, 9, lambda: cancel(desk.ticket, reason="x", system=True))
    assert [one["event"] for one in found] == ["entry", "instance"]
    assert httpx.get(address, headers=cookie_of(desk.ann) | {"Last-Event-ID": "2"}).status_code == 204


@live
def test_a_silent_stream_is_alive(desk: Desk, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing happens there is a heartbeat."""
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.1)
    found = watch(f"{server}{desk.address}stream/", desk.ann, 2, lambda: None)
    assert found == [{"": "still here"}] * 2


@live
def test_many_streams(desk: Desk, server: str, record_property: Any) -> None:
    """500 open streams hold one connection in all, and are told of their events in less than a second."""
    made = [create("helpdesk.bell", f"b{number}", system=True) for number in range(OPEN_STREAMS)]

    async def watched() -> list[float]:
        opened = asyncio.Semaphore(0)
        door = asyncio.Semaphore(OPENING_AT_ONCE)
        sent: dict[int, float] = {}
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(timeout=60, limits=limits) as http:

            async def one(pk: int) -> float:
                address = f"{server}/machines/helpdesk.bell/instances/{pk}/stream/"
                await door.acquire()
                async with http.stream("GET", address) as answer:
                    async for event in events(answer):
                        if "event" in event:
                            return time.monotonic() - sent[pk]
                        opened.release()
                        door.release()
                raise AssertionError("the stream ended")

            tasks = [asyncio.create_task(one(instance.pk)) for instance in made]
            for _ in made:
                await opened.acquire()
            held = await asyncio.to_thread(connections_open)
            assert held <= 3, f"{held} connections for {OPEN_STREAMS} streams"
            await asyncio.to_thread(ring, sent)
            return await asyncio.gather(*tasks)

    def ring(sent: dict[int, float]) -> None:
        for instance in made:
            send(instance.pk, Ping(), system=True)
            sent[instance.pk] = time.monotonic()
        connection.close()

    waited = sorted(asyncio.run(watched()))
    record_property("stream_seconds_median", waited[len(waited) // 2])
    record_property("stream_seconds_most", waited[-1])
    print(f"{OPEN_STREAMS} streams: median {waited[len(waited) // 2]:.3f} s, most {waited[-1]:.3f} s")
    assert waited[len(waited) * 95 // 100] < 1  # the last few wait for the processor where others use it too


def connections_open() -> int:
    """Count the connections to the test's database, beside this one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()")
        count: int = cursor.fetchone()[0]
    connection.close()
    return count
