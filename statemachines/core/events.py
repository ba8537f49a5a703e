"""Events: typed ones that a machine's author declares, and occurrences that carry no more than a name and a value.

Descriptors match as in XState v5: exact, `*`, or a prefix followed by `.*`.
Limits: names that begin with `xstate.` belong to the interpreter and never come from a client.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

import msgspec

if TYPE_CHECKING:
    from .functions import Fact

V = TypeVar("V")

RESERVED = ("xstate.", "statemachines.")
"""Beginnings of names that are made here and never come from a client."""

INIT = "xstate.init"


def snake_case(name: str) -> str:
    """Turn a class name into the event's name on the wire: `RestaurantAccepted` is `restaurant_accepted`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name.rpartition(".")[2]).lower()


@dataclass_transform(frozen_default=True, field_specifiers=(msgspec.field,))  # for type checkers: subclasses are frozen
class Event(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag=snake_case, tag_field="type"):
    """A typed event; subclass it with the payload's fields. `tag=` names it on the wire, by default in snake_case."""

    @property
    def type(self) -> str:
        return str(self.__struct_config__.tag)


def event_type(event: type[Event]) -> str:
    """Return the name on the wire of an event class."""
    return str(event.__struct_config__.tag)


class Occurrence(msgspec.Struct, frozen=True):
    """An event known by its name alone: a timer, or one without a class; `value` is its payload."""

    type: str
    value: Any = None


class Completion(Occurrence, frozen=True):
    """The end of a state, or of what one invoked; `value` is the output. Nobody can raise or send one by its name."""


AnyEvent = Event | Occurrence


class Actor(msgspec.Struct, frozen=True):
    """Who sent an event: `kind` ("user", "system", "timer"…), `id` and a `label` for people, all text."""

    kind: str
    id: str = ""
    label: str = ""


SYSTEM = Actor("system")
"""The project itself."""


class Moment(msgspec.Struct, frozen=True):
    """What surrounds an event and is never part of its payload: who, from where, when, and the facts read for it.

    `time` is aware. A function of a machine that takes a third parameter receives it.
    """

    actor: Actor | None = None
    origin: str = ""
    time: datetime | None = None
    facts: Mapping[str, Any] = {}

    def get(self, fact: Fact[Any, V]) -> V:
        """Return the value that was read for `fact`."""
        return self.facts[fact.id]  # type: ignore[no-any-return]


NO_MOMENT = Moment()


def after(delay: str, node_id: str) -> str:
    """Name the event of a delayed transition."""
    return f"xstate.after.{delay}.{node_id}"


def done_state(node_id: str) -> str:
    """Name the event that a compound or parallel state raises when it is done."""
    return f"xstate.done.state.{node_id}"


def done_actor(invocation: str) -> str:
    """Name the completion of what a state invoked."""
    return f"xstate.done.actor.{invocation}"


def error_actor(invocation: str) -> str:
    """Name the failure of what a state invoked."""
    return f"xstate.error.actor.{invocation}"


def matches(descriptor: str, name: str) -> bool:
    """Say whether an event's name fits a descriptor: equal, `*`, or `prefix.*` (which also fits `prefix` itself)."""
    if descriptor in (name, "*"):
        return True
    if not descriptor.endswith(".*"):
        return False
    prefix = descriptor[:-2]
    if "*" in prefix.split("."):
        return False
    return name == prefix or name.startswith(prefix + ".")
