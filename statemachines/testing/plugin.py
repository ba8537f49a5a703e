"""The pytest plugin: a failed assertion on a run tells the run's journey, the fixture `machines` moves time, and
`--machine-coverage` tells what of the machines no test does.

Limits: loads no Django before a test asks for `machines`, so it does no harm where there is none. `machines` needs
pytest-django; without that there is `time_travel`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from .coverage import MachineCoverage, add_options, is_wanted
from .play import Told

if TYPE_CHECKING:
    from .travel import Clock


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    if is_wanted(config):
        config.pluginmanager.register(MachineCoverage(config))


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain a comparison with a value of a run by how it came about."""
    told = next((value for value in (left, right) if isinstance(value, Told)), None)
    if told is None:
        return None
    return [f"{left!r} {op} {right!r}", *told.journey.splitlines()]


@pytest.fixture
def machines(db: None) -> Iterator[Clock]:
    """The engine's clock, stopped, and the effects that wait; on pytest-django's test database."""
    from .travel import time_travel

    with time_travel() as clock:
        yield clock
