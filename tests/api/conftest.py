"""People of a helpdesk, and what they ask for."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from statemachines.actors import actor_of
from statemachines.engine import create
from statemachines.models import MachineInstance

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
