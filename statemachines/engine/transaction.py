"""The one path: lock the instance, read the clock and the facts, step, write everything, hand on after commit.

Whoever drives an instance (a client, a timer, a result) comes through `drive` or `begin`. Locks are taken in one order:
instance, then its timers and effects; nothing holds two instances at once.
Limits: a caller's own transaction keeps the lock until its commit, and may drive one instance.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import msgspec
from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from statemachines import registry, signals
from statemachines.core.driver import inside
from statemachines.core.errors import MachineError
from statemachines.core.snapshot import Snapshot
from statemachines.exceptions import InstanceBusy

from .changes import NewInstance, Row
from .dispatch import hand_over
from .held import Held
from .macrosteps import Macrosteps
from .store import Store, store, store_of

T = TypeVar("T")

TRIES = 4
"""How often a transaction of our own is run where the database asks to run it again."""

AGAIN = {"40001", "40P01"}
"""SQLSTATEs of a serialization failure and of a deadlock: another try may succeed at once."""

BUSY = AGAIN | {"55P03"}
"""And of a lock that was not to be had in time."""


class Driven(Macrosteps):
    """The macrosteps of a locked instance."""

    def __init__(self, registered: registry.Registered, row: Row) -> None:
        super().__init__(registered, None, row.pk, row.sequence, row.now)
        self.row = row
        self.snapshot = self._loaded(row)

    def _loaded(self, row: Row) -> Snapshot[Any]:
        data = self.data_codec.decode(row.data)
        self.encoded = (data, row.data)
        history = row.history_states
        return Snapshot(
            configuration=tuple(msgspec.json.decode(row.configuration)),
            data=data,
            history={} if history == "{}" else msgspec.json.decode(history, type=dict[str, tuple[str, ...]]),
            status="active" if row.status == "active" else "done",
            output=None if row.output is None else msgspec.json.decode(row.output),
        )


def drive(pk: int, using: str, work: Callable[[Driven], T], *, lock_timeout: timedelta | None = None) -> T:
    """Hold an instance's lock, do `work` with it, and write what came of it; return what `work` returns.

    `work` may run more than once: a deadlock or a serialization failure is tried again where the transaction is ours.
    Raises InstanceNotFound, UnknownVersion, InstanceBusy, and what `work` raises; nothing is written then.
    """

    def attempt(held: Held, connection: BaseDatabaseWrapper) -> T:
        held.drives(pk, connection)
        rows = store_of(using, connection)
        row = rows.lock(pk, timeout=lock_timeout)
        driven = Driven(registry.find(row.machine, row.version), row)
        done = work(driven)
        if driven.entries or driven.timers_gone:
            _write(driven, rows, using)
        return done

    return _attempted(using, attempt)


def begin(registered: registry.Registered, key: str, using: str, work: Callable[[Macrosteps], T], *, alone: bool) -> T:
    """Begin an instance by `work`, and write it with what came of it. Raises InstanceExists, InstanceBusy.

    `alone`: `work` itself writes nothing. Then one statement may be all, which needs no transaction around it.
    """

    def attempt(held: Held, connection: BaseDatabaseWrapper) -> T:
        rows = store_of(using, connection)
        new = NewInstance(registered.name, registered.version, key)
        pk, now = rows.reserve(new)
        begun = Macrosteps(registered, None, pk, 0, now, new)
        done = work(begun)
        _write(begun, rows, using)
        return done

    written_with_it = registered.acts or signals.transition.has_listeners(registered.name)
    return _attempted(using, attempt, single=alone and not written_with_it and store(using).single)


def _write(done: Macrosteps, rows: Store, using: str) -> None:
    change = done.written = done.change()
    written = rows.write(change)
    if written.effects or written.timers:
        transaction.on_commit(partial(hand_over, written, done.now, using), using=using, robust=True)
    if change.entries:
        signals.announce(done.registered.name, change, using)


def _attempted(using: str, attempt: Callable[[Held, BaseDatabaseWrapper], T], *, single: bool = False) -> T:
    """Make an attempt in a transaction, again where the database asks for it and the transaction is ours.

    `single`: it is one statement, a transaction by itself. What fails after the commit is a hook of the project's: it
    is raised as it is, and what is done is not done again.
    """
    _outside()
    connection = connections[using]
    tries = 1 if connection.in_atomic_block else TRIES
    bare = single and connection.get_autocommit()
    for number in range(1, tries + 1):
        held = Held()
        try:
            if bare:
                return attempt(held, connection)
            with transaction.atomic(using=using):
                connection.on_commit(held)
                return attempt(held, connection)
        except (DatabaseError, MachineError) as error:
            busy = None if held.committed else _busy(error)
            if busy is None:
                raise
            if number == tries or not busy.again:
                raise busy from error
            time.sleep(random.uniform(0, 0.005 * 2**number))  # so that two that met do not meet again
    raise AssertionError("unreachable: the last try returns or raises")


def _outside() -> None:
    """Refuse to drive an instance from inside a machine's function."""
    machine = inside.get()
    if machine:
        raise RuntimeError(
            f"A guard, assign, fact or action of {machine} may not create or send: that would hold two instances at "
            "once. Do it in an @effect, or with send() to the instance itself."
        )


def _busy(error: Exception) -> InstanceBusy | None:
    """Return what to raise where a statement failed because of another transaction, in the machine's functions too."""
    failed = error.__cause__ if isinstance(error, MachineError) else error
    if not isinstance(failed, DatabaseError):
        return None
    state = getattr(failed.__cause__, "sqlstate", None)
    if state in BUSY or "database is locked" in str(failed):
        return InstanceBusy(again=state in AGAIN)
    return None
