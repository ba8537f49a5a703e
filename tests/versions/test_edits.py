"""Random machines and random edits: states that are added, removed or moved, timers that change, come or go.

The mapping is built from the edit, and what is promised of an instance's timers is worked out from both definitions.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, NamedTuple

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from statemachines import Machine, MachineError
from statemachines.core.chart import Chart, Node
from statemachines.core.crossing import Crossing, arrive
from statemachines.core.errors import UpgradeError
from statemachines.core.events import NO_MOMENT, Occurrence
from statemachines.core.interpreter import start, step
from statemachines.core.snapshot import CancelTimer, SetTimer, Snapshot, Step
from statemachines.core.upgrade import Held, HeldTimer, Upgrade
from tests.core.strategies import Count, machines, runs

Told = dict[str, Any]


class Edit(NamedTuple):
    """A new definition, what becomes of states, and of events that are meant the same in both; None: of no others."""

    told: Told
    states: dict[str, str]
    events: dict[str, str] | None


def below(told: Told, path: str) -> Told:
    """Return the definition of a state."""
    for key in filter(None, path.split(".")):
        told = told["states"][key]
    return told


def above(path: str) -> str:
    return path.rpartition(".")[0]


def atomic(old: Machine[Any]) -> list[str]:
    """Return the leaves that may go: another state that does not end its parent stands beside them."""
    leaves = [
        node for node in old.chart.nodes if node.type == "atomic" and node.parent and node.parent.type != "parallel"
    ]
    return [leaf.path for leaf in leaves if beside(leaf)]


def beside(leaf: Node) -> list[str]:
    assert leaf.parent is not None
    return [one.path for one in leaf.parent.children if one is not leaf and one.type not in ("final", "history")]


def pointed(value: Any, gone: str, image: str) -> Any:
    """Have everything that names a state name its image."""
    if isinstance(value, dict) and value.get("type") == "in":
        state = value["params"]["state"]
        return {**value, "params": {"state": image if state == gone else state}}
    if isinstance(value, dict):
        return {key: pointed(one, gone, image) for key, one in value.items()}
    if isinstance(value, list):
        return [pointed(one, gone, image) for one in value]
    return f"#m.{image}" if value == f"#m.{gone}" else value


def taken_out(told: Told, gone: str, stand_in: str) -> Told:
    """Take a leaf out of its parent, in which another now comes first."""
    parent, key, other = below(told, above(gone)), gone.rpartition(".")[2], stand_in.rpartition(".")[2]
    state: Told = parent["states"].pop(key)
    parent["initial"] = other if parent.get("initial") == key else parent.get("initial")
    for child in parent["states"].values():
        if child.get("type") == "history" and child.get("target") == key:
            child["target"] = other
    return state


@st.composite
def edits(draw: st.DrawFn, old: Machine[Any]) -> Edit:
    kinds = {"added": _added, "removed": _removed, "moved": _moved, "timer": _timer}
    return kinds[draw(st.sampled_from(sorted(kinds)))](draw, old, deepcopy(old.to_xstate()))


def _added(draw: st.DrawFn, old: Machine[Any], told: Told) -> Edit:
    holders = [node.path for node in old.chart.nodes if node.type == "compound"]
    holder, paths = draw(st.sampled_from(holders)), [node.path for node in old.chart.nodes if node.path]
    target = f"#m.{draw(st.sampled_from(paths))}"
    below(told, holder)["states"]["fresh"] = {
        "on": {"leave": {"target": target}},
        "after": {"9000": {"target": target}},
    }
    told.setdefault("on", {})["enter"] = {"target": f"#m.{holder}.fresh" if holder else "#m.fresh"}
    return Edit(told, {}, {})


def _removed(draw: st.DrawFn, old: Machine[Any], told: Told) -> Edit:
    leaves = atomic(old)
    assume(leaves)
    gone = draw(st.sampled_from(leaves))
    image = draw(st.sampled_from(beside(old.chart.by_path[gone])))
    taken_out(told, gone, image)
    return Edit(pointed(told, gone, image), {gone: image}, None)


def _moved(draw: st.DrawFn, old: Machine[Any], told: Told) -> Edit:
    leaves = atomic(old)
    assume(leaves)
    gone = draw(st.sampled_from(leaves))
    leaf = old.chart.by_path[gone]
    holders = [node.path for node in old.chart.nodes if node.type == "compound" and node is not leaf.parent]
    assume(holders)
    holder = draw(st.sampled_from(holders))
    image = f"{holder}.moved" if holder else "moved"
    below(told, holder)["states"]["moved"] = taken_out(told, gone, beside(leaf)[0])
    return Edit(pointed(told, gone, image), {gone: image}, None)


def _timer(draw: st.DrawFn, old: Machine[Any], told: Told) -> Edit:
    """Give a state's timer another length, take it away, or give a state one that had none."""
    nodes = [node for node in old.chart.nodes if node.path and node.type in ("atomic", "compound", "parallel")]
    node = draw(st.sampled_from(nodes))
    state = below(told, node.path)
    if "after" not in state:
        state["after"] = {"9000": {"target": f"#m.{node.path}"}}
        return Edit(told, {}, {})
    ((_, rows),) = state.pop("after").items()
    if draw(st.booleans()):
        return Edit(told, {}, {node.delays[0].event: ""})
    state["after"] = {"9000": rows}
    return Edit(told, {}, {node.delays[0].event: f"xstate.after.9000.m.{node.path}"})


