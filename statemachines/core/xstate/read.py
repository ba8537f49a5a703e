"""XState v5 JSON to a machine. Limits: makes rows, as XState understands the JSON; `build` judges them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from statemachines.core.definition import (
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
    Timer,
)
from statemachines.core.delays import key_order
from statemachines.core.errors import DefinitionError
from statemachines.core.events import AnyEvent, Event, Occurrence, done_state, event_type
from statemachines.core.functions import (
    Action,
    Assign,
    Cancel,
    Condition,
    Doing,
    Effect,
    Every,
    Fact,
    Guard,
    InState,
    Named,
    Not,
    Raise,
    Send,
    Some,
)

if TYPE_CHECKING:
    from statemachines.core.machine import Machine

Json = Mapping[str, Any]
Functions = Mapping[str, Any]
"""Functions by id, as such or as a machine's `names` hold them."""


def read(
    config: Json,
    *,
    guards: Functions | None = None,
    actions: Functions | None = None,
    delays: Functions | None = None,
    effects: Functions | None = None,
    facts: Functions | None = None,
    makers: Functions | None = None,
    outputs: Functions | None = None,
    events: Sequence[type[Event]] = (),
    data: Any = dict,
    version: int | None = None,
) -> Machine[Any]:
    """Make a machine from XState JSON and the functions that it names.

    Functions take `(data, event, moment)` or fewer, and the JSON's `params` as keywords; `actions` are assigns or
    `@action`s, `effects` are `@effect`s or functions that become ones, `makers` make the events of `raise` and `send`.
    `version` defaults to the JSON's own, else 1. Raises DefinitionError.
    """
    from statemachines.core.machine import Machine

    known = {
        "guard": guards,
        "action": actions,
        "delay": delays,
        "effect": effects,
        "fact": facts,
        "maker": makers,
        "output": outputs,
    }
    name = config.get("id") or "(machine)"
    reader = _Reader(name, {kind: given or {} for kind, given in known.items()}, events)
    rows = list(reader.rows(config, name))
    common = reader.common(config)
    if reader.problems:
        raise DefinitionError(name, list(dict.fromkeys(reader.problems)))
    own = str(config.get("version", ""))
    return Machine(
        name,
        *rows,
        data=data,
        version=version or (int(own) if own.isdecimal() else 1),
        initial=Context(config["context"]) if "context" in config else None,
        parallel=config.get("type") == "parallel",
        events=events,
        **common,
    )


