"""What a step takes and gives: the snapshot of an instance, and the commands that somebody else must carry out.

Limits: values only. A snapshot holds no machine, a command does nothing by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import msgspec

from .events import AnyEvent

if TYPE_CHECKING:
    from .functions import Action, Effect
    from .plan import Plan

D = TypeVar("D")


class Snapshot(msgspec.Struct, Generic[D], frozen=True):
    """Everything that a future step depends on.

    `configuration`: paths of all active states except the root, in order of entry (XState's node order).
    `history`: for the path of each history state that was recorded, the paths to restore.
    """

    configuration: tuple[str, ...]
    data: D
    history: Mapping[str, tuple[str, ...]] = {}
    status: Literal["active", "done"] = "active"
    output: Any = None


class StartEffect(msgspec.Struct, frozen=True):
    """Run an effect after commit, with `input`. `invocation` is set when a state invoked it and waits for its end."""

    effect: Effect[Any, Any]
    state: str
    input: Any
    event: AnyEvent
    invocation: str = ""


class StopEffect(msgspec.Struct, frozen=True):
    """The state that invoked it was left: the effect is not wanted any more."""

    invocation: str


class SetTimer(msgspec.Struct, frozen=True):
    """Deliver `event` after `delay` (from now), or at it where it is a point in time (aware).

    `state` is the state whose exit cancels it; it is empty for a delayed `send`, which only `cancel` stops.
    """

    id: str
    delay: timedelta | datetime
    event: AnyEvent
    state: str = ""


class CancelTimer(msgspec.Struct, frozen=True):
    """Forget the timer of that id, where one is set."""

    id: str


class SendEvent(msgspec.Struct, frozen=True):
    """Deliver `event` to this instance when the macrostep is over."""

    event: AnyEvent


class RunAction(msgspec.Struct, frozen=True):
    """Run an `@action` in the transition's transaction, with the data as it was at that point of the step."""

    action: Action[Any]
    state: str
    data: Any
    event: AnyEvent


Command = StartEffect | StopEffect | SetTimer | CancelTimer | SendEvent | RunAction


class Microstep(msgspec.Struct, frozen=True):
    """One round of exits, actions and entries; `plan` says which (SCXML 3.13, microstep)."""

    event: AnyEvent
    plan: Plan


class Rejection(msgspec.Struct, frozen=True):
    """Why an event selected nothing: the guards that said no, and the events that would be taken."""

    event_type: str
    state: tuple[str, ...]
    guards: tuple[str, ...]
    possible: tuple[str, ...]


class Step(msgspec.Struct, Generic[D], frozen=True):
    """The outcome of one macrostep (SCXML 3.13): the new snapshot, how it came about, and what is to be carried out.

    `rejection` is None where the event selected a transition that is not forbidden.
    """

    snapshot: Snapshot[D]
    microsteps: tuple[Microstep, ...] = ()
    commands: tuple[Command, ...] = ()
    rejection: Rejection | None = None
