"""What may be shown of rows: their JSON with the sensitive parts masked.

Limits: types come from this code; where it does not know the machine's version, all is masked.
"""

from __future__ import annotations

from typing import Any

from . import registry
from .core.machine import Machine
from .core.privacy import MASK, mask
from .exceptions import UnknownMachine, UnknownVersion
from .models import Effect, HistoryEntry, MachineInstance, Timer


def data(instance: MachineInstance) -> Any:
    """Return an instance's data."""
    machine = _machine(instance.machine, instance.version)
    return MASK if machine is None else mask(machine.data_type, instance.data)


def payload(row: HistoryEntry | Timer) -> Any:
    """Return the payload of an event that was taken, or that a timer will deliver."""
    version = row.version if isinstance(row, HistoryEntry) else row.instance.version
    machine = _machine(row.instance.machine, version)
    return MASK if machine is None else masked_payload(machine, row.event, row.payload)


def patch(entry: HistoryEntry) -> Any:
    """Return what an entry changed."""
    machine = _machine(entry.instance.machine, entry.version)
    return MASK if machine is None else masked_patch(machine, entry.patch)


def effect_input(effect: Effect) -> Any:
    """Return the data that an effect works on."""
    machine = _machine(effect.instance.machine, effect.version)
    return MASK if machine is None else mask(machine.data_type, effect.input)


def masked_payload(machine: Machine[Any], event: str, payload: Any) -> Any:
    """Mask an event's payload by its type."""
    known = machine.events.get(event)
    return payload if known is None else mask(known, payload)


def masked_patch(machine: Machine[Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Mask a change of data by the data's type."""
    return patch | {"set": mask(machine.data_type, patch["set"])} if "set" in patch else patch


def _machine(name: str, version: int) -> Machine[Any] | None:
    try:
        return registry.find(name, version).machine
    except (UnknownMachine, UnknownVersion):
        return None
