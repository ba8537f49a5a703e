"""Celery's part: thin shells over the engine. Only row ids travel.

An effect's task goes to the queue, and has the time limit, that the effect declares; timers and sweeps go to a queue of
their own, where the settings name one. Limits: a task that is lost or delivered twice does no harm; the sweep finds the
first, the engine's checks the second.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from celery import shared_task
from django.db import router
from django.utils import timezone

from . import conf, registry
from .core.events import SYSTEM
from .engine import jobs, outbox, timers
from .engine import sweep as sweeping
from .models import MachineInstance
from .publisher import Publisher

LEAD = timedelta(milliseconds=100)
"""How long before its first timer a message is for: its worker begins and connects, and then waits for the moment."""

GRACE = timedelta(seconds=10)
"""Between the moment when an effect is told that its time is over, and that when its process is killed."""


@shared_task(ignore_result=True, acks_late=True)
def run_effect(pk: int, using: str) -> None:
    """Run one effect."""
    outbox.run_effect(pk, using)


@shared_task(ignore_result=True, acks_late=True)
def fire_timers(pks: list[int], using: str) -> None:
    """Fire timers that are due together."""
    timers.fire_timers(pks, using)


@shared_task(ignore_result=True)
def sweep() -> None:
    """Hand over what is due; Beat sends this every interval."""
    using = router.db_for_write(MachineInstance)
    sweeping.sweep(using)
    _take_up(using)


@shared_task(ignore_result=True, acks_late=True)
def run_bulk(pk: int, using: str) -> None:
    """Do a batch of an operator's act on many instances, and go on with the next."""
    if jobs.run(pk, using):
        run_bulk.apply_async((pk, using), **control())


@shared_task(ignore_result=True)
def upgrade_instances(machine: str, to: int | None = None, reason: str = "") -> None:
    """Upgrade the running instances of a machine in the background; the admin's bulk operations show how far it is."""
    using = router.db_for_write(MachineInstance)
    job = jobs.plan_upgrade(machine, to, actor=SYSTEM, using=using)
    jobs.confirm(job, reason or f"upgraded to version {job.parameters['to']}", job.parameters)
    _take_up(using)


def _take_up(using: str) -> None:
    for pk in jobs.claim(using):
        run_bulk.apply_async((pk, using), **control())


publisher = Publisher()


class CeleryDispatcher:
    """Hands work to Celery's workers, without waiting for the broker."""

    def run_effect(self, pk: int, name: str, at: datetime, using: str) -> None:
        publisher.put(partial(run_effect.apply_async, (pk, using), **of_effect(name), **when(at)))

    def fire_timers(self, pks: list[int], at: datetime, using: str) -> None:
        publisher.put(partial(fire_timers.apply_async, (pks, using), **control(), **when(at - LEAD), **until(at)))


def control() -> dict[str, Any]:
    """Return the queue of timers and of what works in the background, where the settings name one."""
    queue = conf.get("CONTROL_QUEUE")
    return {"queue": queue} if queue else {}


def of_effect(name: str) -> dict[str, Any]:
    """Return what Celery has to know of an effect: its queue, its time limits."""
    declared = registry.effect(name)
    told: dict[str, Any] = {}
    if declared is not None and declared.queue:
        told["queue"] = declared.queue
    if declared is not None and declared.timeout:
        seconds = declared.timeout.total_seconds()
        told |= {"soft_time_limit": seconds, "time_limit": seconds + GRACE.total_seconds()}
    return told


def when(at: datetime) -> dict[str, Any]:
    """Return when a message is for. One that is due has no time: a worker takes of those only as many as it can do.

    An effect's message never expires: where more wait than workers do in time, a late one is as good as its double.
    """
    return {"eta": at} if at > timezone.now() else {}


def until(at: datetime) -> dict[str, Any]:
    """Return when a message of timers has lost its sense, as the sweep hands them over anew: no heap is left."""
    return {"expires": max(at, timezone.now()) + conf.duration("SWEEP_INTERVAL_SECONDS") + sweeping.HANDED}
