"""The functions that a machine names: guards, assigns, facts, actions, effects, and the built-in raise, send, cancel.

Each has a stable `id`, by default the function's name, so that a definition is told without its code. A machine's
functions take `(data)`, `(data, event)` or `(data, event, moment)`; fixed `params` are passed by keyword.
Limits: values that describe; nothing here runs a machine.
"""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar, get_args, overload

from .effects import Guarantee, Limit, Retry
from .events import AnyEvent, Event, Moment, Occurrence

D = TypeVar("D")
E = TypeVar("E")
V = TypeVar("V")
Given = TypeVar("Given")
D_contra = TypeVar("D_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

Function = Callable[..., Any]
Bound = Callable[[Any, Any, Any], Any]
"""A machine's function in its one calling form: `(data, event, moment)`."""

NOT_PLAIN = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)

LONGEST_KEY = 255
"""Characters of a limit's key."""


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


def returned(function: Function) -> Any:
    """Return a function's return annotation as a type; Any where it has none that can be told here."""
    told = getattr(function, "__annotations__", {}).get("return", Any)
    if isinstance(told, str):
        try:
            told = eval(told, getattr(function, "__globals__", {}))  # as typing.get_type_hints does, for this one alone
        except (NameError, SyntaxError, AttributeError, TypeError):
            return Any
    return Any if told is None else told


def named(function: Function | Named) -> Named:
    """Return a function under its name, where it has none of its own."""
    return function if isinstance(function, Named) else Named(function)


class Fact(Named, Generic[D_contra, V]):
    """A reading of the database, made under the lock before the step; functions get it by `moment.get(fact)`."""


class Action(Named, Generic[D_contra]):
    """A write to the database, in the transition's transaction; returns nothing."""


class Effect(Named, Generic[D_contra, R_co]):
    """Work outside the transaction: a worker runs it after commit, with a stable idempotency key.

    It takes `(input)` or `(input, call)`; the input is what `input`, a pure function like an assign, selects of the
    data, by default all of it. `fatal` errors are not tried again. `queue` is Celery's; `timeout`, which Celery's
    prefork workers enforce, is how long an attempt may take. Raises TypeError and ValueError for what is no effect.
    """

    def __init__(
        self,
        function: Function,
        id: str | None = None,
        *,
        retry: Retry | None = None,
        timeout: timedelta | None = None,
        queue: str | None = None,
        fatal: type[Exception] | tuple[type[Exception], ...] = (),
        input: Function | None = None,
        guarantee: Guarantee = "at_least_once",
        limit: Limit | None = None,
    ) -> None:
        super().__init__(function, id)
        self.retry: Final = retry
        self.timeout: Final = timeout
        self.queue: Final = queue
        self.fatal: Final = fatal if isinstance(fatal, tuple) else (fatal,)
        self.guarantee: Final = guarantee
        self.limit: Final = limit
        self.input: Final = None if input is None else Named(input)
        self._check()

    def _check(self) -> None:
        """Refuse what no worker could run, or what contradicts itself."""
        if not callable(self.function):
            raise TypeError(f"@effect stands on a function, not on {self.function!r}; its options are keywords")
        if any(kind(self.function) for kind in NOT_PLAIN):
            problem = "a worker calls a plain function and keeps what it returns; write `def`, without await or yield"
            raise TypeError(f"{self.id}: an effect is neither async nor a generator: {problem}")
        if self.arity() > 2:
            raise TypeError(f"{self.id}: an effect takes (input) or (input, call), not three parameters")
        if self.input is not None:
            if not callable(self.input.function):
                raise TypeError(
                    f"{self.id}: input={self.input.function!r}; write a function of the data, as a selector"
                )
            self.input.arity()
        typed = (("retry", self.retry, Retry), ("limit", self.limit, Limit), ("timeout", self.timeout, timedelta))
        for option, given, type in typed:
            if given is not None and not isinstance(given, type):
                raise TypeError(f"{self.id}: {option}={given!r}; write {option}={type.__name__}(…)")
        for one in self.fatal:
            if not (isinstance(one, builtins.type) and issubclass(one, Exception)):
                raise TypeError(f"{self.id}: fatal={one!r} is no exception class; write fatal=ValueError, or a tuple")
        if self.timeout is not None and self.timeout <= timedelta(0):
            raise ValueError(f"{self.id}: a timeout of {self.timeout} leaves no time; give one above zero, or None")
        if self.queue is not None and not (isinstance(self.queue, str) and self.queue.strip()):
            raise ValueError(f"{self.id}: queue={self.queue!r} names no queue; name one, or leave it out")
        if self.guarantee not in get_args(Guarantee):
            raise ValueError(f"{self.id}: guarantee={self.guarantee!r}; write one of {', '.join(get_args(Guarantee))}")
        if self.guarantee == "at_most_once" and self.retry is not None and self.retry.max_attempts > 1:
            raise ValueError(f"{self.id}: what runs at most once is not tried again; leave retry= out")

    def input_type(self, data_type: Any) -> Any:
        """Return the type of the stored input: what the selector says that it returns, or that of the data."""
        return data_type if self.input is None else returned(self.input.function)

    def limited_by(self, input: Any) -> str:
        """Return the key that an effect with this input shares its limit under. Raises ValueError for a long one."""
        if self.limit is None or self.limit.key is None:
            return ""
        key = str(self.limit.key(input))
        if len(key) > LONGEST_KEY:
            raise ValueError(f"the limit's key has {len(key)} characters, at most {LONGEST_KEY} fit: {key[:40]!r}…")
        return key

    def result_type(self) -> Any:
        """Return what the function says that it returns."""
        return returned(self.function)


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


@overload
def effect(function: Callable[[D, Any], V] | Callable[[D], V], /) -> Effect[D, V]: ...
@overload
def effect(
    *,
    input: Callable[[D], Given] | Callable[[D, Any], Given] | Callable[[D, Any, Moment], Given],
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    queue: str | None = None,
    fatal: type[Exception] | tuple[type[Exception], ...] = (),
    guarantee: Guarantee = "at_least_once",
    limit: Limit | None = None,
    id: str | None = None,
) -> Callable[[Callable[[Given, Any], V] | Callable[[Given], V]], Effect[D, V]]: ...
@overload
def effect(
    *,
    retry: Retry | None = None,
    timeout: timedelta | None = None,
    queue: str | None = None,
    fatal: type[Exception] | tuple[type[Exception], ...] = (),
    guarantee: Guarantee = "at_least_once",
    limit: Limit | None = None,
    id: str | None = None,
) -> Callable[[Callable[[D, Any], V] | Callable[[D], V]], Effect[D, V]]: ...
def effect(function: Any = None, /, **options: Any) -> Any:
    """Declare work that a worker does after commit: `@effect`, or `@effect(retry=Retry(max_attempts=8), …)`.

    `retry`: when it is tried again, by default as the settings say. `timeout`: how long an attempt may take. `queue`:
    Celery's, by default its default one. `fatal`: exceptions that are not tried again. `input`: what of `(data[,
    event[, moment]])` the function gets, stored with the effect. `guarantee`: "at_most_once" is never run again,
    whatever happens. `limit`: how many may run at once, how many start in a time.
    """
    return Effect(function) if function is not None else lambda function: Effect(function, **options)


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
