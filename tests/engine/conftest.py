"""Every engine test that asks for `any_store` runs once per store: both must do the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from statemachines.core.events import Actor

STORES = ["orm", "postgres"]


@pytest.fixture(params=STORES)
def any_store(request: pytest.FixtureRequest, settings: Any) -> str:
    """The store that writes; on SQLite there is only one."""
    name: str = request.param if connection.vendor == "postgresql" else "orm"
    settings.STATEMACHINES = {**settings.STATEMACHINES, "STORE": name}
    return name


@pytest.fixture
def handed(settings: Any) -> Iterator[list[tuple[str, int]]]:
    """What was handed to workers: a dispatcher that only takes notes."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "DISPATCHER": "tests.engine.dispatchers.Notes"}
    from .dispatchers import Notes

    Notes.taken.clear()
    yield Notes.taken
    Notes.taken.clear()


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Where effects leave their trace."""
    return str(tmp_path / "trace")


@pytest.fixture
def ann() -> Actor:
    return Actor("user", "7", "Ann")
