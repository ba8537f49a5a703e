"""Four deliberate breakages of the engine, each of which the checker must catch.

Limits: patches of this process, never of the engine's files.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from django.db import transaction

from statemachines.engine import faults, outbox, postgres, timers
from statemachines.engine.changes import Change, NewEffect, Written
from statemachines.engine.dispatch import hand
from statemachines.engine.postgres import PostgresStore
from statemachines.engine.transaction import Driven, drive
from statemachines.models import Effect, Timer


def no_lock() -> None:
    """Read the instance without its lock. (The database's second line of defence is taken away by `prepare`.)"""
    postgres.LOCK = postgres.LOCK.replace("FOR NO KEY UPDATE", "")
    postgres.LOCK_FREE = postgres.LOCK_FREE.replace("FOR NO KEY UPDATE SKIP LOCKED", "")


def no_ran() -> None:
    """Keep a result in memory until it is applied, instead of committing it as *ran* first."""
    keep, apply = outbox.keep, outbox.apply
    results: dict[int, Any] = {}

    def remember(effect: Effect, result: Any, using: str, **told: Any) -> bool:
        results[effect.pk] = partial(keep, effect, result, using, **told)
        return True

    def both(pk: int, using: str, *rest: Any) -> bool:
        with transaction.atomic(using=using):
            return (pk not in results or results.pop(pk)()) and apply(pk, using, *rest)

    outbox.keep, outbox.apply = remember, both


def no_recheck() -> None:
    """Fire timers as they were found, without looking at them again under the lock."""

    def fire(pks: list[int], using: str) -> int:
        found = list(Timer.objects.using(using).filter(pk__in=pks))
        return sum(drive(timer.instance_id, using, partial(deliver, timer)) for timer in found)

    def deliver(timer: Timer, driven: Driven) -> bool:
        return timers.deliver(driven, timer)

    timers.fire_timers = fire


def late_outbox() -> None:
    """Write the effects after the commit, in a transaction of their own."""
    write, write_all = PostgresStore.write, PostgresStore.write_all

    def one(self: PostgresStore, change: Change, **told: Any) -> Written:
        _put_off([change], self.using)
        return write(self, change, **told)

    def many(self: PostgresStore, changes: list[Change]) -> Written:
        _put_off(changes, self.using)
        return write_all(self, changes)

    PostgresStore.write, PostgresStore.write_all = one, many


def _put_off(changes: list[Change], using: str) -> None:
    for change in changes:
        if change.effects:
            transaction.on_commit(partial(_write, change.pk, change.effects, change.at, using), using=using)
            change.effects = []


def _write(pk: int, effects: list[NewEffect], now: Any, using: str) -> None:
    faults.reached(faults.AFTER_COMMIT)
    rows = Effect.objects.using(using).bulk_create(
        Effect(
            instance_id=pk,
            sequence=one.sequence,
            key=one.key,
            name=one.name,
            invocation=one.invocation,
            state=one.state,
            version=one.version,
            input=json.loads(one.input),
            limit_key=one.limit_key,
            due_at=one.due_at,
            created_at=now,
        )
        for one in effects
    )
    hand([(row.pk, row.name, row.due_at) for row in rows], [], now, using)


BREAKAGES = {each.__name__: each for each in (no_lock, no_ran, no_recheck, late_outbox)}
