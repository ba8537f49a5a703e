"""Refusals leave a trace: written after the rollback, one row per instance, event, reason and actor a minute, counted.

Nobody waits for a trace: where another transaction holds the row, there will be a second one, and the counts add up.
Limits: inside a caller's own transaction the trace is part of that, and goes with it.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.db.models import F, QuerySet

from statemachines.core.events import Actor
from statemachines.exceptions import EventRefused
from statemachines.models import RefusedAttempt

from . import clock

logger = logging.getLogger(__name__)

WINDOW = timedelta(minutes=1)

TRIES = 10
"""How often the trace is written where other transactions undo it; then the log has it."""


def record(instance: int, refusal: EventRefused, actor: Actor, origin: str, using: str) -> None:
    """Add a refusal to the row of its like, or write the first one."""
    now = clock.now(using)
    same = {
        "instance_id": instance,
        "event": refusal.event[:255],
        "code": refusal.code[:100],
        "actor_kind": actor.kind,
        "actor_id": actor.id,
    }
    attempts = RefusedAttempt.objects.using(using)
    recent = attempts.filter(**same, first_at__gt=now - WINDOW)
    for _ in range(TRIES):
        if _counted(recent, now, using):
            return
        try:
            with transaction.atomic(using=using):
                attempts.create(
                    **same, text=refusal.text, actor_label=actor.label, origin=origin, first_at=now, last_at=now
                )
            return
        except OperationalError:  # above READ COMMITTED a rival may undo it; the refusal stands all the same
            continue
    logger.warning("A refusal could not be kept: %s", refusal.text)


def _counted(recent: QuerySet[RefusedAttempt], now: datetime, using: str) -> bool:
    """Add one to a row that nobody else is writing. Return whether there was one."""
    skips = transaction.get_connection(using).features.has_select_for_update_skip_locked
    try:
        with transaction.atomic(using=using):
            free = recent.select_for_update(skip_locked=skips).first()
            return free is not None and recent.filter(pk=free.pk).update(count=F("count") + 1, last_at=now) == 1
    except OperationalError:  # above READ COMMITTED, what another has just written cannot be written
        return False
