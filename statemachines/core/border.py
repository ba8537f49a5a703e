"""What comes in: events from clients, checked against the machine before anything is locked, and effects' outcomes.

Limits: decides what is a valid event, not whether the instance takes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .codec import FAILURES, codec
from .effects import Failure, Pending
from .errors import InvalidValue, UnknownEvent
from .events import RESERVED, AnyEvent, Event, Occurrence, done_actor, error_actor, event_type
from .functions import Effect
from .machine import Machine

LONGEST_MESSAGE = 5_000
"""Characters of an error's text that a machine, and its history, are given."""


def incoming(machine: Machine[Any], event: AnyEvent | str) -> AnyEvent:
    """Return the event that a client sends, typed where the machine has a type for it.

    `event`: a typed event, a name, or an Occurrence whose value is the payload as plain data. Raises InvalidValue
    where it does not fit its type or has a reserved name, and UnknownEvent where no state takes it.
    """
    if isinstance(event, str):
        event = Occurrence(event)
    name = event.type
    if name.startswith(RESERVED):
        expected = f"a name that does not begin with {' or '.join(RESERVED)}: those are made by the machine alone"
        raise InvalidValue("event", field="type", expected=expected, received=repr(name))
    if "*" in name:
        raise InvalidValue("event", field="type", expected="a name without '*'", received=repr(name))
    known = machine.events.get(name)
    if known is not None:
        return _typed(known, event)
    if isinstance(event, Event) or not _takes(machine, name):
        raise UnknownEvent(machine.name, name, sorted(named(machine)))
    codec(Any, f"event {name}").encode(event.value)
    return event


def _typed(known: type[Event], event: AnyEvent) -> Event:
    checks = codec(known, f"event {event_type(known)}")
    if isinstance(event, Event):
        if not isinstance(event, known):
            expected = f"{known.__module__}.{known.__qualname__}"
            received = f"{type(event).__module__}.{type(event).__qualname__}"
            raise InvalidValue(checks.what, field="", expected=expected, received=received)
        checks.encode(event)
        return event
    payload = {} if event.value is None else event.value
    if not isinstance(payload, Mapping):
        raise InvalidValue(checks.what, field="", expected="an object", received=type(payload).__name__)
    typed: Event = checks.convert({**payload, "type": event.type})
    return typed


def event_names(machine: Machine[Any]) -> list[str]:
    """Return the names of the events that clients may send, sorted; wildcards take others too."""
    return sorted(name for name in named(machine) if "*" not in name)


def named(machine: Machine[Any]) -> set[str]:
    """Return what clients may send, by name or by wildcard."""
    keys = {key for node in machine.chart.nodes for key in node.edges}
    return {key for key in keys if not key.startswith(RESERVED)} | set(machine.events)


def _takes(machine: Machine[Any], name: str) -> bool:
    return any(node.candidates(name) for node in machine.chart.nodes)


def starting(machine: Machine[Any], name: str, input: Any) -> Any:
    """Return what an instance is created from: of the machine's type, else converted from plain data.

    `name` stands in errors. None is left to the machine. Raises InvalidValue.
    """
    if input is None:
        return None
    wanted = machine.input_type
    checks = codec(wanted, f"input of {name}")
    if isinstance(wanted, type) and isinstance(input, wanted):
        checks.encode(input)
        return input
    return checks.convert(input)


def payload_of(event: AnyEvent) -> dict[str, Any]:
    """Return what an event carries as plain data, without its name; a completion's value stands under "value"."""
    if isinstance(event, Event):
        plain: dict[str, Any] = msgspec.to_builtins(event)
        plain.pop("type")
        return plain
    value = msgspec.to_builtins(event.value)  # a completion's may be typed
    if value is None:
        return {}
    return dict(value) if isinstance(value, Mapping) else {"value": value}


def event_from(machine: Machine[Any], name: str, payload: Any) -> AnyEvent:
    """Return a stored event, typed again where the machine has a type for it."""
    known = machine.events.get(name)
    if known is None:
        return Occurrence(name, payload)
    event: Event = codec(known, f"event {name}").load({**(payload or {}), "type": name})
    return event


def plain_result(effect: Effect[Any, Any], result: Any) -> Any:
    """Return what an effect returned as plain data, of the type that it says. Raises InvalidValue."""
    what = f"result of {effect.id}"
    if isinstance(result, Pending):
        expected = "the result that it is completed with; what is pending waits for that"
        raise InvalidValue(what, field="", expected=expected, received="pending(…)")
    try:
        untyped = msgspec.to_builtins(result)
    except FAILURES as error:
        raise InvalidValue(what, field="", expected="a value that JSON holds", received=str(error)) from error
    plain = msgspec.json.decode(codec(Any, what).encode(untyped))
    codec(effect.result_type(), what).load(plain)
    return plain


def succeeded(effect: Effect[Any, Any], invocation: str, result: Any) -> Occurrence:
    """Return the completion of what a state invoked; plain data becomes what the function says that it returns."""
    return Occurrence(done_actor(invocation), codec(effect.result_type(), f"result of {effect.id}").load(result))


def failed(invocation: str, failure: Failure) -> Occurrence:
    """Return the failure of what a state invoked."""
    return Occurrence(error_actor(invocation), failure)


def failure_of(error: BaseException) -> Failure:
    """Return what a machine is told of an exception; a text beyond `LONGEST_MESSAGE` is cut."""
    try:
        text = str(error)
    except Exception as broken:  # an exception that cannot even say what it is
        text = f"(its text cannot be had: {type(broken).__name__})"
    return Failure(type(error).__name__, storable(text, LONGEST_MESSAGE))


def storable(text: str, most: int) -> str:
    """Return a text without what databases refuse (NUL, lone surrogates), cut in the middle where it is longer."""
    if len(text) > most:
        text = f"{text[: most // 2]} … {text[-most // 2 :]}"
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
