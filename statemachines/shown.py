"""What may be shown of rows: their JSON, and the errors that they keep, with the sensitive parts masked.

An error's text may hold any value, so where a type has something sensitive only the exception's class and the places
in the code are shown. Limits: types come from this code; where it does not know the machine's version, all is masked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from . import registry
from .core.errors import MachineError
from .core.events import done_actor, error_actor
from .core.functions import Effect as Declared
from .core.machine import Machine
from .core.privacy import MASK, mask, masker, secretive
from .exceptions import UnknownMachine, UnknownVersion
from .models import Effect, HistoryEntry, MachineInstance, Timer

GIVEN_RESULT = "statemachines.effect.result"
"""The entry of an operator who gave an effect its result."""

PLACE = re.compile(r'  File "[^"]*", line \d+, in \S+')
BETWEEN = (
    "Traceback (most recent call last):",
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)
CLASS = re.compile(r"[\w.]+")


def data(instance: MachineInstance) -> Any:
    """Return an instance's data."""
    machine = machine_of(instance.machine, instance.version)
    return MASK if machine is None else mask(machine.data_type, instance.data)


def payload(row: HistoryEntry | Timer) -> Any:
    """Return the payload of an event that was taken, or that a timer will deliver."""
    version = row.version if isinstance(row, HistoryEntry) else row.instance.version
    machine = machine_of(row.instance.machine, version)
    return MASK if machine is None else masked_payload(machine, row.event, row.payload)


def patch(entry: HistoryEntry) -> Any:
    """Return what an entry changed."""
    machine = machine_of(entry.instance.machine, entry.version)
    return MASK if machine is None else masked_patch(machine, entry.patch)


def timer_error(timer: Timer) -> str:
    """Return why a timer's event failed."""
    machine = machine_of(timer.instance.machine, timer.instance.version)
    return masked_error(timer.error) if machine is None or secretive(machine.data_type) else timer.error


def effect_input(effect: Effect) -> Any:
    """Return what an effect works on: the data, or what its `input=` selected."""
    return _of_effect(effect, lambda declared, data_type: mask(declared.input_type(data_type), effect.input))


def effect_result(effect: Effect) -> Any:
    """Return what an effect's function returned, or what it failed with."""
    if effect.result is None:
        return None
    if effect.failure:
        return _of_effect(effect, lambda declared, data_type: _failure(declared, data_type, effect.result))
    return _of_effect(effect, lambda declared, data_type: mask(declared.result_type(), effect.result))


def effect_error(effect: Effect) -> str:
    """Return the traceback of an effect's last failure, or of that of its application."""

    def shown(declared: Declared[Any, Any], data_type: Any) -> str:
        return masked_error(effect.error) if _secret(declared, data_type) else effect.error

    return _of_effect(effect, shown) if effect.error else ""


def failure(machine: Machine[Any] | None, error: Exception) -> str:
    """Return what went wrong in a machine's function; where that knows something sensitive, without its text."""
    secret = machine is None or secretive(machine.data_type)
    if isinstance(error, MachineError):
        return str(MachineError(error.machine, error.state, error.function, MASK) if secret else error)
    return f"{type(error).__name__}: {MASK if secret else error}"


def _of_effect(effect: Effect, shown: Callable[[Declared[Any, Any], Any], Any]) -> Any:
    try:
        registered = registry.find(effect.instance.machine, effect.version)
        return shown(registered.effect(effect.name), registered.machine.data_type)
    except (UnknownMachine, UnknownVersion):
        return MASK


def _secret(declared: Declared[Any, Any], data_type: Any) -> bool:
    """Say whether an effect knows something sensitive, so that its errors may tell it."""
    return any(map(secretive, (data_type, declared.input_type(data_type), declared.result_type())))


def _failure(declared: Declared[Any, Any], data_type: Any, told: Any) -> Any:
    return {**told, "message": MASK} if "message" in told and _secret(declared, data_type) else told


def masked_error(text: str) -> str:
    """Return of a traceback where it happened and the exceptions' classes, without their texts and the lines of code.

    What follows the places up to the next line that is not indented is an exception; all else may be its text.
    """
    return "\n".join(_lines(text))


def _lines(text: str) -> Iterator[str]:
    expected = True
    for line in text.splitlines():
        if line in BETWEEN or PLACE.fullmatch(line):
            expected = True
            yield line
        elif expected and line and not line[0].isspace():
            expected = False
            found = CLASS.match(line)
            yield f"{found[0] if found else MASK}: {MASK}"


def masked_payload(machine: Machine[Any], event: str, payload: Any) -> Any:
    """Mask an event's payload by its type; the completion of an effect by what that returns."""
    known = machine.events.get(event)
    if known is not None:
        return mask(known, payload)
    if event == GIVEN_RESULT:
        effect = machine.names.effects.get(payload["effect"].rpartition(".")[2])
        return payload | {"result": MASK if effect is None else mask(effect.result_type(), payload["result"])}
    for node in machine.chart.nodes:
        for invocation in node.invocations:
            declared = invocation.row.effect
            if event == done_actor(invocation.id):
                return _completion(declared.result_type(), payload)
            if event == error_actor(invocation.id):
                return _failure(declared, machine.data_type, payload)
    return payload


def _completion(type: Any, payload: dict[str, Any]) -> dict[str, Any]:
    """Mask a result as `core.border.payload_of` keeps it: an object as it is, all else under "value"."""
    masks = masker(type)
    if masks is None or not payload:
        return payload
    if payload.keys() == {"value"} and masks(payload["value"]) != payload["value"]:
        return {"value": masks(payload["value"])}
    masked = masks(payload)
    return masked if isinstance(masked, dict) else {"value": masked}


def masked_patch(machine: Machine[Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Mask a change of data by the data's type."""
    return patch | {"set": mask(machine.data_type, patch["set"])} if "set" in patch else patch


def hidden(values: dict[str, Any]) -> dict[str, Any]:
    """Mask all values, as of a machine that this code does not have."""
    return dict.fromkeys(values, MASK)


def machine_of(name: str, version: int) -> Machine[Any] | None:
    """Return a machine; None where this code does not have it, or not in that version."""
    try:
        return registry.find(name, version).machine
    except (UnknownMachine, UnknownVersion):
        return None
