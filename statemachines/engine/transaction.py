"""The one path: lock the instance, read the clock and the facts, step, write everything, hand on after commit.

Whoever drives an instance (a client, a timer, a result) comes through `drive` or `begin`. Locks are taken in one order:
instance, then its timers and effects; nothing holds two instances at once.
Limits: a caller's own transaction keeps the lock until its commit, and may drive one instance.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import msgspec
from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from statemachines import registry, signals
from statemachines.core.driver import inside
from statemachines.core.errors import EventRefused, MachineError
from statemachines.core.events import Actor, AnyEvent
from statemachines.core.snapshot import Snapshot, Step
from statemachines.exceptions import InstanceBusy
from statemachines.models import MachineInstance

from . import faults
from .changes import NewInstance, Row, Written
from .dispatch import hand_over
from .held import Held
from .macrosteps import Macrosteps
from .store import Store, store, store_of
from .versions import behind, known

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
        self.lifecycle = row.status
        self.snapshot = self._loaded(row)

    @property
    def paused(self) -> bool:
        return self.lifecycle == "paused"

    def take(self, event: AnyEvent, actor: Actor, origin: str, *, refusable: bool) -> Step[Any]:
        """Take an event as any driver does. Raises EventRefused where an operator has paused the instance."""
        if refusable and self.paused:
            text = f"{self.name} is paused: it takes no events until it is resumed."
            assert self.snapshot is not None  # loaded
            raise EventRefused("paused", text, event=event.type, state=self.snapshot.configuration)
        return super().take(event, actor, origin, refusable=refusable)

    def _loaded(self, row: Row) -> Snapshot[Any]:
        data = self.data_codec.decode(row.data)
        self.encoded = (data, row.data)
        history = row.history_states
        return Snapshot(
            configuration=tuple(msgspec.json.decode(row.configuration)),
            data=data,
            history={} if history == "{}" else msgspec.json.decode(history, type=dict[str, tuple[str, ...]]),
            status="done" if row.status in MachineInstance.ENDED else "active",
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
        driven = _followed(row, rows, using) if behind(row) else Driven(known(row.machine, row.version, using), row)
        done = work(driven)
        if driven.entries or driven.timers_gone:
            _write(driven, rows, using, held)
        return done

    return _attempted(using, attempt)


def _followed(row: Row, rows: Store, using: str) -> Driven:
    """Upgrade an instance before it goes on; whoever drives it has seen it at the sequence that it had."""
    from .following import follow  # an upgrade is built on this module

    now = follow(row, rows, using)
    driven = Driven(known(now.machine, now.version, using), now)
    now.sequence = row.sequence
    return driven


def drive_free(pks: Sequence[int], using: str, begin: Callable[[], Callable[[Driven], object]]) -> set[int]:
    """Hold the instances that nobody else holds, in one transaction, and return which were driven.

    `begin` is called when they are locked, and returns what is done with each.
    One that fails is left as it was, for `drive` to tell why; so is one whose machine, or a receiver, writes in its
    transaction. Raises DatabaseError where a statement fails: then none was driven.
    """
    connection = connections[using]

    def attempt() -> set[int]:
        rows = store_of(using, connection)
        free = rows.lock_free(pks)
        work = begin()
        tried = [driven for row in free if (driven := _tried(row, work, using)) is not None]
        moved = [driven for driven in tried if driven.entries or driven.timers_gone]
        if moved:
            changes = [driven.change() for driven in moved]
            told(rows.write_all(changes), moved[0].now, using)
            faults.reached(faults.BEFORE_COMMIT)
            for driven, change in zip(moved, changes, strict=True):
                signals.announce(driven.registered.name, change, using)
        return {driven.pk for driven in tried}

    _outside()
    return again(using, attempt)


def _tried(row: Row, work: Callable[[Driven], object], using: str) -> Driven | None:
    """Do `work` with one of several instances; None where it has to be done by itself."""
    try:
        registered = known(row.machine, row.version, using)
        if behind(row) or registered.acts or signals.transition.has_listeners(registered.name):
            return None
        driven = Driven(registered, row)
        work(driven)
    except DatabaseError:
        raise
    except Exception as error:
        if isinstance(error.__cause__, DatabaseError):  # a fact's: the transaction is broken
            raise error.__cause__ from error
        return None
    return driven


def begin(registered: registry.Registered, key: str, using: str, work: Callable[[Macrosteps], T], *, alone: bool) -> T:
    """Begin an instance by `work`, and write it with what came of it. Raises InstanceExists, InstanceBusy.

    `alone`: `work` itself writes nothing. Then one statement may be all, which needs no transaction around it.
    """

    def attempt(held: Held, connection: BaseDatabaseWrapper) -> T:
        known(registered.name, registered.version, using)
        rows = store_of(using, connection)
        new = NewInstance(registered.name, registered.version, key)
        pk, now = rows.reserve(new)
        begun = Macrosteps(registered, None, pk, 0, now, new)
        done = work(begun)
        _write(begun, rows, using, held)
        return done

    written_with_it = registered.acts or signals.transition.has_listeners(registered.name)
    return _attempted(using, attempt, single=alone and not written_with_it and store(using).single)


def _write(done: Macrosteps, rows: Store, using: str, held: Held) -> None:
    """Write the change, the last that the engine writes: where nobody follows, the transaction may end with it."""
    name = done.registered.name
    change = done.written = done.change()
    last = held.ours and faults.hook is None and not signals.transition.has_listeners(name)
    told(rows.write(change, last=last), done.now, using)
    faults.reached(faults.BEFORE_COMMIT)
    if change.entries:
        signals.announce(name, change, using)


def told(written: Written, now: datetime, using: str) -> None:
    """Have the workers told after the commit."""
    if written.effects or written.timers:
        transaction.on_commit(partial(hand_over, written, now, using), using=using, robust=True)


def again(using: str, work: Callable[[], T]) -> T:
    """Do `work` in a transaction, and once more where the database asks for it and the transaction is ours."""
    tries = 1 if connections[using].in_atomic_block else TRIES
    for number in range(1, tries + 1):
        try:
            with transaction.atomic(using=using):
                return work()
        except DatabaseError as error:
            busy = _busy(error)
            if number == tries or busy is None or not busy.again:
                raise
            _wait(number)
    raise AssertionError("unreachable: the last try returns or raises")


def _wait(number: int) -> None:
    """Sleep for a random while, so that two that met do not meet again."""
    time.sleep(random.uniform(0, 0.005 * 2**number))


def _attempted(using: str, attempt: Callable[[Held, BaseDatabaseWrapper], T], *, single: bool = False) -> T:
    """Make an attempt in a transaction, again where the database asks for it and the transaction is ours.

    `single`: it is one statement, a transaction by itself. What fails after the commit is a hook of the project's: it
    is raised as it is, and what is done is not done again.
    """
    _outside()
    connection = connections[using]
    tries = 1 if connection.in_atomic_block else TRIES
    ours = connection.get_autocommit()
    bare = single and ours
    for number in range(1, tries + 1):
        held = Held(ours=ours and not bare)
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
            _wait(number)
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
