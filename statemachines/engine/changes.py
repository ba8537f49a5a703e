"""What one transaction writes, as values: a store turns them into SQL.

JSON is already encoded here (text), so that both stores write the same bytes.
Limits: no database, no machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from statemachines.core.events import Actor

DueEffect = tuple[int, str, datetime]
DueTimer = tuple[int, datetime]


@dataclass(slots=True)
class Row:
    """An instance as it was read under its lock, with the time of the one clock after the lock was got.

    `configuration`, `data`, `history_states` and `output` are JSON text.
    """

    pk: int
    machine: str
    version: int
    key: str
    configuration: str
    data: str
    history_states: str
    status: str
    output: str | None
    sequence: int
    upgrades: str
    created_at: datetime
    updated_at: datetime
    now: datetime


@dataclass(slots=True, order=True)
class SetTimer:
    """A timer that is set, the earliest first; `held`: everything is. `now` is the one clock's when it was read."""

    due_at: datetime
    pk: int
    instance_id: int
    name: str
    event: str
    payload: Any
    armed: int
    held: bool
    now: datetime


@dataclass(slots=True)
class NewEntry:
    sequence: int
    event: str
    payload: str
    facts: str
    source: str
    target: str
    microsteps: str
    patch: str
    actor: Actor
    origin: str
    reason: str
    version: int
    at: datetime
    duration_ms: float = 0


@dataclass(slots=True)
class NewTimer:
    name: str
    event: str
    payload: str | None
    state: str
    due_at: datetime
    armed: int


@dataclass(slots=True)
class NewEffect:
    sequence: int
    key: UUID
    name: str
    invocation: str
    state: str
    version: int
    input: str
    limit_key: str
    due_at: datetime


@dataclass(slots=True)
class NewInstance:
    """What never changes of an instance that is created."""

    machine: str
    version: int
    key: str


@dataclass(slots=True)
class Previous:
    """What an instance was before an upgrade, to be kept: `snapshot` is JSON text."""

    version: int
    snapshot: str


@dataclass(slots=True)
class Change:
    """The instance's new values, and everything that is written with them.

    `new` is set where the instance is created. `timers_gone` are names; `all_timers_gone` drops every timer but the
    set ones. `stopped` are invocations. An upgrade alone changes the `version`, and
    has a `previous`; only `write_all` writes these.
    """

    pk: int
    state: str
    configuration: str
    data: str
    history_states: str
    status: str
    output: str | None
    sequence: int
    version: int
    at: datetime
    new: NewInstance | None = None
    entries: list[NewEntry] = field(default_factory=list)
    timers: dict[str, NewTimer] = field(default_factory=dict)
    timers_gone: set[str] = field(default_factory=set)
    all_timers_gone: bool = False
    effects: list[NewEffect] = field(default_factory=list)
    stopped: set[str] = field(default_factory=set)
    previous: Previous | None = None


@dataclass(slots=True)
class Written:
    """What workers should hear of: effects as key, name and due time, timers as key and due time."""

    effects: list[DueEffect] = field(default_factory=list)
    timers: list[DueTimer] = field(default_factory=list)
