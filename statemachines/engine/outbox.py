"""Run effects: claim, run outside any transaction, commit the result, apply it to the machine.

A result is committed as *ran* first, and applied in a second transaction: an application that fails is tried again
alone. Limits: at least once, unless the effect says otherwise. Whoever must not do a thing twice uses the call's
idempotency key.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import IntegrityError, InterfaceError, OperationalError, connections
from django.db.models import QuerySet

from statemachines import registry, shown
from statemachines.core.border import failed, failure_of, plain_result, storable, succeeded
from statemachines.core.codec import codec
from statemachines.core.effects import Failure, Pending, Retry
from statemachines.core.errors import MachineError
from statemachines.core.events import Actor
from statemachines.core.functions import Effect as Declared
from statemachines.exceptions import InstanceBusy, UnknownMachine, UnknownVersion
from statemachines.models import Effect

from . import clock, faults
from .claims import APPLY_SECONDS, claim, retry_of
from .dispatch import hand
from .lease import Lease, keeper
from .pace import next_in_line
from .transaction import Driven, again, drive

logger = logging.getLogger(__name__)

Status = Effect.Status

APPLICATION = Retry(max_attempts=8, first_delay=timedelta(seconds=1), max_delay=timedelta(minutes=5))
"""When a result, or a timer, whose event a machine cannot handle is tried again: for about 4 minutes."""

TIMED_OUT = "57014"
"""The SQLSTATE of a statement that was cancelled, as it took too long: that is what it does each time."""

LONGEST_ERROR = 20_000
"""Characters of a traceback that are kept."""


class InstanceRef(msgspec.Struct, frozen=True):
    """Which instance asked: its primary key, its machine's stored name, its own key."""

    pk: int
    machine: str
    key: str


class EffectCall(msgspec.Struct, frozen=True):
    """What an effect's function knows of its call.

    `idempotency_key` is the same over all attempts of this effect; `attempt` counts from 1. After `deadline`, aware,
    this attempt counts as failed; None: it may take as long as it lives.
    """

    idempotency_key: str
    attempt: int
    instance: InstanceRef
    deadline: datetime | None = None
    lease: Lease | None = None

    def heartbeat(self) -> bool:
        """Tell that it goes on, and return whether it should. The engine does the same by itself, less often."""
        return self.lease is None or self.lease.renew()

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants the result any more: the state was left, or another worker has it. Asks the database."""
        return self.lease is not None and not self.lease.wanted()


Function = Callable[[Any, EffectCall], Any]


def run_effect(pk: int, using: str, *, function: Function | None = None) -> bool:
    """Run an effect that waits and is due, and apply its result. Return whether this call ended it.

    A failing function is tried again later, up to the limit; a failing application alone is tried again alone.
    `function`: what is called in place of the effect's own.
    """
    effect = claim(pk, using)
    if effect is None:
        return False
    declared = registry.find(effect.instance.machine, effect.version).effect(effect.name)
    if effect.status == Status.RUNNING:
        known = _run(effect, declared, function, using)
        if declared.limit is not None and declared.limit.concurrency is not None:
            following = next_in_line(effect, using)
            hand([following] if following else [], [], clock.now(using), using)
        if not known:
            return False
        faults.reached(faults.RESULT_COMMITTED)
    return apply(effect.pk, using)


def _run(effect: Effect, declared: Declared[Any, Any], function: Function | None, using: str) -> bool:
    """Call the effect's function, or that in its place, and commit what came of it. Return whether a result did."""
    deadline = None if declared.timeout is None else clock.now(using) + declared.timeout
    lease = Lease(effect.pk, effect.attempts, deadline, using)
    instance = InstanceRef(effect.instance.pk, effect.instance.machine, effect.instance.key)
    call = EffectCall(str(effect.key), effect.attempts, instance, deadline, lease)
    try:
        input = _input(effect, declared)
        with keeper.keeping(lease):
            result = function(input, call) if function else declared.bound()(input, call, None)
        faults.reached(faults.EFFECT_RAN)
        if isinstance(result, Pending):
            return _pend(effect, result, using)
        plain = plain_result(declared, result)
    except Exception as error:
        return _failed(effect, declared, error, using)
    return keep(effect, plain, using)


def _input(effect: Effect, declared: Declared[Any, Any]) -> Any:
    machine = registry.find(effect.instance.machine, effect.version).machine
    return codec(declared.input_type(machine.data_type), f"input of {effect.name}").load(effect.input)


def _attempt(effect: Effect, using: str) -> QuerySet[Effect]:
    """Return the effect where it is still this attempt that runs it: its lease may be over, and another may have it."""
    return Effect.objects.using(using).filter(pk=effect.pk, attempts=effect.attempts)


def keep(effect: Effect, result: Any, using: str, *, failure: bool = False, error: str = "") -> bool:
    """Commit an attempt's outcome. Return whether it is to be applied: what nobody wants any more is only noted."""

    def work() -> bool:
        now = clock.now(using)
        told = {"result": result, "failure": failure, "error": error, "ran_at": now}
        mine = _attempt(effect, using)
        due_at = now + timedelta(seconds=APPLY_SECONDS)
        if mine.filter(status=Status.RUNNING).update(status=Status.RAN, due_at=due_at, **told):
            return True
        unwanted = Status.CANCELLED if failure else Status.IGNORED
        mine.filter(status=Status.CANCELLING).update(status=unwanted, ended_at=now, **told)
        return False

    return again(using, work)


