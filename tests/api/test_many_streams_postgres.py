"""Hundreds of open streams on one process: few connections, and each event told in less than a second."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection

from statemachines.api.waiting import AT_ONCE
from statemachines.engine import create, send
from statemachines.models import MachineInstance
from tests.api.machines import Commented

from .conftest import TICKETS, Desk

STREAMS = 500
LONG_POLLS = 100
CONNECTIONS = AT_ONCE + 4
"""At most: those that open streams, the one for all streams, the listener's and its proof's, and this test's own."""


def customers(count: int) -> list[tuple[str, MachineInstance]]:
    """Make so many customers with a ticket each; return each one's cookie and ticket."""
    users = User.objects.bulk_create(User(username=f"customer {number}") for number in range(count))
    made = []
    for user in users:
        session = SessionStore()
        session["_auth_user_id"], session["_auth_user_hash"] = str(user.pk), user.get_session_auth_hash()
        session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
        session.create()
        ticket = create("helpdesk.ticket", data={"owner": str(user.pk), "title": "Mouse"}, system=True)
        made.append((f"sessionid={session.session_key}", ticket))
    return made


async def told(port: int, cookie: str, pk: int, opened: asyncio.Semaphore) -> float:
    """Open a stream; return when its first event came. A socket, as an HTTP client would be busier than the server."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {TICKETS}{pk}/stream/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
    try:
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        while line := await reader.readline():
            if line.startswith(b": here"):
                opened.release()
            elif line.startswith(b"event: entry"):
                return time.monotonic()
        raise AssertionError("the stream ended")
    finally:
        writer.close()


async def most_connections(stop: asyncio.Event) -> int:
    """Return how many connections the test's database had at most."""
    most = 0
    while not stop.is_set():
        most = max(most, await asyncio.to_thread(connections_open))
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.05)
    return most


def connections_open() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        count: int = cursor.fetchone()[0]
    connection.close()
    return count


@contextmanager
def serving(alias: str | None) -> Iterator[int]:
    """Run a server process, set up as `project.asgi` is; return its port, which takes connections at once."""
    with socket.create_server(("127.0.0.1", 0), backlog=STREAMS) as bound:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.api.streaming",
            "TESTS_DATABASE": str(connection.settings_dict["NAME"]),
        }
        environment |= {"LISTEN_ALIAS": alias} if alias else {}
        command = [sys.executable, "-m", "uvicorn", "--factory", "django.core.asgi:get_asgi_application", "--fd"]
        command += [str(bound.fileno()), "--log-level", "warning", "--lifespan", "off"]
        process = subprocess.Popen(command, env=environment, pass_fds=[bound.fileno()])
        try:
            yield bound.getsockname()[1]
        finally:
            process.kill()
            process.wait()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("alias", [None, "default"])
def test_many_streams(desk: Desk, alias: str | None, settings: Any, record_property: Any) -> None:
    """500 customers open their streams at once, by a few connections, and hear of an event each without delay."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "LISTEN_ALIAS": alias}
    made = customers(STREAMS)
    with serving(alias) as port:
        waited, opening, most = asyncio.run(watched(port, made))
    median, late = waited[STREAMS // 2], waited[STREAMS * 99 // 100]
    figures = f"p50 {median:.3f} s, p99 {late:.3f} s, most {waited[-1]:.3f} s; opened in {opening:.1f} s"
    record_property("streams", figures)
    print(f"{STREAMS} streams, {'LISTEN' if alias else 'polling'}: {figures}; {most} connections at most")
    assert most <= CONNECTIONS


def say(made: list[tuple[str, MachineInstance]]) -> list[float]:
    """Send each ticket an event; return when."""
    sent = []
    for _, ticket in made:
        send(ticket.pk, Commented(text="Hello"), system=True)
        sent.append(time.monotonic())
    connection.close()
    return sent


async def watched(port: int, made: list[tuple[str, MachineInstance]]) -> tuple[list[float], float, int]:
    """Open all streams at once, send all events; return how long each took, sorted, and how long opening took."""
    began, opened, stop = time.monotonic(), asyncio.Semaphore(0), asyncio.Event()
    watching = asyncio.create_task(most_connections(stop))
    tasks = [asyncio.create_task(told(port, cookie, ticket.pk, opened)) for cookie, ticket in made]
    async with asyncio.timeout(300):
        for _ in made:
            await opened.acquire()
        opening = time.monotonic() - began
        sent = await asyncio.to_thread(say, made)
        heard = await asyncio.gather(*tasks)
    stop.set()
    return sorted(at - since for at, since in zip(heard, sent, strict=True)), opening, await watching


@pytest.mark.django_db(transaction=True)
def test_many_long_polls(desk: Desk) -> None:
    """A hundred long polls begin and end at once by a few connections; each is answered when its ticket moves."""
    made = customers(LONG_POLLS)

    async def polled(port: int) -> tuple[list[bytes], float, int]:
        stop = asyncio.Event()
        watching = asyncio.create_task(most_connections(stop))
        tasks = [asyncio.create_task(reached(port, cookie, ticket.pk)) for cookie, ticket in made]
        await asyncio.to_thread(say, made)
        sent = time.monotonic()
        await asyncio.to_thread(end, made)
        answers = await asyncio.gather(*tasks)
        stop.set()
        return answers, time.monotonic() - sent, await watching

    with serving(None) as port:
        answers, seconds, most = asyncio.run(polled(port))
    print(f"{LONG_POLLS} long polls: {seconds:.1f} s; {most} connections at most")
    assert all(b"wait-reached: true" in answer.lower() for answer in answers)
    assert most <= CONNECTIONS


async def reached(port: int, cookie: str, pk: int) -> bytes:
    """Wait until a ticket is closed; return the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    address = f"{TICKETS}{pk}/?wait_for=closed&timeout=60"
    writer.write(f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode())
    try:
        return await reader.read()
    finally:
        writer.close()


def end(made: list[tuple[str, MachineInstance]]) -> None:
    for _, ticket in made:
        send(ticket.pk, "closed", system=True)
    connection.close()
