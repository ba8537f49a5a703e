"""Wait for an instance without holding anything: neither a lock nor a database connection.

Limits: looks again and again, at growing intervals; under WSGI it takes a thread meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import connections

from statemachines.models import Effect, MachineInstance

PREFERENCE = "Preference-Applied"
FIRST_LOOK = 0.02
LAST_LOOK = 0.5


def settle(instance: MachineInstance, using: str, seconds: float) -> int:
    """Wait until nothing that the instance invoked is open, or the time is over; return how much is."""
    effects = Effect.objects.using(using).filter(instance=instance.pk, status__in=Effect.OPEN)
    invoked = effects.exclude(invocation="").filter(needs_attention=False)
    wait(lambda: not invoked.exists(), using, seconds)
    return invoked.count()


def wait(done: Callable[[], bool], using: str, seconds: float) -> bool:
    """Look until something holds, or the time is over; return whether it does."""
    end, pause = time.monotonic() + seconds, FIRST_LOOK
    while not done():
        left = end - time.monotonic()
        if left <= 0:
            return False
        let_go(using)
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, LAST_LOOK)
    return True


def let_go(using: str) -> None:
    """Close the connection, unless somebody's transaction is open on it."""
    if not connections[using].in_atomic_block:
        connections[using].close()