# instances


class Played:
    """An instance: its snapshot, and the timers that are set."""

    def __init__(self, machine: Machine[Any], snapshot: Snapshot[Any], timers: set[str]) -> None:
        self.machine, self.snapshot, self.timers = machine, snapshot, timers

    def take(self, taken: Step[Any]) -> None:
        for command in taken.commands:
            if isinstance(command, SetTimer):
                self.timers.add(command.id)
            elif isinstance(command, CancelTimer):
                self.timers.discard(command.id)
        self.snapshot = taken.snapshot

    def send(self, name: str) -> None:
        self.timers.discard(name)
        self.take(step(self.machine, self.snapshot, Occurrence(name)))

    @property
    def active(self) -> frozenset[Node]:
        return self.machine.chart.configuration(self.snapshot.configuration).active


def begun(machine: Machine[Any], names: list[str]) -> Played:
    first = start(machine, Count())
    played = Played(machine, first.snapshot, set())
    played.take(first)
    for name in names:
        played.send(name)
    return played


def upgraded(crossing: Crossing, old: Played) -> Played:
    waiting = tuple(HeldTimer(name, name, name.partition(".m.")[2], was=name) for name in sorted(old.timers))
    snapshot = old.snapshot
    given = Held(snapshot.configuration, {"n": snapshot.data.n}, snapshot.history, snapshot.status, timers=waiting)
    held = crossing.take(given)
    arrived = arrive(crossing.new, held, Count(**held.data), NO_MOMENT, always=False)
    played = Played(crossing.new, arrived.snapshot, {one.name for one in held.timers if one.was})
    played.take(arrived)
    return played


def promised(old: Played, new: Chart, states: dict[str, str], active: frozenset[Node]) -> set[str]:
    """Return the timers that are set afterwards: those of states that go on as they were, and those that are new."""
    goes_on = {
        new.by_path[path]: node for node in old.active if (path := states.get(node.path, node.path)) in new.by_path
    }
    found = set()
    for node in active:
        for delay in node.delays:
            before = goes_on[node].delays if node in goes_on else ()
            if not before or before[0].event in old.timers:
                found.add(delay.event)
    return found


def unlawful(active: frozenset[Node]) -> Iterator[str]:
    """Yield what is wrong with a configuration."""
    for node in active:
        inside = [child for child in node.children if child.type != "history"]
        count = sum(child in active for child in inside)
        if node.parent is not None and node.parent not in active:
            yield f"{node.path} without what holds it"
        if (node.type == "compound" and count != 1) or (node.type == "parallel" and count != len(inside)):
            yield f"{node.path} with {count} of {len(inside)}"


def unordered(snapshot: Snapshot[Any]) -> Snapshot[Any]:
    """Return it without the order of entry, which an upgrade does not keep."""
    history = {path: tuple(sorted(paths)) for path, paths in snapshot.history.items()}
    return replace(snapshot, configuration=tuple(sorted(snapshot.configuration)), history=history)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_after_any_edit_an_instance_is_one_of_the_new_version(data: st.DataObject) -> None:
    """It is legal, in the images of where it was, with the timers that are promised, and goes on as is defined now."""
    old = data.draw(machines())
    edit = data.draw(edits(old))
    new: Machine[Any] = Machine.from_xstate(edit.told, data=Count, version=2, **old.names.functions())
    try:
        crossing = Crossing(Upgrade("m", 1, 2, states=edit.states), old, new)
        was = begun(old, data.draw(runs(old)))
    except (UpgradeError, MachineError):
        return  # it was moved out of its region, or what remembers it; a history state without a memory
    now = upgraded(crossing, was)
    assert not list(unlawful(now.active))
    images = {edit.states.get(leaf, leaf) for leaf in old.chart.configuration(was.snapshot.configuration).leaves}
    assert images <= {node.path for node in now.active}
    assert now.snapshot.data == was.snapshot.data
    if was.snapshot.status == "active":
        assert now.timers == promised(was, new.chart, edit.states, now.active)
    for name in data.draw(runs(new if edit.events is None else old)):
        goes = name if edit.events is None else edit.events.get(name, name)
        if not goes:
            break  # the timer that is gone
        try:
            now.send(goes)
            if edit.events is not None:
                was.send(name)
        except MachineError:
            break
        assert not list(unlawful(now.active))
        assert now.timers <= {delay.event for node in now.active for delay in node.delays}
        if edit.events is not None:
            assert now.snapshot == was.snapshot
