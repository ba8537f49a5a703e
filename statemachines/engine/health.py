"""How the machinery is: does anybody sweep, is anything overdue, what fails, what waits.

Limits: counts of what is in the tables; whether Celery's workers live shows in what is overdue.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from django.db.models import Count, Min, Q, QuerySet

from statemachines import conf
from statemachines.models import Effect, EffectHold, MachineInstance, SweepRecord, Timer

from . import clock
from .asking import where


class Failing(msgspec.Struct, frozen=True):
    """An effect that fails now: how many of it wait for another try, how many need attention."""

    name: str
    retrying: int
    attention: int


class Health(msgspec.Struct, frozen=True):
    """What is seen at `at`. Ages are in seconds; None where there is nothing that has one.

    `overdue_timers` and `overdue_effects` are due for longer than the sweep needs; `backlog` are effects that are due.
    `problems` are sentences; healthy is who has none.
    """

    at: datetime
    sweep_age: float | None
    overdue_timers: int
    overdue_effects: int
    oldest_overdue: float | None
    backlog: int
    running: int
    pending: int
    paused: int
    attention: int
    failing: list[Failing]
    held: list[str]
    problems: list[str]

    @property
    def healthy(self) -> bool:
        return not self.problems


def health(using: str | None = None) -> Health:
    """Look at everything, in a handful of queries."""
    alias = where(using)
    now = clock.now(alias)
    patience = max(conf.duration("SWEEP_INTERVAL_SECONDS") * 10, timedelta(seconds=10))
    swept = SweepRecord.objects.using(alias).filter(pk=1).values_list("at", flat=True).first()
    held = sorted(EffectHold.objects.using(alias).values_list("name", flat=True))
    running = ~Q(instance__status=MachineInstance.Status.PAUSED) & Q(needs_attention=False)
    late = running & Q(due_at__lt=now - patience)
    timers = Timer.objects.using(alias).filter(late).aggregate(count=Count("pk"), first=Min("due_at"))
    open_ones = Effect.objects.using(alias).filter(status__in=Effect.OPEN)
    free = open_ones.exclude(name__in=held)
    effects = free.filter(late).aggregate(count=Count("pk"), first=Min("due_at"))
    going_on = open_ones.filter(needs_attention=False)
    by_status = dict(going_on.values_list("status").annotate(Count("pk")).order_by())
    firsts = [first for first in (timers["first"], effects["first"]) if first is not None]
    return _judged(
        Health(
            at=now,
            sweep_age=None if swept is None else (now - swept).total_seconds(),
            overdue_timers=timers["count"],
            overdue_effects=effects["count"],
            oldest_overdue=(now - min(firsts)).total_seconds() if firsts else None,
            backlog=free.filter(running, status=Effect.Status.WAITING, due_at__lte=now).count(),
            running=by_status.get(Effect.Status.RUNNING, 0),
            pending=by_status.get(Effect.Status.PENDING, 0),
            paused=MachineInstance.objects.using(alias).filter(status=MachineInstance.Status.PAUSED).count(),
            attention=_attention(alias),
            failing=_failing(alias, going_on),
            held=held,
            problems=[],
        ),
        patience,
    )


def _attention(using: str) -> int:
    """Count the instances that need it from the few rows that do, not from all instances."""
    effects, timers = (
        rows.using(using).filter(needs_attention=True).order_by().values_list("instance_id")
        for rows in (Effect.objects, Timer.objects)
    )
    return effects.union(timers).count()


def _failing(using: str, going_on: QuerySet[Effect]) -> list[Failing]:
    """Count by name; each of the two questions has a partial index of its own."""
    stuck = Effect.objects.using(using).filter(needs_attention=True)
    retried = going_on.filter(status=Effect.Status.WAITING).exclude(error="")
    retrying, attention = (dict(rows.values_list("name").annotate(Count("pk")).order_by()) for rows in (retried, stuck))
    names = sorted(retrying.keys() | attention.keys())
    return [Failing(name, retrying.get(name, 0), attention.get(name, 0)) for name in names]


def _judged(seen: Health, patience: timedelta) -> Health:
    problems = []
    if seen.sweep_age is None:
        problems.append("No sweep has ever run: start Celery's beat and a worker, or statemachines_sweep --loop.")
    elif seen.sweep_age > patience.total_seconds():
        problems.append(f"The last sweep was {seen.sweep_age:.0f} s ago: is Celery's beat alive, and a worker?")
    if "*" in seen.held:
        problems.append("Everything is held: manage.py statemachines_hold --release --all lets it go on.")
    elif seen.overdue_timers or seen.overdue_effects:
        what = f"{seen.overdue_timers} timers and {seen.overdue_effects} effects are overdue"
        problems.append(f"{what}, the oldest by {seen.oldest_overdue:.0f} s: do workers live, and are there enough?")
    if seen.attention:
        problems.append(f"{seen.attention} instances need attention: an effect or a timer of theirs failed for good.")
    return msgspec.structs.replace(seen, problems=problems)
