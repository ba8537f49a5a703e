"""Signals for a project's own code.

`transition`: inside the transaction, after the rows were written. A receiver's exception rolls everything back.
`transitioned`: after the commit. A receiver's exception is logged and undoes nothing.

Both are sent once per history entry, with `sender` the machine's stored name ("orders.order") and the keywords `entry`
(an `Announced`) and `using` (the database's alias).
Limits: for what must happen, write an @effect: a process may die between commit and `transitioned`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Hashable
from functools import cache, partial
from typing import Any

import msgspec
from django.db import transaction
from django.dispatch import Signal

from .core.events import Actor


class MachineSignal(Signal):
    """A signal whose senders are machines' names: Django tells senders by identity, here equal names are the same."""

    def connect(
        self,
        receiver: Callable[..., Any],
        sender: object | None = None,
        weak: bool = True,
        dispatch_uid: Hashable | None = None,
    ) -> None:
        super().connect(receiver, _same(sender), weak, dispatch_uid)

    def disconnect(
        self,
        receiver: Callable[..., Any] | None = None,
        sender: object | None = None,
        dispatch_uid: Hashable | None = None,
    ) -> bool:
        return super().disconnect(receiver, _same(sender), dispatch_uid)


@cache  # keeps the name: a receiver may be connected before there is a machine of that name
def _same(sender: object | None) -> object | None:
    return sys.intern(sender) if type(sender) is str else sender


transition = MachineSignal()
transitioned = MachineSignal()


class Announced(msgspec.Struct, frozen=True):
    """One macrostep: `source` and `target` are the active paths before and after."""

    machine: str
    instance_pk: int
    sequence: int
    event: str
    source: tuple[str, ...]
    target: tuple[str, ...]
    status: str
    actor: Actor


def announce(machine: str, change: Any, using: str) -> None:
    """Tell who listens of a written change, now and after the commit."""
    if not (transition.receivers or transitioned.receivers):  # asking for this machine's costs more
        return
    entries = [_announced(machine, change, entry) for entry in change.entries]
    for entry in entries:
        transition.send(machine, entry=entry, using=using)
    transaction.on_commit(partial(_after, machine, entries, using), using=using, robust=True)


def _after(machine: str, entries: list[Announced], using: str) -> None:
    for entry in entries:
        transitioned.send_robust(machine, entry=entry, using=using)


def _announced(machine: str, change: Any, entry: Any) -> Announced:
    return Announced(
        machine=machine,
        instance_pk=change.pk,
        sequence=entry.sequence,
        event=entry.event,
        source=tuple(json.loads(entry.source)),
        target=tuple(json.loads(entry.target)),
        status=change.status,
        actor=entry.actor,
    )