class Context:
    """Makes the initial data of a machine that was read: the input, else a copy of the JSON's `context`."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, input: Any) -> Any:
        return copy.deepcopy(self.value) if input is None else input


class _Reader:
    """Turns JSON into rows and collects what it cannot read."""

    def __init__(self, name: str, known: Mapping[str, Functions], events: Sequence[type[Event]]) -> None:
        self.name = name
        self.known = known
        self.events = {event_type(event): event for event in events}
        self.problems: list[str] = []

    def rows(self, config: Json, id: str, path: str = "") -> Iterator[Row[Any]]:
        """Yield the rows of a state, its states last."""
        yield from self._initial(config)
        for kind, key in ((Entry, "entry"), (Exit, "exit")):
            if config.get(key):
                yield kind(*self._doings(config[key]))
        for descriptor, given in _ordered(config.get("on")):
            if descriptor != done_state(id) or config.get("onDone") is None:  # XState: onDone takes its place
                event = self.events.get(descriptor, descriptor)
                yield from (On(event, **fields) for fields in self._candidates(given))
        yield from (Always(**fields) for fields in self._candidates(config.get("always")))
        for key, given in _ordered(config.get("after")):
            yield from self._after(key, given)
        yield from (Done(**fields) for fields in self._candidates(config.get("onDone")))
        yield from (self._invoke(given) for given in _listed(config.get("invoke")))
        for key, child in _ordered(config.get("states")):
            yield self._state(key, child, f"{path}.{key}" if path else key)

    def common(self, config: Json) -> dict[str, Any]:
        """Return what all states and the machine take as keywords."""
        found = {name: config[name] for name in ("description", "meta", "output") if name in config}
        if "outputFunction" in config:
            found["output"] = self._named("output", config["outputFunction"])
        return {"tags": _listed(config.get("tags")), **found}

    def _initial(self, config: Json) -> Iterator[Row[Any]]:
        given = config.get("initial")
        states = [key for key, _ in _ordered(config.get("states"))]
        target = given.get("target") if isinstance(given, Mapping) else given
        doings = self._doings(given.get("actions")) if isinstance(given, Mapping) else []
        entered = [key for key in states if _type(config["states"][key]) != "history"]
        if not given and _type(config) == "compound":
            self.problems.append(f"a compound state needs an initial one: add initial: {states[0]!r}")
        elif given and (doings or [target] != entered[:1]):
            yield Initial(str(target), *doings)

    def _state(self, key: str, config: Json, path: str) -> State[Any]:
        given = config.get("id")
        kind = _type(config)
        if kind == "history":
            return History(key, config.get("target"), deep=config.get("history") == "deep", id=given)
        rows = self.rows(config, given or f"{self.name}.{path}", path)
        made = {"parallel": Parallel, "final": Final}.get(kind, State)
        return made(key, *rows, id=given, **self.common(config))

    def _candidates(self, given: Any) -> Iterator[dict[str, Any]]:
        for one in _listed(given):
            config: Json = {"target": one} if isinstance(one, str) else one
            yield {
                "target": config.get("target"),
                "when": self._guard(config["guard"]) if "guard" in config else None,
                "do": self._doings(config.get("actions")),
                "reenter": config.get("reenter", False),
                "facts": [self._fact(name) for name in config.get("facts", ())],
                "description": config.get("description", ""),
                "meta": config.get("meta"),
            }

    def _after(self, key: str, given: Any) -> Iterator[Row[Any]]:
        delay, id = self._delay(key)
        candidates = list(self._candidates(given))
        if not candidates:
            yield Timer(delay, id=id)
        yield from (After(delay, id=id, **fields) for fields in candidates)

    def _delay(self, key: str) -> tuple[Any, str | None]:
        """Return a delay and the id that it needs where it is a function."""
        try:
            return timedelta(milliseconds=float(key)), None
        except ValueError:
            return self._named("delay", key).function, key

    def _invoke(self, config: Json) -> Invoke[Any]:
        source = config["src"]
        effect = self._effect(source if isinstance(source, str) else source["type"])
        done = [Done(**fields) for fields in self._candidates(config.get("onDone"))]
        failed = [Failed(**fields) for fields in self._candidates(config.get("onError"))]
        return Invoke(effect, *done, *failed, id=config.get("id"), label=config.get("label", ""))

    def _find(self, kind: str, name: str) -> Any:
        try:
            return self.known[kind][name]
        except KeyError:
            self.problems.append(f"the {kind} {name!r} has no function; pass {kind}s={{{name!r}: …}}")
            return _missing

    def _named(self, kind: str, name: str) -> Named:
        return Named(_function(self._find(kind, name)), name)

    def _fact(self, name: str) -> Fact[Any, Any]:
        return Fact(_function(self._find("fact", name)), name)

    def _effect(self, name: str) -> Effect[Any, Any]:
        found = self._find("effect", name)
        return found if isinstance(found, Effect) else Effect(found, name)

    def _doings(self, given: Any) -> list[Doing]:
        return [self._doing({"type": one} if isinstance(one, str) else one) for one in _listed(given)]

    def _doing(self, config: Json) -> Doing:
        kind, params = config["type"], config.get("params") or {}
        if kind == "raise":
            return Raise(self._event(params))
        if kind == "send":
            delay = params.get("delay")
            wait = None if delay is None else self._delay(str(delay))
            return Send(self._event(params), wait and (Named(*wait) if wait[1] else wait[0]), params.get("id"))
        if kind == "cancel":
            return Cancel(params["id"])
        if kind in self.known["effect"]:
            return self._effect(kind)
        found = self._find("action", kind)
        return (Action if isinstance(found, Action) else Assign)(_function(found), kind, params)

    def _event(self, params: Json) -> AnyEvent | Named:
        if "maker" in params:
            return self._named("maker", params["maker"])
        given = params["event"]
        if isinstance(given, str):
            return Occurrence(given)
        if given["type"] in self.events:
            made: Event = msgspec.convert(given, self.events[given["type"]])
            return made
        payload = {key: value for key, value in given.items() if key != "type"}
        output = payload.get("output")
        only_output = payload.keys() == {"output"} and not isinstance(output, dict)
        return Occurrence(given["type"], output if only_output else payload or None)

    def _guard(self, given: Any) -> Guard[Any, Any]:
        config: Json = {"type": given} if isinstance(given, str) else given
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
        return Condition(_function(self._find("guard", kind)), kind, params)


def _missing(data: Any) -> Any:
    raise NotImplementedError  # it only stands where a problem was told


def _function(found: Any) -> Callable[..., Any]:
    function: Callable[..., Any] = found.function if isinstance(found, Named) else found
    return function


def _listed(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _ordered(value: Json | None) -> list[tuple[str, Any]]:
    """Return the items of a JSON object in JavaScript's order of keys."""
    return sorted((value or {}).items(), key=lambda item: key_order(item[0]))


def _type(config: Json) -> str:
    if config.get("type"):
        return str(config["type"])
    return "compound" if config.get("states") else "history" if config.get("history") else "atomic"
