"""An upgrade: two functions, one for states and one for data, that make instances of one version those of another.

Limits: what is declared; `crossing` holds it against the two definitions and takes instances over.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from types import EllipsisType
from typing import Any, Literal

import msgspec

from .functions import POSITIONAL
from .machine import Machine

UPGRADE = "statemachines.upgrade"
"""The name of the event that history gets."""

Images = str | Sequence[str]
Undecided = EllipsisType
"""What stands in a draft where a person has to decide: as if nothing were said."""
States = Mapping[str, Images | Undecided] | Callable[..., Images]
Timing = Literal["keep", "restart", "drop"]


class Upgrade:
    """How instances of `from_version` become instances of `to_version`, which may be the lower one.

    `states`: the image of each old state by path, several for several regions; what is not named keeps its path. Or a
    function of `(state, data[, prepared])` for each active or remembered leaf, with all that it may return in `images`.
    `data`: a function of `(data[, old leaves[, new leaves[, prepared]]])` that gets plain data (JSON's types) and
    returns the new version's, plain or typed; without one they stay as they are.
    `prepare`: a function that gets the plain data of a batch as a list, and returns what those functions then get.
    `events`: new names for those of delayed sends that wait; `invokes`: for effects that are open, by effect or by
    invocation. None lets them go. `timers`: by new state, whether its timers keep their due time ("keep", which holds
    where nothing is said), start anew ("restart") or go ("drop"). `enter`: new states that are entered as if anew:
    entry actions and effects run, timers and invocations start. `always`: take what is eventless afterwards.
    """

    def __init__(
        self,
        machine: Machine[Any] | str,
        from_version: int,
        to_version: int,
        *,
        states: States | None = None,
        images: Sequence[str] = (),
        data: Callable[..., Any] | None = None,
        prepare: Callable[[list[Any]], Any] | None = None,
        events: Mapping[str, str | Undecided | None] | None = None,
        invokes: Mapping[str, str | Undecided | None] | None = None,
        timers: Mapping[str, Timing] | None = None,
        enter: Collection[str] = (),
        always: bool = True,
    ) -> None:
        self.machine = machine if isinstance(machine, str) else machine.name
        self.from_version = from_version
        self.to_version = to_version
        self.states: dict[str, Images] = {} if states is None or callable(states) else _decided(states)
        self.image = states if callable(states) else None
        self.images = tuple(images)
        self.data = data
        self.prepare = prepare
        self.events: dict[str, str | None] = _decided(events or {})
        self.invokes: dict[str, str | None] = _decided(invokes or {})
        waits = {"events": events or {}, "invokes": invokes or {}}
        self.undecided = [f"{of}={{{one!r}: …}}" for of, given in waits.items() for one in given if given[one] is ...]
        self.timers = dict(timers or {})
        self.enter = frozenset(enter)
        self.always = always

    def __repr__(self) -> str:
        return f"{self.machine} from version {self.from_version} to {self.to_version}"


class HeldTimer(msgspec.Struct, frozen=True):
    """A timer of an instance; `was` is the name under which it is set, "" where it is to be started on arrival."""

    name: str
    event: str
    state: str
    payload: Any = None
    was: str = ""


class HeldEffect(msgspec.Struct, frozen=True):
    """An effect of an instance that has not ended; `was` is its key, 0 where it is to be started on arrival."""

    effect: str
    invocation: str
    state: str
    input: Any = None
    was: int = 0


class Held(msgspec.Struct, frozen=True):
    """An instance between versions: a snapshot with plain data, and all that waits for it."""

    configuration: tuple[str, ...]
    data: Any
    history: Mapping[str, tuple[str, ...]] = {}
    status: Literal["active", "done"] = "active"
    output: Any = None
    timers: tuple[HeldTimer, ...] = ()
    effects: tuple[HeldEffect, ...] = ()


def _decided(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not ...}


def call(function: Callable[..., Any], *given: Any) -> Any:
    """Call a function with as many of the values as it takes by position."""
    return function(*given[: _takes(function)])


def _takes(function: Callable[..., Any]) -> int | None:
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is inspect.Parameter.VAR_POSITIONAL for one in parameters):
        return None
    return sum(one.kind in POSITIONAL for one in parameters)


def listed(images: Images) -> tuple[str, ...]:
    """Return images as a tuple."""
    return (images,) if isinstance(images, str) else tuple(images)
