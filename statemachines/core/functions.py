"""The functions that a machine names: guards, assigns, facts, actions, effects, and the built-in raise, send, cancel.

Each has a stable `id`, by default the function's name, so that a definition is told without its code. A machine's
functions take `(data)`, `(data, event)` or `(data, event, moment)`; fixed `params` are passed by keyword.
Limits: values that describe; nothing here runs a machine.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar, overload

from .events import AnyEvent, Event, Moment, Occurrence

D = TypeVar("D")
E = TypeVar("E")
V = TypeVar("V")
D_contra = TypeVar("D_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

Function = Callable[..., Any]
Bound = Callable[[Any, Any, Any], Any]
"""A machine's function in its one calling form: `(data, event, moment)`."""

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Named:
    """A function under a stable id, with fixed keyword parameters."""

    def __init__(self, function: Function, id: str | None = None, params: Mapping[str, Any] | None = None) -> None:
        self.function: Final = function
        self.id: Final = id or str(getattr(function, "__name__", type(function).__name__))
        self.params: Final[Mapping[str, Any]] = dict(params or {})

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return f"{self.id}({given})" if given else self.id

    def arity(self) -> int:
        """Count the positional parameters that the function takes: 1 (data), 2 (and the event) or 3 (and the moment).

        Raises TypeError where it takes another number.
        """
        try:
            parameters = inspect.signature(self.function).parameters.values()
        except ValueError:  # some builtins tell no signature: they take the data
            return 1
        if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
            return 3
        required = sum(
            p.kind in POSITIONAL and p.name not in self.params and p.default is inspect.Parameter.empty
            for p in parameters
        )
        if not 1 <= required <= 3:
            raise TypeError(f"{self.id!r} takes {required} positional parameters; write (data[, event[, moment]])")
        return required

    def bound(self) -> Bound:
        """Return the function in its one calling form."""
        function, params, count = self.function, self.params, self.arity()
        if params:
            return lambda data, event, moment: function(*(data, event, moment)[:count], **params)
        if count == 1:
            return lambda data, event, moment: function(data)
        if count == 2:
            return lambda data, event, moment: function(data, event)
        return function


def named(function: Function | Named) -> Named:
    """Return a function under its name, where it has none of its own."""
    return function if isinstance(function, Named) else Named(function)


class Fact(Named, Generic[D_contra, V]):
    """A reading of the database, made under the lock before the step; functions get it by `moment.get(fact)`."""


class Action(Named, Generic[D_contra]):
    """A write to the database, in the transition's transaction; returns nothing."""


class Effect(Named, Generic[D_contra, R_co]):
    """Work outside the transaction: a worker runs it after commit, at least once, with a stable idempotency key.

    It takes `(data)` or `(data, call)`.
    """


class Assign(Named, Generic[D, E]):
    """A pure function that returns the instance's new data."""


class Guard(Generic[D, E]):
    """A condition on a transition; `not_`, `and_` and `or_` combine them."""


class Condition(Named, Guard[D, E]):
    """A guard that is a pure function of `(data)`, `(data, event)` or `(data, event, moment)`."""


class Not(Guard[D, E]):
    def __init__(self, guard: Guard[D, E]) -> None:
        self.guard: Final = guard

    def __repr__(self) -> str:
        return f"not {self.guard!r}"


class Every(Guard[D, E]):
    def __init__(self, guards: Sequence[Guard[D, E]]) -> None:
        self.guards: Final = tuple(guards)

    def __repr__(self) -> str:
        return f"({' and '.join(map(repr, self.guards)) or 'true'})"


class Some(Guard[D, E]):
    def __init__(self, guards: Sequence[Guard[D, E]]) -> None:
        self.guards: Final = tuple(guards)

    def __repr__(self) -> str:
        return f"({' or '.join(map(repr, self.guards)) or 'false'})"


class InState(Guard[Any, Any]):
    def __init__(self, state: str | Mapping[str, Any]) -> None:
        self.state: Final = state

    def __repr__(self) -> str:
        return f"in {self.state}"


class Raise(Generic[D, E]):
    """Raise an event inside the macrostep (SCXML 4.2); `event` is one, or a function that makes one."""

    def __init__(self, event: AnyEvent | Function | Named) -> None:
        self.event: Final = event

    def __repr__(self) -> str:
        return f"raise {spell(self.event)}"


class Send(Generic[D, E]):
    """Send an event to the instance itself, after the macrostep and `delay` (SCXML 6.2); `id` lets `cancel` stop it."""

    def __init__(
        self, event: AnyEvent | Function | Named, delay: timedelta | Function | Named | None, id: str | None
    ) -> None:
        self.event: Final = event
        self.delay: Final = delay
        self.id: Final = id

    def __repr__(self) -> str:
        return f"send {spell(self.event)}" + (f" after {spell(self.delay)}" if self.delay is not None else "")


