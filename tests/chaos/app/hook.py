"""Kill this process at a point of the engine's own windows, when the monkey has laid a strike there.

A strike is a file named like the point, in the run's folder `strikes`. Whoever takes it away dies of it, at once and
without a word to anybody but the ledger.
"""

from __future__ import annotations

import os
import signal
import threading

from django.conf import settings

from statemachines.engine import faults, outbox
from statemachines.models import Effect

from .world import ledger

current = threading.local()
"""Which effect this thread has claimed last, for the ledger: its key and attempt."""


def install() -> None:
    """Have the engine call us at its fault points, and remember which effect is in hand."""
    faults.hook = reached
    claim = outbox.claim

    def noted(pk: int, using: str) -> Effect | None:
        effect = claim(pk, using)
        current.effect = {} if effect is None else {"key": str(effect.key), "attempt": effect.attempts}
        return effect

    outbox.claim = noted


def reached(point: str) -> None:
    """Die here if a strike lies here."""
    try:
        os.unlink(settings.CHAOS_FOLDER / "strikes" / point)
    except FileNotFoundError:
        return
    ledger().write("fault", point=point, pid=os.getpid(), **getattr(current, "effect", {}))
    os.kill(os.getpid(), signal.SIGKILL)
