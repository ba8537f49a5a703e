"""Fire timers: each once, never early, never after its state was left.

Timers that are due together fire in one transaction over many instances; one that fails is fired by itself, tried again
after a while, and at last somebody has to look at it. Limits: which are due is found by the sweep.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from django.db import DatabaseError, connections
from django.utils import timezone

from statemachines import shown
from statemachines.core.border import event_from
from statemachines.core.events import Actor
from statemachines.exceptions import InstanceBusy, InstanceNotFound, UnknownMachine, UnknownVersion
from statemachines.models import Timer

from . import clock
from .changes import SetTimer
from .claims import left_until
from .dispatch import TOGETHER, hand
from .outbox import APPLICATION, outage, traced
from .store import store
from .transaction import Driven, again, drive, drive_free

logger = logging.getLogger(__name__)

LOCK_WAIT = timedelta(seconds=1)
"""How long a worker waits for an instance that somebody else holds; the next sweep hands its timer over again."""


def fire_timers(pks: Sequence[int], using: str) -> int:
    """Fire timers that are due together, or nearly, each at its time; return how many fired.

    Nothing is raised for one that fails. What comes much too early, as a clock is wrong, is handed over again.
    """
    found = store(using).timers(pks)
    if not found or found[0].held:
        return 0
    if connections[using].in_atomic_block:
        return sum(_survived(timer, using) for timer in found)
    ahead = found[0].now - timezone.now()
    fired = 0
    while found:
        now = timezone.now() + ahead
        due = [timer for timer in found if timer.due_at <= now]
        found = found[len(due) :]
        if due:
            fired += _fire(due, using)
        elif found[0].due_at - now <= 2 * TOGETHER:
            time.sleep((found[0].due_at - now).total_seconds())
        else:
            hand([], [(timer.pk, timer.due_at) for timer in found], now, using)
            break
    return fired


def fire_timer(pk: int, using: str) -> bool:
    """Deliver a timer's event to its instance, where it is still set and due. Return whether it was.

    What fails is noted, and raised; the timer stays and is tried again.
    """
    return any(_fire_alone(timer, using) for timer in store(using).timers([pk]))


def deliver_due(driven: Driven, timers: Iterable[SetTimer]) -> int:
    """Take the events of those timers that are due; the instance is locked. Return how many."""
    if driven.paused:
        return 0
    return sum(deliver(driven, timer) for timer in timers if timer.due_at <= driven.now)


def deliver(driven: Driven, timer: SetTimer | Timer) -> bool:
    """Take a timer's event; the instance is locked. Return False where what came before it has cancelled the timer."""
    assert driven.snapshot is not None  # loaded
    if timer.name in driven.timers_gone or timer.name in driven.timers or driven.snapshot.status != "active":
        return False
    driven.timers_gone.add(timer.name)
    event = event_from(driven.machine, timer.event, timer.payload)
    driven.take(event, Actor("timer", timer.name, "timer"), "timer", refusable=False)
    return True


def _fire(due: Sequence[SetTimer], using: str) -> int:
    """Fire timers in one transaction; by itself what could not be: its instance is held by another, or it failed."""
    if len(due) == 1:  # fewer statements
        return int(_survived(due[0], using))
    fired: dict[int, int] = {}

    def begin() -> Callable[[Driven], None]:
        of: dict[int, list[SetTimer]] = defaultdict(list)
        for timer in store(using).timers([timer.pk for timer in due]):
            of[timer.instance_id].append(timer)

        def work(driven: Driven) -> None:
            fired[driven.pk] = deliver_due(driven, of[driven.pk])

        return work

    try:
        done = drive_free(sorted({timer.instance_id for timer in due}), using, begin)
    except DatabaseError:
        logger.warning("A batch of timers failed in the database; each is fired by itself.", exc_info=True)
        done = set()
    alone = sum(_survived(timer, using) for timer in due if timer.instance_id not in done)
    return alone + sum(fired[instance] for instance in done)


def _survived(timer: SetTimer, using: str) -> bool:
    """Fire a timer by itself, and log what it raises."""
    try:
        return _fire_alone(timer, using)
    except InstanceBusy:
        _again_at(timer, None, using)
    except (UnknownMachine, UnknownVersion) as error:
        logger.warning("Timer %s is left to a worker that knows its machine: %s", timer.pk, error)
        _again_at(timer, left_until(using), using)
    except Exception as error:
        if outage(error, using):  # all else is told where it is noted
            logger.warning("Timer %s waits for the database: %s", timer.pk, error)
    return False


def _fire_alone(timer: SetTimer, using: str) -> bool:
    def work(driven: Driven) -> bool:
        return deliver_due(driven, store(using).timers([timer.pk])) == 1

    try:
        return drive(timer.instance_id, using, work, lock_timeout=LOCK_WAIT)
    except InstanceNotFound:
        return False
    except (InstanceBusy, UnknownMachine, UnknownVersion):
        raise
    except Exception as error:
        if not outage(error, using):
            _failed(timer, error, using)
        raise


def _failed(tried: SetTimer, error: Exception, using: str) -> None:
    """Have a timer tried again after a while; at last somebody has to look at it. One that is set anew is not meant."""

    def work() -> Timer | None:
        timer: Timer | None = (
            Timer.objects.using(using).select_for_update().filter(pk=tried.pk, armed=tried.armed).first()
        )
        if timer is None:
            return None
        timer.attempts += 1
        timer.error = traced(error)
        timer.handed_until = clock.now(using) + APPLICATION.delay(timer.attempts, clock.chance())
        timer.needs_attention = timer.attempts >= APPLICATION.max_attempts
        timer.save(update_fields=["attempts", "error", "handed_until", "needs_attention"])
        return timer

    timer = again(using, work)
    if timer is not None:
        logger.error("Timer %s of %s failed:\n%s", timer.name, timer.instance, shown.timer_error(timer))


def _again_at(timer: SetTimer, at: datetime | None, using: str) -> None:
    """Have the sweep hand a timer over again, at once or after a time."""
    again(using, lambda: Timer.objects.using(using).filter(pk=timer.pk).update(handed_until=at))
