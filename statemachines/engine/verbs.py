"""What can be done with instances: create one, send it an event.

Limits: each verb is one transaction (a savepoint inside the caller's); how it runs is in `transaction`.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
from django.db import router

from .. import registry
from ..actors import SYSTEM
from ..core.codec import codec
from ..core.events import Actor, AnyEvent
from ..core.machine import Machine
from ..core.snapshot import Step
from ..exceptions import NotAllowed
from ..models import MachineInstance
from .border import incoming
from .transaction import creating, driving


class Sent(msgspec.Struct, frozen=True):
    """What an event did: the instance as it is now, the sequence of its history entry, and the core's Step."""

    instance: MachineInstance
    sequence: int
    step: Step[Any]


def create(
    machine: Machine[Any] | str,
    key: str | None = None,
    *,
    data: Any = None,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    using: str | None = None,
) -> MachineInstance:
    """Create an instance of a machine and enter its initial states.

    `data` is of the machine's data type, or of its `input=` type where it has one; plain JSON data is converted.
    `key` is unique per machine, by default a new UUID. Raises InstanceExists, InvalidValue, EventRefused, NotAllowed.
    """
    registered = registry.of(machine)
    who = _actor(actor, system=system)
    input = _input(registered, data)
    alias = using or router.db_for_write(MachineInstance)
    with creating(registered, key or uuid4().hex, alias) as (begun, pk):
        begun.begin(input, who, origin)
    return MachineInstance.objects.using(alias).get(pk=pk)


def send(
    instance: MachineInstance | int,
    event: AnyEvent | str,
    *,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    using: str | None = None,
) -> Sent:
    """Send an event to an instance; it is taken, or refused and nothing changes.

    `instance` (or its primary key) is read anew under its lock; one that was passed is brought up to date. Raises
    EventRefused, InvalidValue, UnknownEvent, NotAllowed, InstanceNotFound, InstanceBusy, MachineError.
    """
    who = _actor(actor, system=system)
    given = instance if isinstance(instance, MachineInstance) else None
    pk = instance if given is None else given.pk
    alias = using or (given._state.db if given else None) or router.db_for_write(MachineInstance)
    with driving(pk, alias) as driven:
        assert driven is not None  # it waits for the lock
        typed = incoming(driven.machine, event)
        taken = driven.take(typed, who, origin, refusable=True)
        entry = driven.entries[0]
    fresh = given or MachineInstance(pk=pk)
    fresh.refresh_from_db(using=alias)
    return Sent(fresh, entry.sequence, taken)


def _actor(actor: Actor | None, *, system: bool) -> Actor:
    if actor is not None:
        return actor
    if not system:
        raise NotAllowed("Nobody asked for this: pass actor=, or system=True where the project itself does it.")
    return SYSTEM


def _input(registered: registry.Registered, data: Any) -> Any:
    if data is None:
        return None
    wanted = registered.machine.input_type
    checks = codec(wanted, f"input of {registered.name}")
    if isinstance(wanted, type) and isinstance(data, wanted):
        checks.encode(data)
        return data
    return checks.convert(data)


