"""Take up one effect: whether it may start now, and what has become of one that somebody else had.

A claim commits before anything runs. Limits: the sweep's batches are in `sweep`; what it finds comes through here too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connections
from django.db.models import Exists, OuterRef

from statemachines import conf
from statemachines.core.border import failure_of
from statemachines.core.effects import Lost, Retry, TimedOut
from statemachines.core.functions import Effect as Declared
from statemachines.exceptions import UnknownMachine, UnknownVersion
from statemachines.models import Effect, EffectHold, MachineInstance

from . import clock
from .following import follow_effect
from .pace import admit
from .transaction import again
from .versions import known

Status = Effect.Status

APPLY_SECONDS = 5
"""How long whoever has a result may take to apply it, before another does."""

UNKNOWN_WAIT = timedelta(seconds=5)
"""How long, on average, what a worker does not know is left alone, before it is handed over again."""


def left_until(using: str) -> datetime:
    """Return until when what this code does not know is left alone.

    It is left to chance, or else the same of two workers, sweeping in step, would always come first.
    """
    return clock.now(using) + UNKNOWN_WAIT * (0.5 + clock.chance())


def claim(pk: int, using: str) -> Effect | None:
    """Return an effect that is to be run (RUNNING) or whose result is to be applied (RAN); None where there is nothing.

    Nothing is done where it is not due, is held, its instance is paused, or this code does not know its version.
    While everything is held, no result is applied and no deadline passes either.
    """
    holds = EffectHold.objects.using(using)
    all_held, held = Exists(holds.filter(name=EffectHold.EVERYTHING)), Exists(holds.filter(name=OuterRef("name")))

    def work() -> Effect | None:
        skips = connections[using].features.has_select_for_update_skip_locked
        of = ("self",) if connections[using].features.has_select_for_update_of else ()
        found = Effect.objects.using(using).select_for_update(skip_locked=skips, of=of).select_related("instance")
        due = found.filter(pk=pk, status__in=Effect.OPEN, needs_attention=False, due_at__isnull=False)
        effect = due.annotate(held=held, all_held=all_held).first()
        now = clock.now(using)
        if effect is None:
            return None
        if effect.due_at > now or effect.all_held or effect.instance.status == MachineInstance.Status.PAUSED:
            _put_back(effect, using)
            return None
        return _taken(effect, now, using)

    try:
        return again(using, work)
    except (UnknownMachine, UnknownVersion):
        if follow_effect(pk, using):
            return claim(pk, using)
        soon = left_until(using)
        again(using, lambda: Effect.objects.using(using).filter(pk=pk).update(handed_until=soon))
        return None


def _taken(effect: Any, now: datetime, using: str) -> Effect | None:
    declared = known(effect.instance.machine, effect.version, using).effect(effect.name)
    if effect.status == Status.CANCELLING:  # its worker is dead
        effect.status, effect.ended_at = Status.CANCELLED, now
    elif effect.status == Status.RAN:
        effect.due_at = now + timedelta(seconds=APPLY_SECONDS)
    elif effect.status == Status.PENDING:
        _lost(effect, TimedOut("Nobody completed it in time."), now)
    elif effect.held:
        _put_back(effect, using)
        return None
    elif effect.status == Status.RUNNING and (problem := _no_more(effect, declared)):
        _lost(effect, Lost(problem), now)
    elif declared.limit is None or admit(effect, declared.limit, now, using):
        effect.status, effect.attempts, effect.admitted = Status.RUNNING, effect.attempts + 1, False
        effect.due_at = now + lease_of(declared)
    else:
        effect.status = Status.WAITING
    effect.handed_until = None
    effect.save(using=using)
    return effect if effect.status in (Status.RUNNING, Status.RAN) else None


def _put_back(effect: Effect, using: str) -> None:
    """Leave an effect as it is, for the next sweep to hand it over again: this message came at a wrong time."""
    if effect.handed_until is not None:
        effect.handed_until = None
        effect.save(using=using, update_fields=["handed_until"])


def lease_of(declared: Declared[object, object]) -> timedelta:
    """Return how long an effect is its worker's until it is renewed."""
    lease = conf.duration("EFFECT_LEASE_SECONDS")
    return lease if declared.timeout is None else min(lease, declared.timeout)


def retry_of(declared: Declared[object, object]) -> Retry:
    """Return when an effect is tried again; what it does not say, the settings do."""
    if declared.guarantee == "at_most_once":
        return Retry(max_attempts=1)
    if declared.retry is not None:
        return declared.retry
    first = min(conf.duration("EFFECT_RETRY_SECONDS"), Retry().max_delay)
    return Retry(max_attempts=conf.get("EFFECT_MAX_ATTEMPTS"), first_delay=first)


def _no_more(effect: Effect, declared: Declared[object, object]) -> str:
    """Say why an effect whose worker is dead is not run again, where it is not."""
    if declared.guarantee == "at_most_once":
        return "Its worker died, and it may be run at most once: whether it was done, nobody knows."
    tries = effect.attempts - effect.attempts_before
    if tries >= retry_of(declared).max_attempts:
        return f"Its worker died, or took longer than it may, at the last of {tries} tries."
    return ""


def _lost(effect: Effect, error: Exception, now: datetime) -> None:
    """Give it the failure that nobody is left to tell of."""
    failure = failure_of(error)
    effect.status, effect.failure, effect.error = Status.RAN, True, f"{failure.type}: {failure.message}"
    effect.result = {"type": failure.type, "message": failure.message}
    effect.ran_at, effect.due_at = now, now + timedelta(seconds=APPLY_SECONDS)
