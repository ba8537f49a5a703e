"""XState v5 JSON in and out: a machine's definition without its functions, which are named by id.

What JSON cannot say is told in a vocabulary of action and guard types: `raise`, `send`, `cancel`; `and`, `or`, `not`,
`in` (XState takes them as implementations by these names). Limits: `read` makes rows, `build` judges them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .definition import (
    After,
    Always,
    Done,
    Entry,
    Exit,
    Failed,
    Final,
    History,
    Initial,
    Invoke,
    On,
    Parallel,
    Row,
    State,
    Transition,
)
from .errors import DefinitionError
from .events import AnyEvent, Occurrence
from .functions import (
    Action,
    Assign,
    Cancel,
    Condition,
    Doing,
    Effect,
    Every,
    Guard,
    InState,
    Not,
    Raise,
    Send,
    Some,
)

if TYPE_CHECKING:
    from .machine import Machine

Functions = Mapping[str, Callable[..., Any]]


def read(
    config: Mapping[str, Any],
    *,
    guards: Functions | None = None,
    actions: Functions | None = None,
    delays: Functions | None = None,
    effects: Functions | None = None,
    data: Any = dict,
    version: int = 1,
) -> Machine[Any]:
    """Make a machine from XState JSON and the functions that it names.

    Functions take `(data, event, moment)` or fewer, and the JSON's `params` as keywords; `actions` are assigns or
    `@action`s, `effects` are `@effect`s or functions that become ones. Raises DefinitionError.
    """
    from .machine import Machine

    name = config.get("id", "(machine)")
    reader = _Reader(name, guards or {}, actions or {}, delays or {}, effects or {})
    rows = list(reader.rows(config))
    if reader.problems:
        raise DefinitionError(name, list(dict.fromkeys(reader.problems)))
    context = config.get("context", {})
    return Machine(
        name,
        *rows,
        data=data,
        version=version,
        initial=lambda input: copy.deepcopy(context) if input is None else input,
        parallel=config.get("type") == "parallel",
        tags=_listed(config.get("tags")),
        description=config.get("description", ""),
        meta=config.get("meta"),
        output=config.get("output"),
    )


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


class _Reader:
    """Turns JSON into rows and collects what it cannot read."""

    def __init__(self, name: str, guards: Functions, actions: Functions, delays: Functions, effects: Functions) -> None:
        self.name = name
        self.guards = guards
        self.actions = actions
        self.delays = delays
        self.effects = effects
        self.problems: list[str] = []

    def rows(self, config: Mapping[str, Any]) -> Iterator[Row[Any]]:
        """Yield the rows of a state, its states last."""
        states = config.get("states") or {}
        yield from self._initial(config, states)
        for kind, key in ((Entry, "entry"), (Exit, "exit")):
            if config.get(key):
                yield kind(*self._doings(config[key]))
        for descriptor, given in (config.get("on") or {}).items():
            yield from (On(descriptor, **fields) for fields in self._candidates(given))
        yield from (Always(**fields) for fields in self._candidates(config.get("always")))
        for delay, given in (config.get("after") or {}).items():
            yield from (After(*self._delay(delay), **fields) for fields in self._candidates(given))
        yield from (Done(**fields) for fields in self._candidates(config.get("onDone")))
        yield from (self._invoke(given) for given in _listed(config.get("invoke")))
        for key, child in states.items():
            yield self._state(key, child)

    def _initial(self, config: Mapping[str, Any], states: Mapping[str, Any]) -> Iterator[Row[Any]]:
        given = config.get("initial")
        target = given.get("target") if isinstance(given, Mapping) else given
        doings = self._doings(given.get("actions")) if isinstance(given, Mapping) else []
        entered = [key for key, child in states.items() if not _is_history(child)]
        if given is None and states and config.get("type") != "parallel":
            self.problems.append(f"a compound state needs an initial one: add initial: {next(iter(states))!r}")
        elif given is not None and (doings or [target] != entered[:1]):
            yield Initial(target, *doings)

    def _state(self, key: str, config: Mapping[str, Any]) -> State[Any]:
        common: dict[str, Any] = {"id": config.get("id")}
        if _is_history(config):
            default = config.get("target")
            return History(key, default, deep=config.get("history") == "deep", **common)
        common |= {name: config[name] for name in ("description", "meta", "output") if name in config}
        kind = {"parallel": Parallel, "final": Final}.get(config.get("type", ""), State)
        return kind(key, *self.rows(config), tags=_listed(config.get("tags")), **common)

    def _candidates(self, given: Any) -> Iterator[dict[str, Any]]:
        for one in _listed(given):
            config: Mapping[str, Any] = {"target": one} if isinstance(one, str) else one
            fields: dict[str, Any] = {
                "target": config.get("target"),
                "do": self._doings(config.get("actions")),
                "reenter": config.get("reenter", False),
                "description": config.get("description", ""),
                "meta": config.get("meta"),
            }
            if "guard" in config:
                fields["when"] = self._guard(config["guard"])
            yield fields

    def _delay(self, key: str) -> tuple[Any, ...]:
        try:
            return (timedelta(milliseconds=float(key)),)
        except ValueError:
            return (self._function(self.delays, "delay", key),)

    def _invoke(self, config: Mapping[str, Any]) -> Invoke[Any]:
        source = config["src"]
        effect = self._effect(source if isinstance(source, str) else source["type"])
        done = [Done(**fields) for fields in self._candidates(config.get("onDone"))]
        failed = [Failed(**fields) for fields in self._candidates(config.get("onError"))]
        return Invoke(effect, *done, *failed, id=config.get("id"))

    def _function(self, known: Functions, kind: str, name: str) -> Callable[..., Any]:
        try:
            return known[name]
        except KeyError:
            self.problems.append(f"the {kind} {name!r} has no function; pass {kind}s={{{name!r}: …}}")
            return lambda data: data

    def _effect(self, name: str) -> Effect[Any, Any]:
        function = self._function(self.effects, "effect", name)
        return function if isinstance(function, Effect) else Effect(function, name)

    def _doings(self, given: Any) -> list[Doing]:
        return [self._doing({"type": one} if isinstance(one, str) else one) for one in _listed(given)]

    def _doing(self, config: Mapping[str, Any]) -> Doing:
        kind, params = config["type"], config.get("params") or {}
        if kind == "raise":
            return Raise(_event(params["event"]))
        if kind == "send":
            delay = params.get("delay")
            wait = None if delay is None else self._delay(str(delay))[0]
            return Send(_event(params["event"]), wait, params.get("id"))
        if kind == "cancel":
            return Cancel(params["id"])
        if kind in self.effects:
            return self._effect(kind)
        function = self._function(self.actions, "action", kind)
        if isinstance(function, Action):
            return Action(function.function, kind, params)
        return Assign(function, kind, params)

    def _guard(self, given: Any) -> Guard[Any, Any]:
        config: Mapping[str, Any] = {"type": given} if isinstance(given, str) else given
        kind, params = config["type"], config.get("params") or {}
        match kind:
            case "not":
                return Not(self._guard(params["guard"]))
            case "and":
                return Every([self._guard(one) for one in params["guards"]])
            case "or":
                return Some([self._guard(one) for one in params["guards"]])
            case "in":
                return InState(params["state"])
        return Condition(self._function(self.guards, "guard", kind), kind, params)


def _is_history(config: Mapping[str, Any]) -> bool:
    return config.get("type") == "history" or (not config.get("type") and bool(config.get("history")))


def _event(given: Any) -> AnyEvent:
    if isinstance(given, str):
        return Occurrence(given)
    payload = {key: value for key, value in given.items() if key != "type"}
    return Occurrence(given["type"], payload or None)


def write(machine: Machine[Any]) -> dict[str, Any]:
    """Tell a machine as XState JSON; read back with the same functions it is equal."""
    return {"id": machine.name, **_state(machine)}


def _state(state: State[Any]) -> dict[str, Any]:
    return {}
