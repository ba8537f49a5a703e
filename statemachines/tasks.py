"""Celery's part: thin shells over the engine. Only row ids travel.

Limits: a task that is lost or delivered twice does no harm; the sweep finds the first, the engine's checks the second.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from celery import shared_task
from django.db import router

from .engine import outbox, timers
from .engine import sweep as sweeping
from .models import MachineInstance
from .publisher import Publisher


@shared_task(ignore_result=True, acks_late=True)
def run_effect(pk: int, using: str) -> None:
    """Run one effect."""
    outbox.run_effect(pk, using)


@shared_task(ignore_result=True, acks_late=True)
def fire_timer(pk: int, using: str) -> None:
    """Fire one timer."""
    timers.fire_timer(pk, using)


@shared_task(ignore_result=True)
def sweep() -> None:
    """Hand over what is due; Beat sends this every interval."""
    sweeping.sweep(router.db_for_write(MachineInstance))


publisher = Publisher()


class CeleryDispatcher:
    """Hands work to Celery's workers, without waiting for the broker."""

    def run_effect(self, pk: int, using: str) -> None:
        publisher.put(partial(run_effect.delay, pk, using))

    def fire_timer(self, pk: int, at: datetime, using: str) -> None:
        publisher.put(partial(fire_timer.apply_async, (pk, using), eta=at))
