"""Waiting for an instance: by long polling, and by a stream under a real ASGI server."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from statemachines.api import stream
from statemachines.engine import cancel, send
from statemachines.models import MachineInstance
from tests.api.machines import Commented, Noted

from .conftest import Desk, client


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


@pytest.mark.django_db(transaction=True)
def test_a_body_may_come_in_chunks(desk: Desk, server: str) -> None:
    """A body whose length nobody said is read, not taken for an empty one."""
    address, kind = f"{server}{desk.address}events/commented/", {"Content-Type": "application/json"}
    answer = httpx.post(address, content=iter([b'{"text": ', b'"Hello"}']), headers=kind, auth=("ann", "secret"))
    assert answer.json()["view"]["comments"] == ["Hello"]
