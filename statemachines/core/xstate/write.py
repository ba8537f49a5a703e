"""A machine to XState v5 JSON.

Limits: JSON has no place for the types of data, nor for events that only a wildcard takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from statemachines.core.definition import (
    After,
    Always,
    Done,
    Entry,
    Exit,
    History,
    Initial,
    Invoke,
    On,
    State,
    Timer,
    Transition,
)
from statemachines.core.delays import delay_id, key_order, milliseconds
from statemachines.core.events import AnyEvent, Event
from statemachines.core.functions import (
    Cancel,
    Condition,
    Doing,
    Every,
    Function,
    Guard,
    InState,
    Named,
    Not,
    Raise,
    Send,
    Some,
    named,
)

from .read import Context

if TYPE_CHECKING:
    from statemachines.core.machine import Machine

Json = dict[str, Any]


def write(machine: Machine[Any]) -> Json:
    """Tell a machine as XState JSON; what is read from it with the same functions behaves and writes the same."""
    head = {"id": machine.name, "version": str(machine.version)}
    if isinstance(machine.initial, Context):
        head["context"] = machine.initial.value
    return {**head, **_state(machine)}


def _state(state: State[Any]) -> Json:
    if isinstance(state, History):
        return _history(state)
    written = {
        "id": state.id,
        "type": None if state.type == "state" else state.type,
        "description": state.description,
        "tags": list(state.tags),
        "meta": state.meta,
        "initial": _initial(state),
        "entry": _doings(doing for row in state.of(Entry) for doing in row.actions),
        "exit": _doings(doing for row in state.of(Exit) for doing in row.actions),
        "on": _on(state),
        "always": _candidates(state.of(Always)),
        "after": _after(state),
        "onDone": _candidates(state.of(Done)),
        "invoke": _one_or_all([_invoke(row) for row in state.of(Invoke)]),
        "states": {child.name: _state(child) for child in state.of(State)},
    }
    return {**_filled(written), **_output(state)}


def _filled(written: Json) -> Json:
    """Leave out what says nothing."""
    return {key: value for key, value in written.items() if value not in (None, "", [], {}, False)}


def _one_or_all(items: Sequence[Any]) -> Any:
    return items[0] if len(items) == 1 else list(items)


def _history(state: History[Any]) -> Json:
    kind = "deep" if state.deep else "shallow"
    return {"type": "history", "history": kind, **_filled({"id": state.id, "target": _one_or_all(state.default)})}


def _initial(state: State[Any]) -> Json | str | None:
    for row in state.of(Initial):
        return {"target": row.target, "actions": _doings(row.actions)} if row.actions else row.target
    if state.type != "state":
        return None
    return next((child.name for child in state.of(State) if not isinstance(child, History)), None)


def _output(state: State[Any]) -> Json:
    if state.output is None:
        return {}
    if callable(state.output) or isinstance(state.output, Named):
        return {"outputFunction": named(state.output).id}
    return {"output": msgspec.to_builtins(state.output)}


def _on(state: State[Any]) -> Json:
    rows: dict[str, list[On[Any]]] = {}
    for row in state.of(On):
        rows.setdefault(row.descriptor, []).append(row)
    return {descriptor: _candidates(rows[descriptor]) for descriptor in sorted(rows, key=key_order)}


def _after(state: State[Any]) -> Json:
    rows: dict[str, list[After[Any]]] = {delay_id(row): [] for row in state.of(Timer)}
    for row in state.of(After):
        rows.setdefault(delay_id(row), []).append(row)
    return {id: _candidates(rows[id]) for id in sorted(rows, key=key_order)}


def _invoke(row: Invoke[Any]) -> Json:
    told = {"id": row.id, "label": row.label, "onDone": _candidates(row.done), "onError": _candidates(row.failed)}
    return {"src": row.effect.id, **_filled(told)}


def _candidates(rows: Sequence[Transition[Any]]) -> Any:
    told = [_transition(row) for row in rows]
    return told if told == [{}] else _one_or_all(told)  # an empty one says something: it hides ancestors' transitions


def _transition(row: Transition[Any]) -> Json:
    return _filled(
        {
            "target": _one_or_all(row.targets),
            "guard": None if row.guard is None else _guard(row.guard),
            "actions": _doings(row.actions),
            "reenter": row.reenter,
            "facts": [fact.id for fact in row.facts],
            "description": row.description,
            "meta": row.meta,
        }
    )


def _call(function: Named) -> Json:
    return {"type": function.id, **_filled({"params": dict(function.params)})}


def _doings(doings: Iterable[Doing]) -> list[Json]:
    return [_doing(doing) for doing in doings]


def _doing(doing: Doing) -> Json:
    match doing:
        case Raise():
            return {"type": "raise", "params": _event(doing.event)}
        case Send():
            told = {**_event(doing.event), **_filled({"id": doing.id})}
            if doing.delay is not None:
                told["delay"] = _delay(doing.delay)
            return {"type": "send", "params": told}
        case Cancel():
            return {"type": "cancel", "params": {"id": doing.id}}
    return _call(doing)


def _delay(delay: timedelta | Function | Named) -> float | str:
    if not isinstance(delay, timedelta):
        return named(delay).id
    number = float(milliseconds(delay))
    return int(number) if number.is_integer() else number


def _event(event: AnyEvent | Function | Named) -> Json:
    if isinstance(event, Event):
        return {"event": msgspec.to_builtins(event)}
    if callable(event) or isinstance(event, Named):
        return {"maker": named(event).id}
    value = msgspec.to_builtins(event.value)
    payload = value if isinstance(value, dict) else {} if value is None else {"output": value}
    return {"event": {"type": event.type, **payload}}


def _guard(guard: Guard[Any, Any]) -> Json:
    match guard:
        case Not():
            return {"type": "not", "params": {"guard": _guard(guard.guard)}}
        case Every():
            return {"type": "and", "params": {"guards": [_guard(one) for one in guard.guards]}}
        case Some():
            return {"type": "or", "params": {"guards": [_guard(one) for one in guard.guards]}}
        case InState():
            return {"type": "in", "params": {"state": guard.state}}
        case Condition():
            return _call(guard)
    raise TypeError(f"{guard!r} is no guard")
