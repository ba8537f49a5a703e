"""Complete, from outside, an effect that said `pending`: a webhook does, or a person. Once.

Limits: whoever calls this has checked who they are.
"""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Q

from statemachines import registry
from statemachines.core.border import failure_of, plain_result
from statemachines.core.events import Actor
from statemachines.core.functions import Effect as Declared
from statemachines.exceptions import EffectNotFound, InstanceBusy
from statemachines.models import Effect

from . import clock
from .asking import where, who
from .outbox import Status, apply
from .transaction import again

logger = logging.getLogger(__name__)

AWAITED = (Status.WAITING, Status.RUNNING, Status.PENDING)
"""What may be completed: an attempt may have begun something outside and yet failed, or not come back yet."""


def complete(
    effect: Declared[Any, Any] | str,
    token: str,
    result: Any = None,
    *,
    error: BaseException | str | None = None,
    actor: Actor | None = None,
    system: bool = False,
    using: str | None = None,
) -> bool:
    """Complete a pending effect with its result, or with the `error` that it ended in; the machine gets it at once.

    `token`: what the effect returned with `pending`, or the call's idempotency key, which is good from the first
    attempt on. `effect`: the effect, or its stored name or the last part of that. Return whether this call completed
    it: False where it has ended or was completed before; where nobody waits any more, the first result is noted and
    ignored. Raises EffectNotFound where no effect has this token (yet), InvalidValue where the result does not fit.
    """
    by, alias = who(actor, system=system), where(using)
    found = _found(effect, token, alias)
    outcome, failure = _outcome(found, result, error)

    def work() -> bool:
        now = clock.now(alias)
        told = {"result": outcome, "failure": failure, "ran_at": now}
        one = Effect.objects.using(alias).filter(pk=found.pk)
        if one.filter(status__in=AWAITED).update(status=Status.RAN, due_at=now, error="", **told):
            return True
        late = one.filter(ran_at=None)
        if not late.filter(status=Status.CANCELLED).update(**told):
            late.filter(status=Status.CANCELLING).update(status=Status.IGNORED, ended_at=now, **told)
        return False

    if not again(alias, work):
        return False
    try:
        apply(found.pk, alias, by)
    except InstanceBusy:
        logger.warning("%s of %s is completed; its instance is busy, the sweep applies it.", found.name, found.instance)
    return True


def _found(effect: Declared[Any, Any] | str, token: str, using: str) -> Effect:
    """Find it by its token; one that has not told it yet, because it still runs or is tried again, by its key."""
    name = effect if isinstance(effect, str) else effect.id
    named = Q(name=name) if "." in name else Q(name=name) | Q(name__endswith=f".{name}")
    effects = Effect.objects.using(using).select_related("instance").filter(named)
    found: Effect | None = effects.filter(token=token).exclude(token="").first()
    if found is None and _is_uuid(token):
        found = effects.filter(key=token).first()
    if found is None:
        raise EffectNotFound(name, token)
    return found


def _is_uuid(token: str) -> bool:
    try:
        return bool(UUID(token))
    except ValueError:
        return False


def _outcome(effect: Effect, result: Any, error: BaseException | str | None) -> tuple[Any, bool]:
    """Return what is stored, checked, and whether it is a failure."""
    if error is not None:
        return msgspec.to_builtins(failure_of(RuntimeError(error) if isinstance(error, str) else error)), True
    declared = registry.find(effect.instance.machine, effect.version).effect(effect.name)
    return plain_result(declared, result), False
