"""Wait for an instance without holding anything: neither a lock nor a database connection.

Limits: it takes a thread, which the hub wakes; what comes without a move is seen by a look every `LOOK_SECONDS`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import connections

from statemachines.models import Effect, MachineInstance

from .hub import Waiter, hub_of
from .listener import listened

T = TypeVar("T")

PREFERENCE = "Preference-Applied"

LOOK_SECONDS = 2.0
"""How long who waits relies on being woken: an effect whose end nobody takes moves nothing."""

AT_ONCE = 8
"""How many of those who wait may use the database at the same time, in one process."""

_turns = threading.BoundedSemaphore(AT_ONCE)


def settle(instance: MachineInstance, using: str, seconds: float) -> int:
    """Wait until nothing that the instance invoked is open, or the time is over; return how much is."""
    effects = Effect.objects.using(using).filter(instance=instance.pk, status__in=Effect.OPEN)
    invoked = effects.exclude(invocation="").filter(needs_attention=False)
    return wait(instance, invoked.count(), invoked.count, lambda count: not count, using, seconds)


def wait(
    instance: MachineInstance, seen: T, look: Callable[[], T], enough: Callable[[T], bool], using: str, seconds: float
) -> T:
    """Look whenever an instance moves, until it is enough or the time is over; return what was seen last.

    `seen` was seen of the instance as it is given. Raises what `look` raises.
    """
    end, waiter = time.monotonic() + seconds, Waiter(instance.pk, instance.sequence)
    if enough(seen):
        return seen
    let_go()
    with listened(instance.pk, using, waiter.moved), hub_of(using).watched(waiter):
        while not enough(seen) and (left := end - time.monotonic()) > 0:
            waiter.moved.wait(min(LOOK_SECONDS, left))
            waiter.moved.clear()
            with in_turn():
                seen = look()
    return seen


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
