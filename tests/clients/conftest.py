"""A live server with a town on it, and the API's description as somebody who is signed in reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User

from orders.models import Courier
from project.vendor import tools_there
from tests.orders.conftest import Town

collect_ignore = [] if tools_there() else ["test_typescript.py"]
"""Whoever has no npm, or no network, is told so by `make setup`, and tests the Python client alone."""


class Site:
    """Where the API is, and who uses it: a customer, and the one courier there is."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.town = Town()
        Courier.objects.exclude(pk=self.town.couriers[0].pk).update(at_work=False)

    @property
    def customer(self) -> User:
        return self.town.customer

    @property
    def courier(self) -> User:
        return self.town.couriers[0].user

    @property
    def shop(self) -> str:
        """A shop where couriers buy: an order there waits for no timer."""
        return self.town.restaurants["courier_driven"].name


@pytest.fixture
def site(live_server: Any, settings: Any) -> Site:
    settings.STATEMACHINES = {**settings.STATEMACHINES, "DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}
    return Site(live_server.url)


@pytest.fixture
def description(site: Site, tmp_path: Path) -> Path:
    """A file with what the API says of itself."""
    answer = httpx.get(f"{site.url}/api/machines/openapi.json", auth=(site.customer.username, "secret"), timeout=60)
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(answer.raise_for_status().json()))
    return file
