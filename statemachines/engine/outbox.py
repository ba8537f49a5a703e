"""Run effects: claim, run outside any transaction, commit the result, apply it to the machine.

An effect is claimed for the length of a lease; when that is over its worker counts as dead and another takes it up.
Limits: at least once. Whoever must not do a thing twice uses the call's idempotency key.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import QuerySet

from statemachines import conf, registry
from statemachines.core.border import failed, plain_result, succeeded
from statemachines.core.codec import codec
from statemachines.core.events import Actor, Occurrence
from statemachines.models import Effect

from . import clock
from .transaction import Driven, drive

logger = logging.getLogger(__name__)

LONGEST_WAIT = timedelta(hours=1)
"""Between two attempts of an effect, however often it failed."""


class EffectCall(msgspec.Struct, frozen=True):
    """What an effect's function knows of its call.

    `idempotency_key` is the same over all attempts of this effect; `attempt` counts from 1.
    """

    idempotency_key: str
    attempt: int
    machine: str
    instance_key: str
    instance_pk: int


Function = Callable[[Any, EffectCall], Any]


def run_effect(pk: int, using: str, *, function: Function | None = None) -> bool:
    """Run an effect that waits and is due, and apply its result. Return whether this call ended it.

    A failing function is tried again later, up to the limit; a failing application alone is tried again alone.
    `function`: what is called in place of the effect's own.
    """
    effect = _claim(pk, using)
    if effect is None:
        return False
    if effect.status != Effect.Status.RAN:
        registered = registry.find(effect.instance.machine, effect.version)
        try:
            result = _run(registered, effect, function)
        except Exception as error:
            return _failed(effect, error, using)
        if not _ran(effect, result, using):
            return False
    return _apply(effect, using)


def _claim(pk: int, using: str) -> Effect | None:
    """Take an open effect that is due, and hold it for the length of a lease."""
    with transaction.atomic(using=using):
        effects = Effect.objects.using(using)
        locked = effects.select_for_update(skip_locked=_skips(using)).filter(pk=pk, status__in=Effect.OPEN).first()
        now = clock.now(using)
        if locked is None or locked.due_at > now:
            return None
        locked.due_at = now + conf.duration("EFFECT_LEASE_SECONDS")
        locked.handed_until = None
        if locked.status != Effect.Status.RAN:
            locked.status = Effect.Status.RUNNING
            locked.attempts += 1
        locked.save(update_fields=["due_at", "handed_until", "status", "attempts"])
    return effects.select_related("instance").get(pk=pk)


def _skips(using: str) -> bool:
    return bool(transaction.get_connection(using).features.has_select_for_update_skip_locked)


def _run(registered: registry.Registered, effect: Effect, function: Function | None) -> Any:
    """Call the effect's function, or that in its place; return its result as plain data."""
    declared = registered.effect(effect.name)
    data = codec(registered.machine.data_type, f"input of {effect.name}").load(effect.input)
    call = EffectCall(
        idempotency_key=str(effect.key),
        attempt=effect.attempts,
        machine=effect.instance.machine,
        instance_key=effect.instance.key,
        instance_pk=effect.instance.pk,
    )
    result = function(data, call) if function else declared.bound()(data, call, None)
    return plain_result(effect.name, result)


def _attempt(effect: Effect, using: str) -> QuerySet[Effect]:
    """Return the effect where it is still this attempt that runs it: its lease may be over, and another may have it."""
    running = Effect.objects.using(using).filter(pk=effect.pk, status=Effect.Status.RUNNING)
    return running.filter(attempts=effect.attempts)


def _ran(effect: Effect, result: Any, using: str) -> bool:
    """Commit the result before it is applied, so that a failing application never runs the effect again."""
    effect.result = result
    return _attempt(effect, using).update(status=Effect.Status.RAN, result=result, error="") == 1


def _apply(effect: Effect, using: str) -> bool:
    """Deliver the completion to the machine, and end the effect in the same transaction."""
    if not effect.invocation:
        return _end(effect, Effect.Status.APPLIED, using)
    return _complete(effect, succeeded(effect.invocation, effect.result), Effect.Status.APPLIED, using)


def _complete(effect: Effect, event: Occurrence, status: str, using: str) -> bool:
    def work(driven: Driven) -> bool:
        if not Effect.objects.using(using).filter(pk=effect.pk, status__in=Effect.OPEN).exists():
            return False  # the state that invoked it was left meanwhile
        driven.take(event, Actor("effect", effect.name), "effect", refusable=False)
        return _end(effect, status, using)

    return drive(effect.instance_id, using, work)


def _end(effect: Effect, status: str, using: str, **fields: Any) -> bool:
    now = clock.now(using)
    open_ones = Effect.objects.using(using).filter(pk=effect.pk, status__in=Effect.OPEN)
    return open_ones.update(status=status, ended_at=now, **fields) == 1


def _failed(effect: Effect, error: Exception, using: str) -> bool:
    """Have it tried again after a while, or give up: then the machine gets the error."""
    text = "".join(traceback.format_exception(error))
    logger.warning("%s of %s failed at attempt %d: %r", effect.name, effect.instance, effect.attempts, error)
    if effect.attempts < conf.get("EFFECT_MAX_ATTEMPTS"):
        doubled = min(effect.attempts - 1, 20)  # the longest wait is reached before
        wait = min(conf.duration("EFFECT_RETRY_SECONDS") * 2**doubled, LONGEST_WAIT)
        due_at = clock.now(using) + wait
        _attempt(effect, using).update(status=Effect.Status.WAITING, due_at=due_at, error=text)
        return False
    if not _attempt(effect, using).update(error=text):
        return False
    if not effect.invocation:
        return _end(effect, Effect.Status.FAILED, using)
    return _complete(effect, failed(effect.invocation, error), Effect.Status.FAILED, using)
