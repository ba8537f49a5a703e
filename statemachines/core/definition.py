"""A machine's definition as its author writes it: rows in states in a machine.

A definition is a value: it composes (functions return states), and it is checked and compiled when the `Machine` is
made. Limits: rows hold what was written; `build` resolves it, `chart` is the result.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Generic, Literal, TypeVar, overload
from typing import Final as Fixed

from .events import Event, Occurrence, event_type
from .functions import Assign, Do, Doing, Effect, Fact, Function, Guard, When, doings, guard

D = TypeVar("D")
E = TypeVar("E", bound=Event)
R = TypeVar("R")
K = TypeVar("K")
Target = str | Sequence[str] | None
Type = Literal["state", "parallel", "final", "history"]


class Row(Generic[D]):
    """Anything that stands inside a state or a machine."""


class Transition(Row[D]):
    """A candidate: the first of a state's candidates for an event whose guard holds is taken.

    `target`: a sibling ("b", "b.c"), a descendant (".c"), "#id", several at once (into regions), or None: stay.
    `reenter=True` leaves and enters the source even where the target lies inside it (SCXML: external).
    `facts`: readings of the database that this candidate's functions ask for.
    """

    def __init__(
        self,
        target: Target = None,
        *,
        when: Any = None,
        do: Any = (),
        reenter: bool = False,
        facts: Sequence[Fact[Any, Any]] = (),
        description: str = "",
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        listed = (target,) if isinstance(target, str) else tuple(target or ())
        self.targets: Fixed[tuple[str, ...]] = tuple(one for one in listed if one)
        self.guard: Fixed[Guard[Any, Any] | None] = None if when is None else guard(when)
        self.actions: Fixed[tuple[Doing, ...]] = doings(do)
        self.reenter: Fixed = reenter
        self.facts: Fixed = tuple(facts)
        self.description: Fixed = description
        self.meta: Fixed = meta


class On(Transition[D]):
    """React to an event: a typed one, or a descriptor ("name", "prefix.*", "*").

    `On(Event)` with neither target nor action forbids the event here: ancestors are not asked.
    """

    @overload
    def __init__(
        self,
        event: type[E],
        target: Target = None,
        *,
        when: When[D, E] | None = None,
        do: Do[D, E] | Sequence[Do[D, E]] = (),
        reenter: bool = False,
        facts: Sequence[Fact[D, Any]] = (),
        description: str = "",
        meta: Mapping[str, Any] | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self,
        event: str,
        target: Target = None,
        *,
        when: When[D, Occurrence] | None = None,
        do: Do[D, Occurrence] | Sequence[Do[D, Occurrence]] = (),
        reenter: bool = False,
        facts: Sequence[Fact[D, Any]] = (),
        description: str = "",
        meta: Mapping[str, Any] | None = None,
    ) -> None: ...
    def __init__(self, event: type[Event] | str, target: Target = None, **given: Any) -> None:
        super().__init__(target, **given)
        self.event: Fixed = None if isinstance(event, str) else event
        self.descriptor: Fixed = event if isinstance(event, str) else event_type(event)


class Always(Transition[D]):
    """Leave as soon as the guard holds, without an event (SCXML 3.5, eventless)."""

    def __init__(
        self,
        target: Target = None,
        *,
        when: When[D, Any] | None = None,
        do: Do[D, Any] | Sequence[Do[D, Any]] = (),
        **given: Any,
    ) -> None:
        super().__init__(target, when=when, do=do, **given)


class Timer(Row[D]):
    """Send the event of an `After` of that delay; react to it elsewhere, in an `On` that names it or in a wildcard.

    What XState does with `after: {"15": []}`.
    """

    def __init__(self, delay: timedelta | Function | None, *, id: str | None = None) -> None:
        self.delay: Fixed = delay
        self.id: Fixed = id


class After(Transition[D], Timer[D]):
    """Leave when `delay` has passed since the state was entered: fixed, a function of the data, or `at=` a time.

    A function returns a timedelta, `at=` an aware datetime; what lies in the past fires at once.
    """

    def __init__(
        self,
        delay: timedelta | Callable[[D], timedelta] | None = None,
        target: Target = None,
        *,
        at: Callable[[D], datetime] | None = None,
        when: When[D, Any] | None = None,
        do: Do[D, Any] | Sequence[Do[D, Any]] = (),
        id: str | None = None,
        **given: Any,
    ) -> None:
        Transition.__init__(self, target, when=when, do=do, **given)
        Timer.__init__(self, at if delay is None else delay, id=id)


class Done(Transition[D]):
    """React to the completion of the compound or parallel state in which the row stands, or of what is invoked.

    Guards and actions get `(data, event)`, with the final state's output or the effect's result as `event.value`.
    """

    def __init__(
        self,
        target: Target = None,
        *,
        when: When[D, Occurrence] | None = None,
        do: Do[D, Occurrence] | Sequence[Do[D, Occurrence]] = (),
        **given: Any,
    ) -> None:
        super().__init__(target, when=when, do=do, **given)


class Failed(Done[D]):
    """React to the failure of what is invoked; `event.value` describes the error."""


class Entry(Row[D]):
    """Do this whenever the state is entered."""

    def __init__(self, *do: Do[D, Any]) -> None:
        self.actions: Fixed = doings(do)


class Exit(Row[D]):
    """Do this whenever the state is left."""

    def __init__(self, *do: Do[D, Any]) -> None:
        self.actions: Fixed = doings(do)


class Initial(Row[D]):
    """Name the state's initial child, where it is not the first, and what is done when it is entered by default.

    In a parallel state, whose children are all entered, only what is done counts.
    """

    def __init__(self, target: str, *do: Do[D, Any]) -> None:
        self.target: Fixed = target
        self.actions: Fixed = doings(do)


class Invoke(Row[D]):
    """Run an effect while the state is active, and react to its completion.

    `target`, `do` and `error` are short for a `Done` and a `Failed` row; `do` takes `(data, result)`.
    `id` defaults to XState's (`<index>.<state id>`); `label` is for pictures.
    """

    def __init__(
        self,
        effect: Effect[D, R],
        *rows: str | Done[D],
        do: Callable[[D, R], D] | None = None,
        error: str | None = None,
        id: str | None = None,
        label: str = "",
    ) -> None:
        self.effect: Fixed[Effect[Any, Any]] = effect
        self.id: Fixed = id
        self.label: Fixed = label
        self.update: Fixed = do
        update = () if do is None else with_result(do)
        given = [Done(row, do=update) if isinstance(row, str) else row for row in rows]
        if do is not None and not any(isinstance(row, str) for row in rows):
            given.append(Done(do=update))
        if error is not None:
            given.append(Failed(error))
        self.done: Fixed[tuple[Done[Any], ...]] = tuple(row for row in given if not isinstance(row, Failed))
        self.failed: Fixed[tuple[Done[Any], ...]] = tuple(row for row in given if isinstance(row, Failed))


@cache
def with_result(update: Callable[[D, R], D]) -> Assign[D, Occurrence]:
    """Turn an update of `(data, result)` into one of `(data, event)`, the same one every time."""
    return Assign(lambda data, event: update(data, event.value), getattr(update, "__name__", None))


class State(Row[D]):
    """A state: compound where it holds states (the first is the initial one), else atomic (SCXML 3.3)."""

    def __init__(
        self,
        name: str,
        *rows: Row[D],
        id: str | None = None,
        tags: Sequence[str] = (),
        description: str = "",
        meta: Mapping[str, Any] | None = None,
        output: Any = None,
    ) -> None:
        self.name: Fixed = name
        self.rows: Fixed[tuple[Row[Any], ...]] = rows
        self.id: Fixed = id
        self.tags: Fixed = tuple(tags)
        self.description: Fixed = description
        self.meta: Fixed = meta
        self.output: Fixed = output

    type: Type = "state"

    def of(self, kind: builtins.type[K]) -> tuple[K, ...]:
        """Return the rows of one kind, in order."""
        return tuple(row for row in self.rows if isinstance(row, kind))


class Parallel(State[D]):
    """A state whose states (regions) are all active at once (SCXML 3.4)."""

    type: Type = "parallel"


class Final(State[D]):
    """The end of its parent (SCXML 3.7). `output` is a value, or a function of `(data)` or `(data, event)`."""

    type: Type = "final"


class History(State[D]):
    """Stands for what was active in its parent when that was last left: its children, or with `deep` its leaves.

    Where nothing was recorded yet, `default` is entered, else the parent's initial state (SCXML 3.10).
    """

    type: Type = "history"

    def __init__(self, name: str, default: Target = None, *, deep: bool = False, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self.deep: Fixed = deep
        self.default: Fixed = (default,) if isinstance(default, str) else tuple(default or ())
