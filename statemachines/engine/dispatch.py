"""What is handed to workers after a commit, and to whom: the dispatcher that the settings name.

Limits: a dispatcher may lose what it is given; the sweep finds it. So it never raises into a committed event.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from django.utils.module_loading import import_string

from statemachines import conf

from .changes import Written

logger = logging.getLogger(__name__)


class Dispatcher(Protocol):
    """Hands work to workers. It may raise; what it did not hand over, the sweep does."""

    def run_effect(self, pk: int, using: str) -> None:
        """Have a worker run an effect."""

    def fire_timer(self, pk: int, at: datetime, using: str) -> None:
        """Have a worker fire a timer at a time that is near, or past."""


class SweepOnly:
    """Hands over nothing: whoever runs the sweep does the work."""

    def run_effect(self, pk: int, using: str) -> None:
        pass

    def fire_timer(self, pk: int, at: datetime, using: str) -> None:
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
    horizon = now + conf.duration("SWEEP_INTERVAL_SECONDS")
    hand(written.effects, [(pk, due_at) for pk, due_at in written.timers if due_at <= horizon], using)


def hand(effects: Sequence[int], timers: Sequence[tuple[int, datetime]], using: str) -> None:
    """Hand effects and timers to the dispatcher; give up at the first failure, as the rest would fail as well."""
    if not effects and not timers:
        return
    dispatcher: Dispatcher = _instead or import_string(conf.dispatcher())()
    try:
        for pk in effects:
            dispatcher.run_effect(pk, using)
        for pk, due_at in timers:
            dispatcher.fire_timer(pk, due_at, using)
    except Exception:
        logger.warning("Nothing could be handed to the workers; the sweep will do it.", exc_info=True)
