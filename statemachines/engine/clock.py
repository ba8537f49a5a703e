"""The one clock: every time that the engine reads, in any of its modules, is read here.

It is the database's, so that all servers agree; the testing kit puts another in its place.
Limits: a replaced clock holds for the whole process, threads included.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connections
from django.utils import timezone

Clock = Callable[[datetime], datetime]
"""Turns the database's time into that which the engine goes by."""

_replaced: Clock | None = None


def now(using: str) -> datetime:
    """Return the time of the one clock."""
    return passed(database_time(using))


def passed(database_time: datetime) -> datetime:
    """Return the time of the one clock, where the database has just told its own."""
    return database_time if _replaced is None else _replaced(database_time)


def set_time(using: str) -> datetime | None:
    """Return the time of a clock that stands in for the database's; None where the database's own is to be taken."""
    return None if _replaced is None else now(using)


def chance() -> float:
    """Return a random share, 0 to 1; a half where the time is not real, so that it can be told when things happen."""
    return random.random() if _replaced is None else 0.5


def database_time(using: str) -> datetime:
    """Return the database's time where it has one to the microsecond, else that of this machine."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        told: datetime = cursor.fetchone()[0]
        return told


@contextmanager
def replaced(clock: Clock) -> Iterator[None]:
    """Go by another clock inside the block."""
    global _replaced
    before, _replaced = _replaced, clock
    try:
        yield
    finally:
        _replaced = before
