"""What is handed to workers after a commit, and to whom: the dispatcher that the settings name.

Limits: a dispatcher may lose what it is given; the sweep finds it. So it never raises into a committed event.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from django.utils import timezone
from django.utils.module_loading import import_string

from statemachines import conf

from . import faults
from .changes import DueEffect, DueTimer, Written

logger = logging.getLogger(__name__)

TIMERS_AT_ONCE = 200
"""Timers that one transaction fires: its locks are held for about a tenth of a second."""

TOGETHER = timedelta(milliseconds=100)
"""Timers that are due no further than this from the one before go in one message, whose worker waits in between."""

LONGEST = timedelta(seconds=1)
"""Between the first and the last timer of a message: for so long its worker does nothing else."""

LATE_SWEEP = timedelta(milliseconds=500)
"""How late the next sweep may be, and still hand over in time what is due then."""


class Unreachable(ConnectionError):
    """The broker failed a moment ago, and was told of: nothing is tried for a while."""


class Dispatcher(Protocol):
    """Hands work to workers. It may raise; what it did not hand over, the sweep does.

    `at` is a time of this process's clock that is near, or past. Timers are due then, or within `LONGEST` after it.
    """

    def run_effect(self, pk: int, name: str, at: datetime, using: str) -> None:
        """Have a worker run an effect; its stored name tells what was declared of it."""

    def fire_timers(self, pks: list[int], at: datetime, using: str) -> None:
        """Have a worker fire timers."""


class SweepOnly:
    """Hands over nothing: whoever runs the sweep does the work."""

    def run_effect(self, pk: int, name: str, at: datetime, using: str) -> None:
        pass

    def fire_timers(self, pks: list[int], at: datetime, using: str) -> None:
        pass


_instead: Dispatcher | None = None


@contextmanager
def replaced(dispatcher: Dispatcher) -> Iterator[None]:
    """Hand everything to another dispatcher inside the block, in the whole process; the testing kit does."""
    global _instead
    before, _instead = _instead, dispatcher
    try:
        yield
    finally:
        _instead = before


def hand_over(written: Written, now: datetime, using: str) -> None:
    """Hand on what a committed transaction asked for: effects, and timers that are due before the next sweep."""
    faults.reached(faults.AFTER_COMMIT)
    until = horizon(now)
    hand(written.effects, [timer for timer in written.timers if timer[1] <= until], now, using)


def horizon(now: datetime) -> datetime:
    """Return until when what is due is handed over now, as the next sweep could be too late for it."""
    return now + conf.duration("SWEEP_INTERVAL_SECONDS") + LATE_SWEEP


def hand(effects: Sequence[DueEffect], timers: Sequence[DueTimer], now: datetime, using: str) -> bool:
    """Hand effects and timers to the dispatcher; give up at the first failure, as the rest would fail as well.

    Return whether it took them all. `now` is the one clock's; the dispatcher is told times by this process's.
    """
    if not effects and not timers:
        return True
    dispatcher: Dispatcher = _instead or import_string(conf.dispatcher())()
    here = timezone.now() - now
    try:
        for pk, name, due_at in effects:
            dispatcher.run_effect(pk, name, due_at + here, using)
        for due_at, pks in together(timers, now):
            dispatcher.fire_timers(pks, due_at + here, using)
    except Unreachable:
        return False
    except Exception:
        logger.warning("Nothing could be handed to the workers; the sweep will do it.", exc_info=True)
        return False
    return True


def together(timers: Iterable[DueTimer], now: datetime) -> Iterator[tuple[datetime, list[int]]]:
    """Group timers that are due, or close one after another; yield each group with when its first is due."""
    group: list[int] = []
    first = last = now
    for due_at, pk in sorted((max(due_at, now), pk) for pk, due_at in timers):
        if group and (len(group) == TIMERS_AT_ONCE or due_at - last > TOGETHER or due_at - first > LONGEST):
            yield first, group
            group = []
        first = first if group else due_at
        last = due_at
        group.append(pk)
    if group:
        yield first, group
