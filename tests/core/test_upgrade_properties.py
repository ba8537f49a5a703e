"""Random machines, one of whose states is renamed: an upgraded instance is as if it had always been on the new version.

The edit is a bijection, so what the new machine would have come to by the same events is known exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from statemachines import Machine, MachineError
from statemachines.core.crossing import Crossing, arrive
from statemachines.core.events import NO_MOMENT, Occurrence
from statemachines.core.interpreter import start, step
from statemachines.core.snapshot import CancelTimer, SetTimer, Snapshot, Step
from statemachines.core.upgrade import Held, HeldTimer, Upgrade

from .strategies import Count, machines, runs

Rename = Callable[[str], str]


def renaming(path: str) -> Rename:
    """Return what gives a state another name, in its own path and in those of the states inside it."""

    def rename(other: str) -> str:
        return f"{path}_new{other[len(path) :]}" if other == path or other.startswith(f"{path}.") else other

    return rename


def edited(machine: Machine[Any], rename: Rename) -> Machine[Any]:
    """Return the machine with the state renamed, wherever it is named."""
    told = _state(machine.to_xstate(), "", rename)
    return Machine.from_xstate(told, data=Count, version=2, **machine.names.functions())


def _state(told: dict[str, Any], path: str, rename: Rename) -> dict[str, Any]:
    inside = {key: f"{path}.{key}" if path else key for key in told.get("states", {})}
    keys = {key: rename(below).rpartition(".")[2] for key, below in inside.items()}
    changed = {key: _value(value, keys, rename) for key, value in told.items() if key != "states"}
    if inside:
        changed["states"] = {keys[key]: _state(told["states"][key], inside[key], rename) for key in inside}
        for child in changed["states"].values():
            if child.get("type") == "history" and "target" in child:
                child["target"] = keys.get(child["target"], child["target"])
    return changed


def _value(value: Any, keys: dict[str, str], rename: Rename) -> Any:
    if isinstance(value, list):
        return [_value(one, keys, rename) for one in value]
    if isinstance(value, dict) and value.get("type") == "in":
        return {**value, "params": {"state": rename(value["params"]["state"])}}
    if isinstance(value, dict):
        return {key: _value(one, keys, rename) for key, one in value.items()}
    if isinstance(value, str):
        return f"#m.{rename(value[3:])}" if value.startswith("#m.") else keys.get(value, value)
    return value


def event(name: str, rename: Rename) -> str:
    """Rename the event of a timer or a completion, which has its state's id at the end."""
    prefix, found, path = name.partition(".m.")
    return f"{prefix}.m.{rename(path)}" if found else name


def played(machine: Machine[Any], names: Iterable[str]) -> tuple[Snapshot[Any], set[str]]:
    """Return where events lead, and the timers that are set then."""
    timers: set[str] = set()

    def kept(taken: Step[Any]) -> Snapshot[Any]:
        for command in taken.commands:
            if isinstance(command, SetTimer):
                timers.add(command.id)
            elif isinstance(command, CancelTimer):
                timers.discard(command.id)
        return taken.snapshot

    snapshot = kept(start(machine, Count()))
    for name in names:
        timers.discard(name)
        snapshot = kept(step(machine, snapshot, Occurrence(name)))
    return snapshot, timers


@settings(max_examples=40)
@given(st.data())
def test_an_upgraded_instance_is_one_of_the_new_version(data: st.DataObject) -> None:
    """Configuration, history, data and timers are those of an instance that took the same events as version 2."""
    old = data.draw(machines())
    path = data.draw(st.sampled_from([node.path for node in old.chart.nodes if node.path and node.type != "history"]))
    rename = renaming(path)
    new = edited(old, rename)
    before, after = data.draw(runs(old)), data.draw(runs(old))
    try:
        snapshot, timers = played(old, before)
        expected = played(new, [event(name, rename) for name in before])
    except MachineError:
        return  # a history state of which nothing was recorded: XState's own answer
    states = {node.path: rename(node.path) for node in old.chart.nodes if node.path}
    crossing = Crossing(Upgrade("m", 1, 2, states=states), old, new)
    waiting = [HeldTimer(name, name, name.partition(".m.")[2], was=name) for name in sorted(timers)]
    told = {"n": snapshot.data.n}
    held = crossing.take(Held(snapshot.configuration, told, snapshot.history, snapshot.status, timers=tuple(waiting)))
    taken = arrive(new, held, Count(**held.data), NO_MOMENT, always=False)
    assert new.chart.clash(new.chart.configuration(taken.snapshot.configuration).nodes) is None
    assert (taken.snapshot, {one.name for one in held.timers}) == expected
    assert taken.commands == ()
    there = taken.snapshot
    for name in after:
        try:
            snapshot = step(old, snapshot, Occurrence(name)).snapshot
        except MachineError:
            return
        there = step(new, there, Occurrence(event(name, rename))).snapshot
        assert (there.configuration, there.data) == (tuple(map(rename, snapshot.configuration)), snapshot.data)