class Cancel(Generic[D, E]):
    """Cancel a delayed `send` by its id (SCXML 6.3)."""

    def __init__(self, id: str) -> None:
        self.id: Final = id

    def __repr__(self) -> str:
        return f"cancel {self.id}"


Doing = Assign[Any, Any] | Action[Any] | Effect[Any, Any] | Raise[Any, Any] | Send[Any, Any] | Cancel[Any, Any]

When = Guard[D, E] | Callable[[D], bool] | Callable[[D, E], bool] | Callable[[D, E, Moment], bool]
"""What `when=` takes."""

Update = Callable[[D], D] | Callable[[D, E], D] | Callable[[D, E, Moment], D]
"""A pure function that returns new data."""

Make = AnyEvent | str | Callable[[D], Event] | Callable[[D, E], Event] | Callable[[D, E, Moment], Event]
"""An event, its name, or a function that makes one."""

Do = Update[D, E] | Assign[D, E] | Action[D] | Effect[D, Any] | Raise[D, E] | Send[D, E] | Cancel[D, E]
"""What `do=`, `Entry` and `Exit` take."""


def spell(value: object) -> str:
    """Name an event, a delay or a function in a word."""
    if isinstance(value, Event | Occurrence):
        return value.type
    if isinstance(value, Named):
        return value.id
    return getattr(value, "__name__", str(value))


def effect(function: Callable[[D, Any], V] | Callable[[D], V]) -> Effect[D, V]:
    """Declare work that a worker does after commit: `@effect`."""
    return Effect(function)


def action(function: Callable[[D], None] | Callable[[D, Any], None] | Callable[[D, Any, Moment], None]) -> Action[D]:
    """Declare a write that commits or rolls back with the transition: `@action`."""
    return Action(function)


def fact(function: Callable[[D], V] | Callable[[D, Any], V]) -> Fact[D, V]:
    """Declare a reading of the database that enters with the event: `@fact`. Its value must be one that JSON holds."""
    return Fact(function)


def assign(function: Update[D, E], *, id: str | None = None) -> Assign[D, E]:
    """Give a pure update an id of its own (a bare function in `do=` is one under its name)."""
    return Assign(function, id)


def guard(function: When[D, E], *, id: str | None = None) -> Guard[D, E]:
    """Give a condition an id of its own (a bare function in `when=` is one under its name)."""
    return function if isinstance(function, Guard) else Condition(function, id)


def not_(condition: When[D, E]) -> Guard[D, E]:
    """Hold where `condition` does not."""
    return Not(guard(condition))


def and_(*conditions: When[D, E]) -> Guard[D, E]:
    """Hold where every condition does (with none: always)."""
    return Every([guard(condition) for condition in conditions])


def or_(*conditions: When[D, E]) -> Guard[D, E]:
    """Hold where at least one condition does (with none: never)."""
    return Some([guard(condition) for condition in conditions])


def in_state(state: str | Mapping[str, Any]) -> Guard[Any, Any]:
    """Hold where `state` is active (SCXML 5.9.2): a path from the root ("a.b"), "#id", or a value ({"a": "b"})."""
    return InState(state)


@overload
def raise_(event: AnyEvent | str) -> Raise[Any, Any]: ...
@overload
def raise_(event: Callable[[D], Event] | Callable[[D, E], Event]) -> Raise[D, E]: ...
def raise_(event: Any) -> Raise[Any, Any]:
    """Raise an event to the machine itself, handled before the macrostep ends."""
    return Raise(Occurrence(event) if isinstance(event, str) else event)


def send(
    event: Make[D, E],
    *,
    delay: timedelta | Callable[[D], timedelta] | Callable[[D], datetime] | None = None,
    id: str | None = None,
) -> Send[D, E]:
    """Send an event to the machine itself, as an event of its own after this one, at once or after `delay`."""
    return Send(Occurrence(event) if isinstance(event, str) else event, delay, id)


def cancel(id: str) -> Cancel[Any, Any]:
    """Cancel the delayed `send` of that id."""
    return Cancel(id)


def doings(do: Any) -> tuple[Doing, ...]:
    """Read what `do=` was given, one or several, as actions in order."""
    listed = do if isinstance(do, list | tuple) else (do,)
    known = (Assign, Action, Effect, Raise, Send, Cancel)
    return tuple(item if isinstance(item, known) else Assign(item) for item in listed)
