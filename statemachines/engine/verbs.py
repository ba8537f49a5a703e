"""What can be done with instances: create one, send it an event.

Limits: each verb is one transaction (a savepoint inside the caller's); how it runs is in `transaction`.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
from django.db import router

from statemachines import registry
from statemachines.actors import SYSTEM
from statemachines.core.codec import codec
from statemachines.core.events import Actor, AnyEvent
from statemachines.core.machine import Machine
from statemachines.core.snapshot import Step
from statemachines.exceptions import NotAllowed
from statemachines.models import MachineInstance

from .border import incoming
from .transaction import Driven, creating, driving


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
    made: MachineInstance = MachineInstance.objects.using(alias).get(pk=pk)
    return made


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
    given = instance if isinstance(instance, MachineInstance) else MachineInstance(pk=instance)
    alias = using or given._state.db or router.db_for_write(MachineInstance)
    with driving(given.pk, alias) as driven:
        assert driven is not None  # it waits for the lock
        typed = incoming(driven.machine, event)
        taken = driven.take(typed, who, origin, refusable=True)
    return Sent(_fresh(given, driven, alias), driven.entries[0].sequence, taken)


def _fresh(instance: MachineInstance, driven: Driven, using: str) -> MachineInstance:
    """Bring an instance up to date with what was written, without asking the database again."""
    row, change = driven.row, driven.written
    assert change is not None  # an event that was taken is written
    instance._state.db, instance._state.adding = using, False
    for name in ("machine", "version", "key", "created_at"):
        setattr(instance, name, getattr(row, name))
    for name in ("state", "status", "sequence"):
        setattr(instance, name, getattr(change, name))
    for name in ("configuration", "data", "history_states"):
        setattr(instance, name, msgspec.json.decode(getattr(change, name)))
    instance.output = None if change.output is None else msgspec.json.decode(change.output)
    instance.updated_at = change.at
    return instance


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
