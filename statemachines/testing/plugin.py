"""The pytest plugin: a failed assertion on a run tells the run's journey, and the fixture `machines` moves time.

Limits: loads no Django by itself, so it does no harm where there is none.
"""

from __future__ import annotations

from .play import Told


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Explain a comparison with a value of a run by how it came about."""
    told = next((value for value in (left, right) if isinstance(value, Told)), None)
    if told is None:
        return None
    return [f"{left!r} {op} {right!r}", *told.journey.splitlines()]
