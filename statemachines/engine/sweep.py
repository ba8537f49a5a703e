"""The sweep: find timers and effects that are due, or soon will be, and hand them to workers.

What a crash or a broker lost is found here. Limits: claims in batches and commits before anything runs; several sweeps
side by side take different rows; what is held, and what belongs to a paused instance, is left where it is.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from django.db import connections
from django.db.models import F, Q, Value
from django.db.models.functions import Least

from statemachines import conf
from statemachines.models import Effect, MachineInstance, SweepRecord, Timer

from . import clock, holds, idempotency, pace, reverting
from .changes import DueEffect, DueTimer
from .dispatch import hand, horizon
from .transaction import again

HANDED = timedelta(seconds=30)
"""How long a worker has to take up what it was handed before the sweep hands it over again."""

LONGEST_HANDED = timedelta(minutes=5)
"""The same, at most, for an effect that has waited for long: it gets as long again as it has waited. Where more wait
than workers can do, doubles would take their time."""

MOST_BATCHES = 40
"""Full batches that one sweep hands over: the next one goes on."""

MOST_OUT = 10
"""Batches of timers that workers may have before them: what else they are to do does not wait behind more."""


class Swept(msgspec.Struct, frozen=True):
    """How many were handed over."""

    timers: int
    effects: int


class Claimed(msgspec.Struct, frozen=True):
    """A batch, with the time at which it was claimed."""

    timers: list[DueTimer]
    effects: list[DueEffect]
    now: datetime


def sweep(using: str) -> Swept:
    """Hand over what is due before the next sweep, batch by batch, and delete a batch of what is old."""
    timers = effects = 0
    batch = conf.get("SWEEP_BATCH")
    room = MOST_OUT * batch - _out(MOST_OUT * batch, using)
    for _ in range(MOST_BATCHES):
        wanted = min(batch, max(0, room - timers))
        claimed = claim(using, timers=wanted)
        if not hand(claimed.effects, claimed.timers, claimed.now, using):
            put_back(claimed, using)
            break
        timers, effects = timers + len(claimed.timers), effects + len(claimed.effects)
        more_timers = wanted and len(claimed.timers) == wanted
        if not more_timers and len(claimed.effects) < batch:
            break
    tidy(claimed.now, using)
    record(Swept(timers, effects), using)
    return Swept(timers, effects)


def tidy(now: datetime, using: str) -> None:
    """Delete a batch of each kind of rows that are kept for some time only."""
    for prune in (idempotency.prune, pace.prune, reverting.prune):
        prune(now, using, conf.get("SWEEP_BATCH"))


def _out(most: int, using: str) -> int:
    """Count the timers that workers have been handed and have not tried yet, as far as they matter."""
    now = clock.now(using)
    near = Timer.objects.using(using).filter(needs_attention=False, due_at__lte=horizon(now))
    return near.filter(handed_until__gte=now, attempts=0).order_by("due_at")[:most].count()


def claim(using: str, *, timers: int | None = None) -> Claimed:
    """Take a batch of timers, at most so many, and one of effects that are due before the next sweep."""
    batch = conf.get("SWEEP_BATCH")
    return again(using, lambda: _claimed(batch if timers is None else timers, batch, using))


def _claimed(most_timers: int, most_effects: int, using: str) -> Claimed:
    now = clock.now(using)
    until = horizon(now)
    held = holds.names(using)
    if holds.EVERYTHING in held:
        return Claimed([], [], now)
    features = connections[using].features
    skips = features.has_select_for_update_skip_locked
    of = ("self",) if features.has_select_for_update_of else ()
    due = (Q(handed_until=None) | Q(handed_until__lt=now)) & Q(needs_attention=False, due_at__lte=until)
    due &= ~Q(instance__status=MachineInstance.Status.PAUSED)
    set_timers = Timer.objects.using(using).select_for_update(skip_locked=skips, of=of).filter(due).order_by("due_at")
    timers = list(set_timers.values_list("pk", "due_at")[:most_timers])
    starts = Q(name__in=held, status__in=[Effect.Status.WAITING, Effect.Status.RUNNING])
    open_ones = Effect.objects.using(using).select_for_update(skip_locked=skips, of=of)
    found = open_ones.filter(due, status__in=Effect.OPEN).exclude(starts).order_by("due_at")
    effects = list(found.values_list("pk", "name", "due_at")[:most_effects])
    if timers:
        Timer.objects.using(using).filter(pk__in=[pk for pk, _ in timers]).update(handed_until=until + HANDED)
    if effects:
        patience = Least(until + HANDED + (Value(now) - F("due_at")), until + LONGEST_HANDED)
        Effect.objects.using(using).filter(pk__in=[pk for pk, _, _ in effects]).update(handed_until=patience)
    return Claimed(timers, effects, now)


def put_back(claimed: Claimed, using: str) -> None:
    """Leave what the dispatcher did not take to the next sweep: else it would wait as if a worker had it."""

    def work() -> None:
        Timer.objects.using(using).filter(pk__in=[pk for pk, _ in claimed.timers]).update(handed_until=None)
        Effect.objects.using(using).filter(pk__in=[pk for pk, _, _ in claimed.effects]).update(handed_until=None)

    again(using, work)


def record(swept: Swept, using: str) -> None:
    """Note when the sweep ran: its age is what shows that nobody sweeps any more."""
    told = {"at": clock.now(using), "timers": swept.timers, "effects": swept.effects}
    records = SweepRecord.objects.using(using)
    if not records.filter(pk=1).update(**told):
        records.bulk_create([SweepRecord(pk=1, **told)], ignore_conflicts=True)
