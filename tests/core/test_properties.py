"""What holds for every machine and every run of events."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from statemachines import Machine
from statemachines.core.events import Occurrence
from statemachines.core.interpreter import start, step
from statemachines.core.snapshot import Snapshot, Step

from .strategies import Count, machines, runs

few = settings(max_examples=40)  # drawing a machine takes its time


@st.composite
def driven(draw: st.DrawFn) -> tuple[Machine[Count], list[str]]:
    machine = draw(machines())
    return machine, draw(runs(machine))


def steps(machine: Machine[Count], events: list[str]) -> Iterator[Step[Count]]:
    taken = start(machine)
    yield taken
    for event in events:
        taken = step(machine, taken.snapshot, Occurrence(event))
        yield taken


@few
@given(driven())
def test_configuration_is_legal(run: tuple[Machine[Count], list[str]]) -> None:
    """Active are one child of an active compound state, all regions of a parallel one, every parent (SCXML 3.11)."""
    machine, events = run
    for taken in steps(machine, events):
        nodes = set(machine.chart.configuration(taken.snapshot.configuration).nodes)
        assert machine.chart.root in nodes
        for node in nodes:
            active = [child for child in node.children if child in nodes]
            assert node.parent is None or node.parent in nodes
            assert node.type != "history"
            assert len(active) == {"compound": 1, "parallel": len(node.regions)}.get(node.type, 0)


@few
@given(driven())
def test_a_step_is_pure(run: tuple[Machine[Count], list[str]]) -> None:
    """The same snapshot and event give an equal step, and the snapshot is left as it was."""
    machine, events = run
    for taken, event in zip(steps(machine, events), events, strict=False):
        before = copy.deepcopy(taken.snapshot)
        one, other = (step(machine, taken.snapshot, Occurrence(event)) for _ in range(2))
        assert taken.snapshot == before
        assert (one.snapshot, one.commands, one.rejection) == (other.snapshot, other.commands, other.rejection)
        assert order_of(one) == order_of(other)


@few
@given(driven())
def test_a_snapshot_is_all_that_counts(run: tuple[Machine[Count], list[str]]) -> None:
    """A snapshot that was written as JSON and read again goes on as the live one."""
    machine, events = run
    live = start(machine).snapshot
    for event in events:
        stored = msgspec.json.decode(msgspec.json.encode(live), type=Snapshot[Count])
        assert stored == live
        again = step(machine, stored, Occurrence(event))
        taken = step(machine, live, Occurrence(event))
        assert (again.snapshot, again.commands) == (taken.snapshot, taken.commands)
        live = taken.snapshot


def order_of(taken: Step[Any]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    return [(microstep.plan.exited, microstep.plan.entered) for microstep in taken.microsteps]


@few
@given(driven())
def test_exits_reverse_entries(run: tuple[Machine[Count], list[str]]) -> None:
    """In a microstep states are entered in document order and left in reverse (SCXML 3.13: enterStates, exitStates)."""
    machine, events = run
    place = {node.path: node.order for node in machine.chart.nodes}
    for taken in steps(machine, events):
        for exited, entered in order_of(taken):
            assert sorted(entered, key=place.__getitem__) == list(entered)
            assert sorted(exited, key=place.__getitem__, reverse=True) == list(exited)


@few
@given(driven())
def test_a_rejected_event_changes_nothing(run: tuple[Machine[Count], list[str]]) -> None:
    """Where a step carries a rejection, no transition that does anything was selected for its event."""
    machine, events = run
    for taken, event in zip(steps(machine, events), events, strict=False):
        following = step(machine, taken.snapshot, Occurrence(event))
        if following.rejection is not None:
            first = next(iter(following.microsteps), None)
            assert first is None or all(edge.forbids or edge.descriptor == "always" for edge in first.plan.edges)


@few
@given(driven())
def test_json_round_trip(run: tuple[Machine[Count], list[str]]) -> None:
    """A machine that was written as XState JSON and read again writes and behaves as before."""
    machine, events = run
    written = json.loads(json.dumps(machine.to_xstate()))
    again = Machine.from_xstate(written, **machine.names.functions(), data=Count)
    assert again.to_xstate() == written
    for ours, theirs in zip(steps(machine, events), steps(again, events), strict=True):
        assert (ours.snapshot, ours.commands) == (theirs.snapshot, theirs.commands)
        assert order_of(ours) == order_of(theirs)
