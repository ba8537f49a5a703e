"""Effects' limits: how many run at once, and how far apart they start.

One row per limit is locked, and written, while that is decided. A start that has to wait is given its time at once, in
turn, so that it asks no second time; one that misses its time by more than `LATE` gets a new one, so that what waited
for workers does not start all at once. Limits: what waits for a place, not for a time, asks again when one is free or
after a second.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from statemachines.core.effects import Limit
from statemachines.models import Effect, EffectPace, MachineInstance

from . import clock
from .transaction import again

PLACE_WAIT = timedelta(seconds=1)

LATE = timedelta(seconds=1)
"""How late a start may be and still count as on time; the time between two starts, where that is longer."""

KEPT = timedelta(hours=1)
"""How long a limit's row stays after the time of its next start: that of a busy one is not made anew each time."""


def admit(effect: Effect, limit: Limit, now: datetime, using: str) -> bool:
    """Let an effect start now, or set when it may; inside a transaction that has it locked."""
    pace = _locked(effect, using)
    if limit.concurrency is not None and _running(effect, now, using) >= limit.concurrency:
        effect.due_at, effect.admitted = now + PLACE_WAIT, False
        return False
    start = now
    if not effect.admitted or now - (effect.due_at or now) > max(limit.spacing, LATE):
        start = max(now, pace.next_at or now)
        pace.next_at = start + limit.spacing
    # Written in any case: above READ COMMITTED that is what has a second claim begin anew, and count this one.
    pace.save(using=using, update_fields=["next_at"])
    effect.admitted = start > now
    if effect.admitted:
        effect.due_at = start
    return not effect.admitted


def prune(now: datetime, using: str, batch: int) -> int:
    """Delete a batch of limits that have long been free, as good as new ones; return how many. Few rows, no index."""
    free = EffectPace.objects.using(using).filter(Q(next_at=None) | Q(next_at__lt=now - KEPT))
    pks = list(free.values_list("pk", flat=True)[:batch])
    # Asked again as it deletes: one that has been taken up meanwhile stays.
    return again(using, lambda: free.filter(pk__in=pks).delete()[0]) if pks else 0


def _locked(effect: Effect, using: str) -> EffectPace:
    paces = EffectPace.objects.using(using)
    named = {"name": effect.name, "key": effect.limit_key}
    found: EffectPace | None = paces.select_for_update().filter(**named).first()
    if found is None:
        paces.bulk_create([EffectPace(**named)], ignore_conflicts=True)
        found = paces.select_for_update().get(**named)
    return found


def _running(effect: Effect, now: datetime, using: str) -> int:
    """Count the living others that share its limit."""
    shared = Effect.objects.using(using).filter(name=effect.name, limit_key=effect.limit_key, due_at__gt=now)
    return shared.filter(status__in=[Effect.Status.RUNNING, Effect.Status.CANCELLING]).exclude(pk=effect.pk).count()


def next_in_line(effect: Effect, using: str) -> tuple[int, str, datetime] | None:
    """Return the one that waits longest for the place that an effect has left, due now."""

    def work() -> tuple[int, str, datetime] | None:
        now = clock.now(using)
        waiting = Effect.objects.using(using).filter(name=effect.name, limit_key=effect.limit_key, admitted=False)
        waiting = waiting.filter(status=Effect.Status.WAITING, attempts=0, due_at__lte=now + PLACE_WAIT)
        going_on = waiting.exclude(instance__status=MachineInstance.Status.PAUSED)
        pk = going_on.order_by("created_at", "pk").values_list("pk", flat=True).first()
        if pk is None or not waiting.filter(pk=pk).update(due_at=now):
            return None
        return pk, effect.name, now

    return again(using, work)
