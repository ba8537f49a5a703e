"""People of a helpdesk, and what they ask for."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from django.contrib.auth.models import User
from django.core.asgi import get_asgi_application
from django.db import connections
from rest_framework.test import APIClient

from statemachines.actors import actor_of
from statemachines.engine import create
from statemachines.models import MachineInstance

collect_ignore = [] if shutil.which("curl") and shutil.which("bash") else ["test_page.py"]
"""The page with curl alone is tested where that is."""

TICKETS = "/machines/helpdesk.ticket/instances/"


class Desk:
    """A customer with a ticket, another one, somebody of the staff, and who is not signed in."""

    def __init__(self) -> None:
        self.ann = User.objects.create_user("ann", password="secret")
        self.bob = User.objects.create_user("bob", password="secret")
        self.staff = User.objects.create_user("sue", password="secret", is_staff=True)
        self.ticket = self.made(self.ann, "Printer")

    def made(self, owner: User, title: str, key: str | None = None) -> MachineInstance:
        data = {"owner": str(owner.pk), "title": title}
        return create("helpdesk.ticket", key, data=data, actor=actor_of(owner))

    @property
    def address(self) -> str:
        return f"{TICKETS}{self.ticket.pk}/"


def client(user: User | None = None) -> Any:
    """Return somebody's client."""
    made: Any = APIClient(raise_request_exception=True)
    if user is not None:
        made.force_login(user)
    return made


@pytest.fixture
def desk(db: None, settings: Any) -> Desk:
    settings.ROOT_URLCONF = "tests.api.urls"
    settings.STATEMACHINES = {**settings.STATEMACHINES, "DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}
    return Desk()


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
