"""Fire timers: each once, never early, never after its state was left.

Timers that are due together fire in one transaction over many instances; one that fails is fired by itself, tried again
after a while, and at last somebody has to look at it. Limits: which are due is found by the sweep.
"""

from __future__ import annotations

import logging
import traceback
from collections import defaultdict
from collections.abc import Sequence

from django.db import DatabaseError, connections

from statemachines.core.border import event_from
from statemachines.core.errors import MachineError
from statemachines.core.events import Actor
from statemachines.models import Timer

from . import clock, holds
from .outbox import APPLICATION
from .transaction import Driven, again, drive, drive_free

logger = logging.getLogger(__name__)


def fire_timers(pks: Sequence[int], using: str) -> int:
    """Fire those of the timers that are still set and due; return how many. Nothing is raised for one that fails."""
    if holds.EVERYTHING in holds.names(using):
        return 0
    if len(pks) == 1 or connections[using].in_atomic_block:
        return sum(_survived(pk, using) for pk in pks)
    of: dict[int, list[int]] = defaultdict(list)
    for pk, instance in Timer.objects.using(using).filter(pk__in=pks).values_list("pk", "instance_id"):
        of[instance].append(pk)
    fired: dict[int, int] = {}

    def work(driven: Driven) -> None:
        fired[driven.pk] = deliver_due(driven, of[driven.pk], using)

    try:
        done = drive_free(sorted(of), using, work)
    except DatabaseError:
        logger.warning("A batch of timers failed in the database; each is fired by itself.", exc_info=True)
        done = set()
    alone = sum(_survived(pk, using) for instance, each in of.items() if instance not in done for pk in each)
    return alone + sum(count for instance, count in fired.items() if instance in done)


def fire_timer(pk: int, using: str) -> bool:
    """Deliver a timer's event to its instance, where it is still set and due. Return whether it was.

    A machine that fails at it is noted, and MachineError raised; the timer stays and is tried again.
    """
    instance = Timer.objects.using(using).filter(pk=pk).values_list("instance_id", flat=True).first()
    if instance is None:
        return False
    try:
        return drive(instance, using, lambda driven: deliver_due(driven, [pk], using) == 1)
    except MachineError as error:
        if not isinstance(error.__cause__, DatabaseError):
            _failed(pk, error, using)
        raise


def deliver_due(driven: Driven, pks: Sequence[int], using: str) -> int:
    """Take the events of those timers that are due, in their order; the instance is locked. Return how many."""
    if driven.paused:
        return 0
    due = Timer.objects.using(using).filter(pk__in=pks, due_at__lte=driven.now, needs_attention=False)
    return sum(deliver(driven, timer) for timer in due.order_by("due_at", "pk"))


def deliver(driven: Driven, timer: Timer) -> bool:
    """Take a timer's event; the instance is locked. Return False where what came before it has cancelled it."""
    if timer.name in driven.timers_gone or timer.name in driven.timers:
        return False
    driven.timers_gone.add(timer.name)
    event = event_from(driven.machine, timer.event, timer.payload)
    driven.take(event, Actor("timer", timer.name, "timer"), "timer", refusable=False)
    return True


def _survived(pk: int, using: str) -> bool:
    """Fire a timer, and log what it raises."""
    try:
        return fire_timer(pk, using)
    except Exception:
        logger.exception("Timer %s could not be fired; it is tried again.", pk)
        return False


def _failed(pk: int, error: MachineError, using: str) -> None:
    """Have the timer tried again after a while; at last somebody has to look at it."""

    def work() -> None:
        timer = Timer.objects.using(using).select_for_update().filter(pk=pk).first()
        if timer is None:
            return
        timer.attempts += 1
        timer.error = "".join(traceback.format_exception(error))
        timer.handed_until = clock.now(using) + APPLICATION.delay(timer.attempts, clock.chance())
        timer.needs_attention = timer.attempts >= APPLICATION.max_attempts
        timer.save(update_fields=["attempts", "error", "handed_until", "needs_attention"])

    again(using, work)
