"""What an operator can do with a single effect or timer: each act has a reason, and is an entry of the history.

Limits: only what is still open; what has ended has told its machine, and is repaired by an event or by `force`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction

from statemachines import registry
from statemachines.core.border import plain_result
from statemachines.core.events import Actor
from statemachines.exceptions import InvalidValue, OperationRefused
from statemachines.models import Effect, Timer

from . import allowed, timers
from .asking import reasoned, where, who
from .dispatch import hand
from .lifecycle import wake
from .outbox import Status, apply
from .transaction import Driven, drive

RETRY_EFFECT = "statemachines.effect.retry"
SKIP_EFFECT = "statemachines.effect.skip"
GIVE_RESULT = "statemachines.effect.result"
FIRE_TIMER = "statemachines.timer.fire"
POSTPONE_TIMER = "statemachines.timer.postpone"
CANCEL_TIMER = "statemachines.timer.cancel"


def retry_effect(
    pk: int,
    *,
    reason: str,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    using: str | None = None,
) -> None:
    """Have an effect tried now, with all its tries anew; where only its result could not be applied, that alone.

    Raises OperationRefused where it runs now, is completed from outside, or has ended.
    """

    def work(driven: Driven, effect: Effect) -> None:
        _possible(effect, "tried again", effect.status == Status.WAITING or effect.needs_attention)
        if effect.status == Status.WAITING or effect.failure:
            effect.status, effect.attempts_before, effect.admitted = Status.WAITING, effect.attempts, False
            effect.failure, effect.result, effect.ran_at = False, None, None
        effect.applications, effect.needs_attention, effect.due_at = 0, False, driven.now
        due = (effect.pk, effect.name, driven.now)
        transaction.on_commit(lambda: hand([due], [], driven.now, alias), using=alias, robust=True)

    alias = where(using)
    _on_effect(pk, RETRY_EFFECT, {}, reason, actor, origin, alias, work, system=system)


def skip_effect(
    pk: int,
    *,
    reason: str,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    using: str | None = None,
) -> None:
    """End an effect without running it; a state that waits for it stays as it is. Raises OperationRefused."""

    def work(driven: Driven, effect: Effect) -> None:
        _possible(effect, "skipped", effect.status in (Status.WAITING, Status.PENDING, Status.RAN))
        effect.status, effect.ended_at, effect.needs_attention = Status.SKIPPED, driven.now, False

    _on_effect(pk, SKIP_EFFECT, {}, reason, actor, origin, where(using), work, system=system)


def give_result(
    pk: int,
    result: Any,
    *,
    reason: str,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    using: str | None = None,
) -> bool:
    """Give an effect the result that it should have had, as plain data; the machine gets it at once.

    Return whether the effect ended. Raises OperationRefused, and InvalidValue where the result is of another type.
    """
    by, alias = who(actor, system=system), where(using)

    def work(driven: Driven, effect: Effect) -> None:
        _possible(effect, "given a result", effect.status in (Status.WAITING, Status.PENDING, Status.RAN))
        declared = registry.find(driven.registered.name, effect.version).effect(effect.name)
        effect.result = plain_result(declared, result)
        effect.status, effect.ran_at, effect.due_at = Status.RAN, driven.now, driven.now
        effect.failure, effect.needs_attention, effect.applications = False, False, 0

    _on_effect(pk, GIVE_RESULT, {"result": result}, reason, by, origin, alias, work, system=system)
    return apply(pk, alias, by)


def fire_timer_now(
    pk: int,
    *,
    reason: str,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    using: str | None = None,
) -> None:
    """Fire a timer now, whether it is not due yet or failed for good.

    Raises OperationRefused where it is gone or its instance paused, NotAllowed, and MachineError where it fails.
    """

    def work(driven: Driven, timer: Timer) -> None:
        if driven.paused:
            raise OperationRefused("paused", f"{driven.name} {driven.row.key} is paused; resume it first.")
        timers.deliver(driven, timer)

    _on_timer(pk, FIRE_TIMER, {}, reason, actor, origin, where(using), work, system=system)


def postpone_timer(
    pk: int,
    to: datetime,
    *,
    reason: str,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    using: str | None = None,
) -> None:
    """Have a timer fire at another time, aware, later or sooner, with all its tries anew: to retry one, say now.

    Raises InvalidValue, OperationRefused where it is gone, NotAllowed.
    """
    if to.tzinfo is None:
        raise InvalidValue("timer", field="to", expected="an aware datetime", received=f"the naive {to.isoformat()}")

    def work(driven: Driven, timer: Timer) -> None:
        timer.due_at, timer.handed_until, timer.needs_attention, timer.attempts = to, None, False, 0
        timer.save(using=alias)
        wake(driven, alias)

    alias = where(using)
    _on_timer(pk, POSTPONE_TIMER, {"to": to.isoformat()}, reason, actor, origin, alias, work, system=system)


def cancel_timer(
    pk: int,
    *,
    reason: str,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    using: str | None = None,
) -> None:
    """Have a timer never fire. Raises OperationRefused where it is gone."""

    def work(driven: Driven, timer: Timer) -> None:
        driven.timers_gone.add(timer.name)

    _on_timer(pk, CANCEL_TIMER, {}, reason, actor, origin, where(using), work, system=system)


def _possible(effect: Effect, what: str, possible: bool) -> None:
    if not possible:
        told = f"The effect {effect.name} is {effect.get_status_display()}; it cannot be {what}."
        raise OperationRefused(f"effect_{effect.status}", told)


def _on_effect(
    pk: int,
    event: str,
    payload: dict[str, Any],
    reason: str,
    actor: Actor | None,
    origin: str,
    using: str,
    work: Callable[[Driven, Effect], None],
    *,
    system: bool = False,
) -> None:
    """Change an effect with its instance locked, and note it in the history as it was before."""
    by, why = who(actor, system=system), reasoned(event, reason)
    effects = Effect.objects.using(using)
    instance = effects.filter(pk=pk).values_list("instance_id", flat=True).first()
    if instance is None:
        raise OperationRefused("effect_gone", f"There is no effect {pk}.")

    def done(driven: Driven) -> None:
        allowed.operates(driven, by, f"repair the effects of ({event})", system=system)
        effect = effects.select_for_update().get(pk=pk)
        told = {"effect": effect.name, "status": effect.status, "attempts": effect.attempts}
        work(driven, effect)
        effect.handed_until = None
        effect.save(using=using)
        driven.note(event, told | {"after": effect.status} | payload, by, origin, why)

    drive(instance, using, done)


def _on_timer(
    pk: int,
    event: str,
    payload: dict[str, Any],
    reason: str,
    actor: Actor | None,
    origin: str,
    using: str,
    work: Callable[[Driven, Timer], None],
    *,
    system: bool = False,
) -> None:
    """Do something with a timer with its instance locked, after a note in the history of how it was."""
    by, why = who(actor, system=system), reasoned(event, reason)
    timers_ = Timer.objects.using(using)
    instance = timers_.filter(pk=pk).values_list("instance_id", flat=True).first()

    def done(driven: Driven) -> None:
        allowed.operates(driven, by, f"repair the timers of ({event})", system=system)
        timer = timers_.filter(pk=pk).first()
        if timer is None:
            raise gone
        before = {"timer": timer.name, "due_at": timer.due_at.isoformat(), "needs_attention": timer.needs_attention}
        driven.note(event, before | payload, by, origin, why)
        work(driven, timer)

    gone = OperationRefused("timer_gone", "The timer is gone: it fired, or its state was left.")
    if instance is None:
        raise gone
    drive(instance, using, done)
