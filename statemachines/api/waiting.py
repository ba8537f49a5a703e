"""Wait for an instance without holding anything: neither a lock nor a database connection.

Limits: where nothing can be heard (`listener`) it looks again and again, at growing intervals. It takes a thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import connections

from statemachines.models import Effect, MachineInstance

from .listener import hears, listened

T = TypeVar("T")

PREFERENCE = "Preference-Applied"
FIRST_LOOK = 0.02
LAST_LOOK = 0.5

HEARING_LOOK = 2.0
"""Seconds between looks where moves are heard of: what ends without a move, as an effect whose end nobody takes."""

AT_ONCE = 8
"""How many of those who wait may use the database at the same time, in one process."""

_turns = threading.BoundedSemaphore(AT_ONCE)


def settle(instance: MachineInstance, using: str, seconds: float) -> int:
    """Wait until nothing that the instance invoked is open, or the time is over; return how much is."""
    effects = Effect.objects.using(using).filter(instance=instance.pk, status__in=Effect.OPEN)
    invoked = effects.exclude(invocation="").filter(needs_attention=False)
    return wait(instance.pk, invoked.count, lambda count: not count, using, seconds)


def wait(pk: int, look: Callable[[], T], enough: Callable[[T], bool], using: str, seconds: float) -> T:
    """Look until it is enough, or the time is over; return what was seen last. Raises what `look` raises."""
    end, pause, moved = time.monotonic() + seconds, FIRST_LOOK, threading.Event()
    with listened(pk, using, moved):
        while True:
            moved.clear()
            with in_turn():
                seen = look()
            left = end - time.monotonic()
            if left <= 0 or enough(seen):
                return seen
            moved.wait(min(HEARING_LOOK if hears(using) else pause, left))
            pause = min(pause * 1.5, LAST_LOOK)


@contextmanager
def in_turn() -> Iterator[None]:
    """Use the database as one of few inside the block, and hold no connection before and after it."""
    let_go()
    with _turns:
        try:
            yield
        finally:
            let_go()


def let_go() -> None:
    """Close this thread's connections, but for those that somebody's transaction is open on."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
