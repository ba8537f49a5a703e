"""The sweep: find timers that are due, or soon will be, and effects that nobody runs, and hand them to workers.

What a crash or a broker lost is found here. Limits: claims in batches and commits before anything runs; several sweeps
side by side take different rows.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from django.db import transaction
from django.db.models import Q

from statemachines import conf
from statemachines.models import Effect, Timer

from . import clock, idempotency
from .dispatch import hand

HANDED = timedelta(seconds=30)
"""How long a worker has to take up what it was handed before the sweep hands it over again."""


class Swept(msgspec.Struct, frozen=True):
    """How many were handed over."""

    timers: int
    effects: int


def sweep(using: str) -> Swept:
    """Hand over one batch of timers and one of effects, and delete a batch of old idempotency records."""
    timers, effects = claim(using)
    hand(effects, timers, using)
    idempotency.prune(clock.now(using), using, conf.get("SWEEP_BATCH"))
    return Swept(len(timers), len(effects))


def claim(using: str) -> tuple[list[tuple[int, datetime]], list[int]]:
    """Take a batch of timers due before the next sweep, with their due times, and of effects due now."""
    batch = conf.get("SWEEP_BATCH")
    skip_locked = transaction.get_connection(using).features.has_select_for_update_skip_locked
    with transaction.atomic(using=using):
        now = clock.now(using)
        horizon = now + conf.duration("SWEEP_INTERVAL_SECONDS")
        free = Q(handed_until=None) | Q(handed_until__lt=now)
        due = Timer.objects.using(using).select_for_update(skip_locked=skip_locked).filter(free, due_at__lte=horizon)
        timers = list(due.order_by("due_at").values_list("pk", "due_at")[:batch])
        if timers:
            found = Timer.objects.using(using).filter(pk__in=[pk for pk, _ in timers])
            found.update(handed_until=horizon + HANDED)
        waiting = Effect.objects.using(using).select_for_update(skip_locked=skip_locked)
        open_ones = waiting.filter(free, status__in=Effect.OPEN, due_at__lte=now).order_by("due_at")
        effects = list(open_ones.values_list("pk", flat=True)[:batch])
        if effects:
            Effect.objects.using(using).filter(pk__in=effects).update(handed_until=now + HANDED)
    return timers, effects
