"""How a transaction's change becomes rows: by the ORM, which is the readable reference and serves every database.

Limits: called inside a transaction. `postgres` does the same in one statement.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from statemachines import conf
from statemachines.exceptions import InstanceExists, InstanceNotFound
from statemachines.models import Effect, EffectHold, HistoryEntry, MachineInstance, PreviousSnapshot, Timer

from . import clock
from .changes import Change, DueEffect, DueTimer, NewInstance, Row, SetTimer, Written
from .notify import notify


class Store(Protocol):
    """Locks an instance, with the time of the one clock after that, and writes a change."""

    def lock(self, pk: int, *, timeout: timedelta | None = None) -> Row:
        """Lock an instance and return it, waiting at most `timeout`. Raises InstanceNotFound."""

    single: bool
    """Whether a creation is written by one statement, so that it needs no transaction around it."""

    def reserve(self, new: NewInstance) -> tuple[int, datetime]:
        """Return the primary key of an instance that `write` will create, and the time. May raise InstanceExists."""

    def write(self, change: Change, *, last: bool = False) -> Written:
        """Write everything. Raises InstanceExists where the key of what is created is taken.

        `last`: nothing follows in this transaction, which may be committed along with it.
        """

    def lock_free(self, pks: Sequence[int]) -> list[Row]:
        """Lock those instances that nobody holds now, in the order of their keys, and return them."""

    def read(self, pks: Sequence[int]) -> list[Row]:
        """Return instances as they are now, without locking them, in the order of their keys."""

    def write_all(self, changes: Sequence[Change]) -> Written:
        """Write the changes of instances that are there already, their versions too."""

    def timers(self, pks: Sequence[int]) -> list[SetTimer]:
        """Return those of the timers that are set and need no attention, the earliest first. Needs no transaction."""


def store(using: str) -> Store:
    """Return the store that suits a database, or the one that the settings name."""
    return store_of(using, connections[using])


def store_of(using: str, connection: BaseDatabaseWrapper) -> Store:
    """Return the store of a connection that is at hand."""
    return _kind(conf.get("STORE") or ("postgres" if connection.vendor == "postgresql" else "orm"))(using, connection)


@cache
def _kind(named: str) -> Callable[[str, BaseDatabaseWrapper], Store]:
    if named == "orm":
        return OrmStore
    from .postgres import PostgresStore  # it builds on this module, and needs psycopg

    return PostgresStore


def milliseconds(timeout: timedelta) -> str:
    """Return a limit as PostgreSQL reads it; 0 would be none."""
    return str(max(1, int(timeout / timedelta(milliseconds=1))))


@contextmanager
def lock_timeout(using: str, timeout: timedelta | None) -> Iterator[None]:
    """Limit the wait for locks inside the block, and give the host's transaction its own limit back after it.

    Where the wait is over the block's savepoint rolls back, and the setting with it. SQLite has one limit for all, in
    its connection's options.
    """
    connection = connections[using]
    if timeout is None or connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        limit = [milliseconds(timeout)]
        cursor.execute("SELECT current_setting('lock_timeout'), set_config('lock_timeout', %s, true)", limit)
        before = cursor.fetchone()[0]
        yield
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [before])


class OrmStore:
    single = False

    def __init__(self, using: str, connection: BaseDatabaseWrapper) -> None:
        self.using = using
        self.connection = connection

    def lock(self, pk: int, *, timeout: timedelta | None = None) -> Row:
        locking = MachineInstance.objects.using(self.using).select_for_update(
            of=("self",) if self.connection.features.has_select_for_update_of else (),
            no_key=self.connection.vendor == "postgresql",
        )
        with lock_timeout(self.using, timeout):
            locked = locking.filter(pk=pk).first()
        if locked is None:
            raise InstanceNotFound(pk)
        return self._row(locked)

    def lock_free(self, pks: Sequence[int]) -> list[Row]:
        locking = MachineInstance.objects.using(self.using).select_for_update(
            skip_locked=self.connection.features.has_select_for_update_skip_locked,
            no_key=self.connection.vendor == "postgresql",
        )
        return [self._row(locked) for locked in locking.filter(pk__in=pks).order_by("pk")]

    def read(self, pks: Sequence[int]) -> list[Row]:
        return [self._row(one) for one in MachineInstance.objects.using(self.using).filter(pk__in=pks).order_by("pk")]

    def _row(self, locked: MachineInstance) -> Row:
        return Row(
            pk=locked.pk,
            machine=locked.machine,
            version=locked.version,
            key=locked.key,
            configuration=json.dumps(locked.configuration),
            data=json.dumps(locked.data),
            history_states=json.dumps(locked.history_states),
            status=locked.status,
            output=None if locked.output is None else json.dumps(locked.output),
            sequence=locked.sequence,
            upgrades=locked.upgrades,
            created_at=locked.created_at,
            updated_at=locked.updated_at,
            now=max(clock.now(self.using), locked.updated_at),
        )

    def reserve(self, new: NewInstance) -> tuple[int, datetime]:
        now = clock.now(self.using)
        made = MachineInstance(machine=new.machine, version=new.version, key=new.key, created_at=now, updated_at=now)
        MachineInstance.objects.using(self.using).bulk_create([made], ignore_conflicts=True)
        found = MachineInstance.objects.using(self.using).get(machine=new.machine, key=new.key)
        if (found.sequence, found.created_at) != (0, now):
            raise InstanceExists(new.machine, new.key)
        return found.pk, now

    def write(self, change: Change, *, last: bool = False) -> Written:
        MachineInstance.objects.using(self.using).filter(pk=change.pk).update(
            state=change.state,
            configuration=json.loads(change.configuration),
            data=json.loads(change.data),
            history_states=json.loads(change.history_states),
            status=change.status,
            output=None if change.output is None else json.loads(change.output),
            sequence=change.sequence,
            version=change.version,
            updated_at=change.at,
        )
        entries = [
            HistoryEntry(
                instance_id=change.pk,
                sequence=entry.sequence,
                event=entry.event,
                payload=json.loads(entry.payload),
                facts=json.loads(entry.facts),
                source=json.loads(entry.source),
                target=json.loads(entry.target),
                microsteps=json.loads(entry.microsteps),
                patch=json.loads(entry.patch),
                actor_kind=entry.actor.kind,
                actor_id=entry.actor.id,
                actor_label=entry.actor.label,
                origin=entry.origin,
                reason=entry.reason,
                version=entry.version,
                duration_ms=entry.duration_ms,
                at=entry.at,
            )
            for entry in change.entries
        ]
        HistoryEntry.objects.using(self.using).bulk_create(entries)
        notify(change, self.using)
        if change.previous is not None:
            kept = {"version": change.previous.version, "snapshot": json.loads(change.previous.snapshot)}
            told = kept | {"sequence": change.sequence, "at": change.at}
            PreviousSnapshot.objects.using(self.using).update_or_create(instance_id=change.pk, defaults=told)
        return Written(self._effects(change), self._timers(change))

    def write_all(self, changes: Sequence[Change]) -> Written:
        each = [self.write(change) for change in changes]
        return Written([one for done in each for one in done.effects], [one for done in each for one in done.timers])

    def timers(self, pks: Sequence[int]) -> list[SetTimer]:
        held, now = (
            EffectHold.objects.using(self.using).filter(name=EffectHold.EVERYTHING).exists(),
            clock.now(self.using),
        )
        found = Timer.objects.using(self.using).filter(pk__in=pks, needs_attention=False).order_by("due_at", "pk")
        return [
            SetTimer(one.due_at, one.pk, one.instance_id, one.name, one.event, one.payload, one.armed, held, now)
            for one in found
        ]

    def _timers(self, change: Change) -> list[DueTimer]:
        timers = Timer.objects.using(self.using).filter(instance=change.pk)
        if change.all_timers_gone:
            timers.delete()
        elif gone := change.timers_gone | change.timers.keys():
            timers.filter(name__in=gone).delete()
        made = [
            Timer(
                instance_id=change.pk,
                name=timer.name,
                event=timer.event,
                payload=None if timer.payload is None else json.loads(timer.payload),
                state=timer.state,
                due_at=timer.due_at,
                armed=timer.armed,
            )
            for timer in change.timers.values()
        ]
        return [(timer.pk, timer.due_at) for timer in self._create(Timer, made)]

    def _effects(self, change: Change) -> list[DueEffect]:
        if change.stopped:
            effects = Effect.objects.using(self.using).filter(instance=change.pk)
            effects.filter(invocation__in=change.stopped).stop(change.at)
        made = [
            Effect(
                instance_id=change.pk,
                sequence=effect.sequence,
                key=effect.key,
                name=effect.name,
                invocation=effect.invocation,
                state=effect.state,
                version=effect.version,
                input=json.loads(effect.input),
                limit_key=effect.limit_key,
                due_at=effect.due_at,
                created_at=change.at,
            )
            for effect in change.effects
        ]
        return [(effect.pk, effect.name, effect.due_at) for effect in self._create(Effect, made)]

    def _create(self, model: type[Model], rows: list[Any]) -> list[Any]:
        return model._default_manager.using(self.using).bulk_create(rows) if rows else []
