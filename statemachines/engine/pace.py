"""Effects' limits: how many run at once, and how far apart they start.

One row per limit is locked while that is decided. A start that has to wait is given its time at once, in turn, so that
it asks no second time. Limits: what waits for a place, not for a time, asks again when one is free or after a second.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from statemachines.core.effects import Limit
from statemachines.models import Effect, EffectPace

PLACE_WAIT = timedelta(seconds=1)


def admit(effect: Effect, limit: Limit, now: datetime, using: str) -> bool:
    """Let an effect start now, or set when it may; inside a transaction that has it locked."""
    named = {"name": effect.name, "key": effect.limit_key}
    paces = EffectPace.objects.using(using)
    paces.bulk_create([EffectPace(**named)], ignore_conflicts=True)
    pace = paces.select_for_update().get(**named)
    if limit.rate is not None and not effect.admitted:
        start = max(now, pace.next_at or now)
        pace.next_at = start + limit.spacing
        pace.save(update_fields=["next_at"])
        effect.admitted = True
        if start > now:
            effect.due_at = start
            return False
    if limit.concurrency is not None and _running(effect, now, using) >= limit.concurrency:
        effect.due_at = now + PLACE_WAIT
        return False
    return True


def _running(effect: Effect, now: datetime, using: str) -> int:
    """Count the living others that share its limit."""
    shared = Effect.objects.using(using).filter(name=effect.name, limit_key=effect.limit_key, due_at__gt=now)
    return shared.filter(status__in=[Effect.Status.RUNNING, Effect.Status.CANCELLING]).exclude(pk=effect.pk).count()


def next_in_line(effect: Effect, now: datetime, using: str) -> tuple[int, str, datetime] | None:
    """Return the one that waits longest for the place that an effect has left, due now."""
    waiting = Effect.objects.using(using).filter(name=effect.name, limit_key=effect.limit_key)
    waiting = waiting.filter(status=Effect.Status.WAITING, attempts=0, due_at__lte=now + PLACE_WAIT)
    pk = waiting.order_by("created_at", "pk").values_list("pk", flat=True).first()
    if pk is None or not waiting.filter(pk=pk).update(due_at=now):
        return None
    return pk, effect.name, now
