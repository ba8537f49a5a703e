"""Move the engine's clock in tests with a database: due timers fire in order, effects do what the test says.

It looks at rows and waits for no commit, so it serves Django's TestCase as well as TransactionTestCase; nobody needs
Celery. Where time-machine travels, the clock follows it. What is held or paused stays where it is, as with workers.
Limits: one database. Python's own clock stays where it is: to move that too is time-machine's part.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import router
from django.utils import timezone

from statemachines.engine import clock as engine_clock
from statemachines.engine import dispatch, holds
from statemachines.engine.timers import fire_timer
from statemachines.models import Effect, MachineInstance, Timer

from .effects import Effects, Rounds


@contextmanager
def time_travel(to: datetime | None = None, *, using: str | None = None) -> Iterator[Clock]:
    """Stop the engine's clock, at `to` (aware) or now, and return what moves it. Nothing is handed to workers."""
    clock = Clock(using or router.db_for_write(MachineInstance))
    if to is not None:
        clock.set(to)
    with engine_clock.replaced(lambda database_time: clock.now), dispatch.replaced(dispatch.SweepOnly()):
        yield clock


class Clock:
    """The time that the engine goes by, and the effects that wait. Threads of the test see the same."""

    def __init__(self, using: str) -> None:
        self.using = using
        self.effects = Effects(using, lambda: self.now)
        self._stopped_at = engine_clock.database_time(using)
        self._ahead = timedelta(0)

    @property
    def now(self) -> datetime:
        return self._base() + self._ahead

    def set(self, moment: datetime) -> None:
        """Set the clock, forwards or backwards; nothing fires."""
        self._ahead = moment - self._base()

    def advance(self, by: timedelta = timedelta(0), **given: float) -> int:
        """Let time pass (`days=1` and such). Return how many timers fired.

        Each due timer fires at its time, and each effect that was told what to do ends at its, in order; so what these
        set off may come due as well. Without a length, what is due by now is done. Raises what the machines raise.
        """
        length = by + timedelta(**given)
        if length < timedelta(0):
            raise ValueError(f"advance({length}) goes backwards; set() does that.")
        until = self.now + length
        fired, last, rounds = 0, until, Rounds()
        while (found := self._next(until)) is not None:
            due, row = found
            rounds, last = (rounds if due == last else Rounds()), due
            rounds.count(row.instance_id, row.name)
            self.set(due)
            if isinstance(row, Timer):
                fired += fire_timer(row.pk, self.using)
            else:
                self.effects.end(row)
        self.set(until)
        return fired

    def _next(self, until: datetime) -> tuple[datetime, Timer | Effect] | None:
        """Return what comes first until a moment: the next timer, or an effect that was told what to do."""
        timer = None
        if holds.EVERYTHING not in holds.names(self.using):
            going_on = Timer.objects.using(self.using).exclude(instance__status=MachineInstance.Status.PAUSED)
            due = going_on.filter(due_at__lte=until, needs_attention=False)
            timer = due.order_by("due_at", "pk").first()
        effect = self.effects.next_told(until)
        if effect is not None and (timer is None or effect[0] <= timer.due_at):
            return effect
        return None if timer is None else (timer.due_at, timer)

    def _base(self) -> datetime:
        """Return the time from which the clock was moved on: where time-machine travels, Python's."""
        time_machine = sys.modules.get("time_machine")
        travels = time_machine is not None and time_machine.escape_hatch.is_travelling()
        return timezone.now() if travels else self._stopped_at
