"""Pause, resume and cancel instances: an operator's acts, each with a reason and in the history.

While an instance is paused no event of a client, no timer and no result reaches its machine, and no effect of it
starts; what runs goes on, and its result waits. Limits: `force` and repairs work on a paused instance too, and leave it
paused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from django.db.models import F

from statemachines.core.errors import MachineError
from statemachines.core.events import Actor
from statemachines.exceptions import OperationRefused
from statemachines.models import Effect, HistoryEntry, MachineInstance, Timer

from . import allowed, outbox, timers
from .asking import located, reasoned, who
from .transaction import Driven, drive
from .verbs import expect, fresh

logger = logging.getLogger(__name__)

PAUSE = "statemachines.pause"
RESUME = "statemachines.resume"
CANCEL = "statemachines.cancel"


class Due(NamedTuple):
    """What waited while the instance was paused: `model` tells a timer from an effect's result."""

    at: datetime
    model: str
    pk: int


def pause(
    instance: MachineInstance | int,
    *,
    reason: str,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    expected_sequence: int | None = None,
    using: str | None = None,
) -> MachineInstance:
    """Have an instance do nothing until it is resumed. Raises OperationRefused where it has ended or is paused."""

    def work(driven: Driven, by: Actor, why: str, alias: str) -> None:
        _active(driven, "pause", "active")
        driven.note(PAUSE, {}, by, origin, why)
        driven.lifecycle = "paused"

    return _operated(instance, "pause", reason, actor, using, work, system=system, sequence=expected_sequence)


def resume(
    instance: MachineInstance | int,
    *,
    reason: str = "resumed",
    shift_timers: bool = False,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    expected_sequence: int | None = None,
    using: str | None = None,
) -> MachineInstance:
    """Have a paused instance go on: timers that came due and results that came meanwhile are taken, in their order.

    `shift_timers`: all its timers are put off by the length of the pause, as if time had stood still. One whose event
    the machine fails at needs attention afterwards. Raises OperationRefused where it is not paused.
    """
    broken: set[Due] = set()

    def work(driven: Driven, by: Actor, why: str, alias: str) -> None:
        _active(driven, "resume", "paused")
        since = HistoryEntry.objects.using(alias).filter(instance=driven.pk, event=PAUSE).latest("sequence").at
        driven.note(RESUME, {"paused_at": since.isoformat(), "shift_timers": shift_timers}, by, origin, why)
        driven.lifecycle = "active"
        if shift_timers:
            Timer.objects.using(alias).filter(instance=driven.pk).update(due_at=F("due_at") + (driven.now - since))
        for due in _waiting(driven, alias):
            if due in broken:
                _mark(due, alias)
            else:
                _take(driven, due, alias)

    while True:
        try:
            return _operated(instance, "resume", reason, actor, using, work, system=system, sequence=expected_sequence)
        except _Broken as failed:
            logger.exception("%s of a resumed instance failed; it needs attention.", failed.due)
            broken.add(failed.due)


class _Broken(Exception):
    def __init__(self, due: Due) -> None:
        self.due = due


def _waiting(driven: Driven, using: str) -> list[Due]:
    due = Timer.objects.using(using).filter(instance=driven.pk, due_at__lte=driven.now, needs_attention=False)
    ran = Effect.objects.using(using).filter(instance=driven.pk, status=Effect.Status.RAN, needs_attention=False)
    waiting = [Due(at, "timer", pk) for at, pk in due.values_list("due_at", "pk")]
    waiting += [Due(at, "effect", pk) for at, pk in ran.exclude(invocation="").values_list("ran_at", "pk")]
    return sorted(waiting)


def _take(driven: Driven, due: Due, using: str) -> None:
    try:
        if due.model == "timer":
            timers.deliver(driven, Timer.objects.using(using).get(pk=due.pk))
        else:
            outbox.deliver(driven, due.pk, using)
    except MachineError as error:
        raise _Broken(due) from error


def _mark(due: Due, using: str) -> None:
    rows: Any = Timer.objects if due.model == "timer" else Effect.objects
    rows.using(using).filter(pk=due.pk).update(needs_attention=True)


def cancel(
    instance: MachineInstance | int,
    *,
    reason: str,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    expected_sequence: int | None = None,
    using: str | None = None,
) -> MachineInstance:
    """End an instance where it is, whatever its machine says: no exit action runs, timers and open effects are gone.

    Raises OperationRefused where it has ended.
    """

    def work(driven: Driven, by: Actor, why: str, alias: str) -> None:
        _active(driven, "cancel", "active", "paused")
        driven.note(CANCEL, {}, by, origin, why)
        assert driven.snapshot is not None  # loaded
        driven.snapshot = msgspec.structs.replace(driven.snapshot, status="done")
        driven.lifecycle = "cancelled"
        Effect.objects.using(alias).filter(instance=driven.pk).stop(driven.now)

    return _operated(instance, "cancel", reason, actor, using, work, system=system, sequence=expected_sequence)


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
) -> MachineInstance:
    """Do an operator's work with the instance locked, and return it as it is then."""
    by, why = who(actor, system=system), reasoned(what, reason)
    given, alias = located(instance, using)

    def done(driven: Driven) -> Driven:
        expect(driven, sequence)
        allowed.operates(driven, by, what, system=system)
        work(driven, by, why, alias)
        return driven

    driven = drive(given.pk, alias, done)
    given.key, given.created_at = driven.row.key, driven.row.created_at
    return fresh(given, driven, alias)
