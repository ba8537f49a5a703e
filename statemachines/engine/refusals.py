"""Refusals leave a trace: written after the rollback, one row per instance, event, reason and actor a minute, counted.

Limits: inside a caller's own transaction the trace is part of that, and goes with it.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F

from statemachines.core.events import Actor
from statemachines.exceptions import EventRefused
from statemachines.models import RefusedAttempt

from .store import store

WINDOW = timedelta(minutes=1)


def record(instance: int, refusal: EventRefused, actor: Actor, origin: str, using: str) -> None:
    """Add a refusal to the row of its like, or write the first one."""
    now = store(using).now()
    same = {
        "instance_id": instance,
        "event": refusal.event[:255],
        "code": refusal.code[:100],
        "actor_kind": actor.kind,
        "actor_id": actor.id,
    }
    attempts = RefusedAttempt.objects.using(using)
    recent = attempts.filter(**same, first_at__gt=now - WINDOW)
    if not recent.update(count=F("count") + 1, last_at=now):
        attempts.create(**same, text=refusal.text, actor_label=actor.label, origin=origin, first_at=now, last_at=now)