def _pend(effect: Effect, pending: Pending, using: str) -> bool:
    """Leave the effect to whoever completes it from outside."""
    token, deadline = pending.token or str(effect.key), pending.deadline
    due_at = clock.now(using) + deadline if isinstance(deadline, timedelta) else deadline

    def work() -> None:
        mine = _attempt(effect, using)
        if not mine.filter(status=Status.RUNNING).update(status=Status.PENDING, token=token, due_at=due_at, error=""):
            now = clock.now(using)
            mine.filter(status=Status.CANCELLING).update(status=Status.CANCELLED, token=token, ended_at=now)

    try:
        again(using, work)
    except IntegrityError as error:
        problem = f"another effect {effect.name} has the token {token!r}; a token names one thing outside, once"
        raise ValueError(problem) from error
    return False


def _failed(effect: Effect, declared: Declared[Any, Any], error: Exception, using: str) -> bool:
    """Have it tried again after a while, or give up. Return whether there is a result now: that it failed."""
    text = traced(error)
    failure = failure_of(error)
    logger.warning("%s of %s failed at attempt %d: %s", effect.name, effect.instance, effect.attempts, failure.type)
    retry, tries = retry_of(declared), effect.attempts - effect.attempts_before
    if tries >= retry.max_attempts or isinstance(error, declared.fatal):
        return keep(effect, msgspec.to_builtins(failure), using, failure=True, error=text)

    def work() -> None:
        now = clock.now(using)
        mine, due_at = _attempt(effect, using), now + retry.delay(tries, clock.chance())
        later = {"status": Status.WAITING, "due_at": due_at, "admitted": False}
        if not mine.filter(status=Status.RUNNING).update(error=text, **later):
            mine.filter(status=Status.CANCELLING).update(status=Status.CANCELLED, ended_at=now, error=text)

    again(using, work)
    return False


def traced(error: BaseException) -> str:
    return storable("".join(traceback.format_exception(error)), LONGEST_ERROR)


def apply(pk: int, using: str, actor: Actor | None = None) -> bool:
    """Deliver a committed result to the machine, and end the effect in the same transaction. Return whether it ended.

    A failure that the machine does not handle, or that no state waits for, ends nothing: somebody has to look at it.
    Where this code does not know the version that the instance is on, the result waits for code that does. Whatever
    fails in the application counts as one of its tries; a database that is down, and one that is busy, is raised.
    """
    effect = Effect.objects.using(using).get(pk=pk)
    if not effect.invocation:
        return _alone(effect, using)
    try:
        return drive(effect.instance_id, using, lambda driven: deliver(driven, pk, using, actor))
    except (UnknownMachine, UnknownVersion) as unknown:
        logger.warning("The result of %s of %s waits: %s", effect.name, effect.instance, unknown)
        return False
    except InstanceBusy:
        raise
    except Exception as error:
        callers = connections[using].in_atomic_block and not isinstance(error, MachineError)
        if callers or outage(error, using) or not _application_failed(effect, error, using):
            raise
        return False


def outage(error: BaseException, using: str) -> bool:
    """Say whether the database is to blame, not the machine. SQLite calls every bad statement operational."""
    raised = error.__cause__ if isinstance(error, MachineError) else error
    if not isinstance(raised, OperationalError | InterfaceError) or connections[using].vendor == "sqlite":
        return False
    return getattr(raised.__cause__, "sqlstate", None) != TIMED_OUT


def _alone(effect: Effect, using: str) -> bool:
    """End an effect that no state waits for."""

    def work() -> bool:
        ran = Effect.objects.using(using).filter(pk=effect.pk, status=Status.RAN)
        if effect.failure:
            ran.update(needs_attention=True)
            return False
        return ran.update(status=Status.APPLIED, ended_at=clock.now(using)) == 1

    return again(using, work)


def deliver(driven: Driven, pk: int, using: str, actor: Actor | None = None) -> bool:
    """Give the machine an effect's result, and end the effect; the instance is locked. Return whether it ended.

    Nothing is done where the state was left meanwhile, or an operator has paused the instance.
    """
    effect = Effect.objects.using(using).filter(pk=pk, status=Status.RAN).first()
    if effect is None or driven.paused:
        return False
    declared = registry.find(driven.registered.name, effect.version).effect(effect.name)
    if effect.failure:
        event, ended = failed(effect.invocation, msgspec.convert(effect.result, Failure)), Status.FAILED
    else:
        event, ended = succeeded(declared, effect.invocation, effect.result), Status.APPLIED
    # Before the step: a state that is left by this very completion stops only what is still open.
    ran = Effect.objects.using(using).filter(pk=pk, status=Status.RAN)
    ran.update(status=ended, ended_at=driven.now, needs_attention=False)
    taken = driven.take(event, actor or Actor("effect", effect.name), "effect", refusable=False)
    if effect.failure and taken.rejection is not None:
        open_again = {"status": Status.RAN, "ended_at": None, "needs_attention": True}
        Effect.objects.using(using).filter(pk=pk).update(**open_again)
        return False
    return True


def _application_failed(effect: Effect, error: Exception, using: str) -> bool:
    """Have the machine given the result again after a while; at last somebody has to look at it.

    Return False where the result is applied, and what failed came after the commit.
    """
    count, text = effect.applications + 1, traced(error)

    def work() -> bool:
        due_at = clock.now(using) + APPLICATION.delay(count, clock.chance())
        ran = Effect.objects.using(using).filter(pk=effect.pk, status=Status.RAN)
        stuck = count >= APPLICATION.max_attempts
        return ran.update(applications=count, due_at=due_at, error=text, needs_attention=stuck) == 1

    noted = again(using, work)
    if noted:
        effect.error = text
        told = shown.effect_error(effect)
        logger.error("The result of %s of %s cannot be applied:\n%s", effect.name, effect.instance, told)
    return noted
