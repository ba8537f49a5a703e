"""A broker that is stopped, or swallows everything, holds no event."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from project.celery import app
from statemachines import tasks
from statemachines.engine import create
from statemachines.engine.sweep import Swept, sweep
from statemachines.models import Effect
from statemachines.publisher import Publisher
from tests.examples.machines import Go, NoteData, notes
from tests.workers import celery, eventually

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # kombu leaves its sockets to the garbage collector
]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening


@pytest.fixture
def broker(request: pytest.FixtureRequest, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> str:
    """This process's broker: "stopped" is a closed port, "black hole" one that never answers."""
    port = listener.getsockname()[1]
    if request.param == "stopped":
        listener.close()
    # Set as an attribute, it would stay set afterwards; in the environment, it would be the workers' broker too.
    monkeypatch.setitem(app.conf.changes, "broker_write_url", f"redis://127.0.0.1:{port}/0")
    monkeypatch.setattr(app, "_pool", None)
    monkeypatch.setattr(app.amqp, "_producer_pool", None)
    monkeypatch.setattr(tasks, "publisher", Publisher())
    return str(request.param)


@pytest.mark.parametrize("broker", ["stopped", "black hole"], indirect=True)
def test_the_event_succeeds_and_the_sweep_delivers(
    broker: str, listener: socket.socket, tmp_path: Path, settings: Any
) -> None:
    """The event is committed while the broker is silent; a worker that has another way does the effect."""
    settings.STATEMACHINES = {}
    made = create(notes.machine, data=NoteData(file=str(tmp_path / "notes")), system=True)
    made.send(Go(), system=True)
    assert (made.state, Effect.objects.get().status) == ("noted", "waiting")
    if broker == "black hole":
        taken, _ = listener.accept()  # the publisher waits there, and nobody for it
        assert tasks.publisher._thread.is_alive()
        taken.close()
    log = tmp_path / "worker.log"
    with (
        celery(log, "worker", "--pool=solo", "--loglevel=INFO", "--without-gossip", "--without-mingle"),
        celery(tmp_path / "beat.log", "beat", f"--pidfile={tmp_path / 'beat.pid'}"),
    ):
        eventually(lambda: Effect.objects.get().status == "applied", log)
    connection.close()


def test_what_a_sweep_could_not_hand_over_the_next_one_does(tmp_path: Path, settings: Any) -> None:
    """A dispatcher that fails leaves nothing marked as handed over, which would wait for half a minute."""
    settings.STATEMACHINES = {"DISPATCHER": "tests.engine.dispatchers.Dead"}
    made = create(notes.machine, data=NoteData(file=str(tmp_path / "notes")), system=True)
    made.send(Go(), system=True)
    waiting = create(notes.machine, data=NoteData(), system=True)
    waiting.send("wait", system=True)
    assert sweep("default") == Swept(0, 0)
    settings.STATEMACHINES = {"DISPATCHER": "tests.engine.dispatchers.Notes"}
    assert sweep("default") == Swept(1, 1)
