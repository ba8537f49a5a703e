"""What is shown of instances and entries: pure functions of state and data, typed, made for who asks.

Limits: a machine that declares nothing shows states and tags, and of its history times and states; never the data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, get_type_hints

import msgspec
from msgspec import defstruct

from statemachines.core.events import Actor
from statemachines.exceptions import UnknownVersion
from statemachines.models import HistoryEntry, MachineInstance
from statemachines.policy import Subject, subject_of
from statemachines.registry import Registered

from .formats import Time


class PublicState(msgspec.Struct, frozen=True):
    """Where an instance is: its active leaves, and their tags."""

    state: tuple[str, ...]
    tags: tuple[str, ...]


class PublicEntry(msgspec.Struct, frozen=True):
    """When an instance went from where to where; the states are active paths."""

    at: Time
    source: tuple[str, ...]
    target: tuple[str, ...]


def default_public(subject: Subject, actor: Actor) -> PublicState:
    return PublicState(subject.states, tuple(subject.tags))


def default_history(entry: HistoryEntry, actor: Actor) -> PublicEntry:
    return PublicEntry(entry.at, tuple(entry.source), tuple(entry.target))


class Shapes(NamedTuple):
    """The types of one machine's responses, and the functions that make what is in them."""

    public: Callable[[Subject, Actor], Any]
    history: Callable[[HistoryEntry, Actor], Any]
    instance: Any
    entry: Any
    page: Any
    history_page: Any


def camel(name: str) -> str:
    """Return a machine's name as that of a type: `orders.order` is `OrdersOrder`."""
    return "".join(part.title().replace("_", "") for part in name.replace("-", "_").split("."))


@lru_cache
def shapes(registered: Registered) -> Shapes:
    """Return the types of a machine's responses."""
    public, history = registered.public or default_public, registered.public_history or default_history
    name = camel(registered.name)
    instance = defstruct(
        f"{name}Instance",
        [
            ("id", int),
            ("machine", str),
            ("key", str),
            ("version", int),
            ("status", str),
            ("sequence", int),
            ("created_at", Time),
            ("updated_at", Time),
            ("view", get_type_hints(public)["return"]),
        ],
        module=__name__,
    )
    instance.__doc__ = f"An instance of {registered.name}; what is in `view`, the machine decides."
    entry = defstruct(f"{name}Entry", [("sequence", int), ("view", get_type_hints(history)["return"])], module=__name__)
    entry.__doc__ = "An entry of the history."
    pages = [
        defstruct(f"{made.__name__}Page", [("items", list[made]), ("next", str | None)], module=__name__)  # type: ignore[valid-type]
        for made in (instance, entry)
    ]
    for page in pages:
        page.__doc__ = "A page; `next` is the address of the one that follows, where there is one."
    return Shapes(public, history, instance, entry, *pages)


def shown(registered: Registered, instance: MachineInstance, actor: Actor) -> Any:
    """Return what somebody is shown of an instance.

    Raises UnknownVersion where what the machine declares cannot be made, as this code does not have its version.
    """
    return shapes(registered).instance(
        id=instance.pk,
        machine=instance.machine,
        key=instance.key,
        version=instance.version,
        status=instance.status,
        sequence=instance.sequence,
        created_at=instance.created_at,
        updated_at=instance.updated_at,
        view=_view(registered, instance, actor),
    )


def _view(registered: Registered, instance: MachineInstance, actor: Actor) -> Any:
    try:
        subject = subject_of(instance)
    except UnknownVersion:
        if registered.public is not None:
            raise
        return PublicState(tuple(instance.state.split(", ")), ())
    return shapes(registered).public(subject, actor)


def shown_entry(registered: Registered, entry: HistoryEntry, actor: Actor) -> Any:
    """Return what somebody is shown of an entry."""
    made = shapes(registered)
    return made.entry(sequence=entry.sequence, view=made.history(entry, actor))


def etag(registered: Registered, instance: MachineInstance, actor: Actor) -> str:
    """Return what stands for one sequence, as one person is shown it by this version of the view."""
    view = msgspec.json.encode(msgspec.json.schema(shapes(registered).instance))
    parts = (actor.kind, actor.id, registered.name, registered.version, instance.version, view)
    mark = hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
    return f'"{instance.sequence}-{mark}"'


def sequence_of(header: str, tag: str) -> int:
    """Return the sequence that an If-Match header wants; one that cannot be for another person, or another view."""
    for one in header.split(","):
        number, _, mark = one.strip().strip('"').partition("-")
        if number.isdecimal() and len(number) < 19 and f'"{mark}' == '"' + tag.strip('"').partition("-")[2]:
            return int(number)
    return -1
