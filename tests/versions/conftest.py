"""Machines of which a test publishes versions: their files stand in a directory of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from statemachines import Machine, registry
from statemachines.core.published import publish
from statemachines.engine import versions as recorded
from statemachines.registry import Registered, register
from statemachines.upgrades import upgrades
from statemachines.versions import file_of
from tests.engine.conftest import any_store

__all__ = ["any_store"]

Publish = Callable[..., Registered]


@pytest.fixture
def publishing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Publish]:
    """Register a version of a machine and write its file; both are forgotten after the test."""
    monkeypatch.setattr(apps.get_app_config("examples"), "path", str(tmp_path))
    before = {name: dict(versions) for name, versions in registry._machines.items()}
    recorded._same.clear()
    upgrades.cache_clear()

    def made(machine: Machine[Any], *, file: bool = True, **options: Any) -> Registered:
        registered = register(machine, app_label="examples", **options)
        registered.directory.mkdir(parents=True, exist_ok=True)
        if file:
            file_of(registered, machine.version).write_bytes(publish(machine).encode())
        return registered

    yield made
    registry._machines.clear()
    registry._machines.update(before)
    recorded._same.clear()
    upgrades.cache_clear()


def forget(registered: Registered) -> None:
    """Have this process not know a version any more, as code of another release."""
    del registry._machines[registered.name][registered.version]
    recorded._same.clear()
    upgrades.cache_clear()
