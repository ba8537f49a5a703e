"""The one path: lock the instance, read the clock and the facts, step, write everything, hand on after commit.

Limits: whoever drives an instance (a client, a timer, a result) comes through `driving` or `creating`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
from django.db import DatabaseError, transaction

from statemachines import registry
from statemachines.core.snapshot import Snapshot
from statemachines.exceptions import InstanceBusy

from .changes import Change, Row
from .dispatch import hand_over
from .macrosteps import Macrosteps, inside
from .store import store

BUSY = {"40001", "40P01", "55P03"}
"""SQLSTATEs of a serialization failure, a deadlock, a lock that was not to be had in time."""


class Driven(Macrosteps):
    """The macrosteps of a locked instance."""

    def __init__(self, registered: registry.Registered, row: Row) -> None:
        super().__init__(registered, None, row.sequence, row.now)
        self.row = row
        self.written: Change | None = None
        self.snapshot = self._loaded(row)

    def _loaded(self, row: Row) -> Snapshot[Any]:
        data = self.data_codec.decode(row.data)
        self.encoded = (data, row.data)
        return Snapshot(
            configuration=tuple(msgspec.json.decode(row.configuration)),
            data=data,
            history={path: tuple(paths) for path, paths in msgspec.json.decode(row.history_states).items()},
            status="active" if row.status == "active" else "done",
            output=None if row.output is None else msgspec.json.decode(row.output),
        )


@contextmanager
def driving(pk: int, using: str, *, skip_locked: bool = False) -> Iterator[Driven | None]:
    """Hold an instance's lock, and write at the end what was done with it. Yields None where it is locked elsewhere.

    Raises InstanceNotFound, UnknownVersion, InstanceBusy. A caller's own transaction keeps the lock until its commit.
    """
    _outside()
    with _told_busy(), transaction.atomic(using=using):
        rows = store(using)
        row = rows.lock(pk, skip_locked=skip_locked)
        if row is None:
            yield None
            return
        driven = Driven(registry.find(row.machine, row.version), row)
        yield driven
        if driven.entries or driven.timers_gone:
            driven.written = _write(driven, pk, using)


@contextmanager
def creating(registered: registry.Registered, key: str, using: str) -> Iterator[tuple[Macrosteps, int]]:
    """Insert an instance, and write at the end what was done with it. Raises InstanceExists, InstanceBusy."""
    _outside()
    with _told_busy(), transaction.atomic(using=using):
        rows = store(using)
        now = rows.now()
        pk = rows.insert(registered.name, registered.version, key, now)
        begun = Macrosteps(registered, None, 0, now)
        yield begun, pk
        _write(begun, pk, using)


def _write(done: Macrosteps, pk: int, using: str) -> Change:
    change = done.change(pk)
    written = store(using).write(change)
    if written.effects or written.timers:
        transaction.on_commit(partial(hand_over, written, done.now, using), using=using, robust=True)
    return change


def _outside() -> None:
    """Refuse to drive an instance from inside a machine's function."""
    machine = inside.get()
    if machine:
        raise RuntimeError(
            f"A guard, assign, fact or action of {machine} may not create or send: that would hold two instances at "
            "once. Do it in an @effect, or with send() to the instance itself."
        )


@contextmanager
def _told_busy() -> Iterator[None]:
    """Turn what is worth another try into InstanceBusy."""
    try:
        yield
    except DatabaseError as error:
        state = getattr(error.__cause__, "sqlstate", None)
        if state in BUSY or "database is locked" in str(error):
            raise InstanceBusy("The instance is busy; nothing changed. Try again in a moment.") from error
        raise
