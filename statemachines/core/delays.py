"""Delays: their names, and the order of their timers.

Limits: what a delay means at run time is in `operations`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from .definition import Timer
from .functions import Named


def delay_id(row: Timer[Any]) -> str:
    """Name a delay: milliseconds as XState writes them, or the function's name. Raises ValueError with a sentence."""
    delay = row.delay
    if isinstance(delay, timedelta):
        if row.id is not None:
            raise ValueError(f"After({delay!r}, id={row.id!r}): a fixed delay is its own name; leave id= out")
        if delay < timedelta(0):
            raise ValueError(f"After({delay!r}) lies in the past; write a delay of zero or more")
        return milliseconds(delay)
    if callable(delay):
        return Named(delay, row.id).id
    raise ValueError("After needs a timedelta, a function that returns one, or at= a function that returns a datetime")


def milliseconds(delay: timedelta) -> str:
    """Write a delay as JavaScript writes the number of its milliseconds."""
    number = delay / timedelta(milliseconds=1)
    return str(int(number)) if number.is_integer() else repr(number)


def key_order(key: str) -> tuple[bool, int]:
    """Order the keys of a JavaScript object: array indexes first, ascending, then the rest as written."""
    index = key.isdecimal() and key.isascii() and (key == "0" or key[0] != "0") and int(key) < 2**32 - 1
    return (not index, int(key) if index else 0)
