"""Pause, resume and cancel instances: an operator's acts, each with a reason and in the history.

While an instance is paused no event of a client, no timer and no result reaches its machine, and no effect of it
starts; what runs goes on, and its result waits. Limits: `force` and repairs work on a paused instance too, and leave it
paused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import F, Q

from statemachines.core.errors import MachineError
from statemachines.core.events import Actor
from statemachines.exceptions import OperationRefused
from statemachines.models import Effect, HistoryEntry, MachineInstance, Timer

from . import allowed, outbox, timers
from .asking import located, reasoned, who
from .dispatch import hand, horizon
from .transaction import Driven, drive
from .verbs import expect, fresh

logger = logging.getLogger(__name__)

PAUSE = "statemachines.pause"
RESUME = "statemachines.resume"
CANCEL = "statemachines.cancel"


class Due(NamedTuple):
    """What waited while the instance was paused: a timer, or the result of what was invoked (`invocation`)."""

    at: datetime
    model: str
    pk: int
    invocation: str


def pause(
    instance: MachineInstance | int,
    *,
    reason: str,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    expected_sequence: int | None = None,
    lock_timeout: timedelta | None = None,
    using: str | None = None,
) -> MachineInstance:
    """Have an instance do nothing until it is resumed. Raises OperationRefused where it has ended or is paused."""

    def work(driven: Driven, by: Actor, why: str, alias: str) -> None:
        _active(driven, "pause", "active")
        driven.note(PAUSE, {"before": "active", "after": "paused"}, by, origin, why)
        driven.lifecycle = "paused"

    return _operated(
        instance, "pause", reason, actor, using, work, system=system, sequence=expected_sequence, timeout=lock_timeout
    )


def resume(
    instance: MachineInstance | int,
    *,
    reason: str = "resumed",
    shift_timers: bool = False,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    expected_sequence: int | None = None,
    lock_timeout: timedelta | None = None,
    using: str | None = None,
) -> MachineInstance:
    """Have a paused instance go on: timers that came due and results that came meanwhile are taken, in their order.

    `shift_timers`: all its timers are put off by the length of the pause, as if time had stood still. One whose event
    the machine fails at needs attention afterwards. Raises OperationRefused where it is not paused.
    """
    broken: dict[tuple[str, int], str] = {}

    def work(driven: Driven, by: Actor, why: str, alias: str) -> None:
        _active(driven, "resume", "paused")
        since = HistoryEntry.objects.using(alias).filter(instance=driven.pk, event=PAUSE).latest("sequence").at
        told = {"before": "paused", "after": "active", "paused_at": since.isoformat(), "shift_timers": shift_timers}
        driven.note(RESUME, told, by, origin, why)
        driven.lifecycle = "active"
        if shift_timers:
            Timer.objects.using(alias).filter(instance=driven.pk).update(due_at=F("due_at") + (driven.now - since))
        for due in _waiting(driven, alias):
            problem = broken.get((due.model, due.pk))
            if problem is None:
                _take(driven, due, alias)
            else:
                _mark(due, problem, alias)
        wake(driven, alias)

    while True:
        try:
            return _operated(
                instance,
                "resume",
                reason,
                actor,
                using,
                work,
                system=system,
                sequence=expected_sequence,
                timeout=lock_timeout,
            )
        except _Broken as failed:
            logger.error("The %s %s of a resumed instance failed; it needs attention.", failed.due.model, failed.due.pk)
            broken[failed.due.model, failed.due.pk] = outbox.traced(failed.error)


class _Broken(Exception):
    def __init__(self, due: Due, error: MachineError) -> None:
        self.due = due
        self.error = error


def _waiting(driven: Driven, using: str) -> list[Due]:
    due = Timer.objects.using(using).filter(instance=driven.pk, due_at__lte=driven.now, needs_attention=False)
    ran = Effect.objects.using(using).filter(instance=driven.pk, status=Effect.Status.RAN, needs_attention=False)
    waiting = [Due(at, "timer", pk, "") for at, pk in due.values_list("due_at", "pk")]
    results = ran.exclude(invocation="").values_list("ran_at", "pk", "invocation")
    waiting += [Due(at, "effect", pk, invocation) for at, pk, invocation in results]
    return sorted(waiting)


def _take(driven: Driven, due: Due, using: str) -> None:
    """Have the machine take a timer or a result, unless what came before it has left the state."""
    try:
        if due.model == "timer":
            timers.deliver(driven, Timer.objects.using(using).get(pk=due.pk))
        elif due.invocation not in driven.stopped:
            outbox.deliver(driven, due.pk, using)
    except MachineError as error:
        if outbox.outage(error, using):  # another transaction, or the database: not its fault
            raise
        raise _Broken(due, error) from error


def _mark(due: Due, problem: str, using: str) -> None:
    rows: Any = Timer.objects if due.model == "timer" else Effect.objects
    rows.using(using).filter(pk=due.pk).update(needs_attention=True, error=problem)


def wake(driven: Driven, using: str) -> None:
    """Hand over, after the commit, what is set or open and due before the next sweep, which may have passed it by."""
    near = Q(instance=driven.pk, needs_attention=False, due_at__lte=horizon(driven.now))
    set_timers, effects = Timer.objects.using(using), Effect.objects.using(using).filter(status__in=Effect.OPEN)
    for rows in (set_timers, effects):
        rows.filter(instance=driven.pk).exclude(handed_until=None).update(handed_until=None)

    def woken() -> None:
        due = list(set_timers.filter(near).values_list("pk", "due_at"))
        hand(list(effects.filter(near).values_list("pk", "name", "due_at")), due, driven.now, using)

    transaction.on_commit(woken, using=using, robust=True)


def cancel(
    instance: MachineInstance | int,
    *,
    reason: str,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    expected_sequence: int | None = None,
    lock_timeout: timedelta | None = None,
    using: str | None = None,
) -> MachineInstance:
    """End an instance where it is, whatever its machine says: no exit action runs, timers and open effects are gone.

    Raises OperationRefused where it has ended.
    """

    def work(driven: Driven, by: Actor, why: str, alias: str) -> None:
        _active(driven, "cancel", "active", "paused")
        assert driven.snapshot is not None  # loaded
        driven.snapshot = msgspec.structs.replace(driven.snapshot, status="done")
        driven.note(CANCEL, {"before": driven.row.status, "after": "cancelled"}, by, origin, why)
        driven.lifecycle = "cancelled"
        Effect.objects.using(alias).filter(instance=driven.pk).stop(driven.now)

    return _operated(
        instance, "cancel", reason, actor, using, work, system=system, sequence=expected_sequence, timeout=lock_timeout
    )


apause = sync_to_async(pause)
aresume = sync_to_async(resume)
acancel = sync_to_async(cancel)


def _active(driven: Driven, what: str, *possible: str) -> None:
    if driven.row.status not in possible:
        text = (
            f"{driven.name} {driven.row.key} is {driven.row.status}; {what} needs one that is {' or '.join(possible)}."
        )
        raise OperationRefused(driven.row.status, text)


def _operated(
    instance: MachineInstance | int,
    what: str,
    reason: str,
    actor: Actor | None,
    using: str | None,
    work: Callable[[Driven, Actor, str, str], None],
    *,
    system: bool,
    sequence: int | None,
    timeout: timedelta | None,
) -> MachineInstance:
    """Do an operator's work with the instance locked, and return it as it is then."""
    by, why = who(actor, system=system), reasoned(what, reason)
    given, alias = located(instance, using)

    def done(driven: Driven) -> Driven:
        expect(driven, sequence)
        allowed.operates(driven, by, what, system=system)
        work(driven, by, why, alias)
        return driven

    driven = drive(given.pk, alias, done, lock_timeout=timeout)
    given.key, given.created_at = driven.row.key, driven.row.created_at
    return fresh(given, driven, alias)
