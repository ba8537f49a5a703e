"""Celery's dispatcher, which delivers some tasks twice; CHAOS_TWICE is the share, by default a tenth."""

from __future__ import annotations

import os
import random
from datetime import datetime

from statemachines.tasks import CeleryDispatcher

from .world import ledger

SHARE = float(os.environ.get("CHAOS_TWICE", "0.1"))


class TwiceDispatcher(CeleryDispatcher):
    def run_effect(self, pk: int, name: str, at: datetime, using: str) -> None:
        for _ in range(times("effect", [pk])):
            super().run_effect(pk, name, at, using)

    def fire_timers(self, pks: list[int], at: datetime, using: str) -> None:
        for _ in range(times("timers", pks)):
            super().fire_timers(pks, at, using)


def times(what: str, pks: list[int]) -> int:
    """Draw how often a task is delivered, and tell the ledger where it is twice."""
    if random.random() >= SHARE:
        return 1
    ledger().write("twice", what=what, pks=pks)
    return 2
