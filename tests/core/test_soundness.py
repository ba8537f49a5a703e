"""Held against runs: what is called impossible never happens, and every machine can be told and compared."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from statemachines import Machine
from statemachines.core.chart import Edge
from statemachines.core.comparison import compare
from statemachines.core.differences import differences, same_states
from statemachines.core.errors import DefinitionError
from statemachines.core.explanation import explain
from statemachines.core.suspicions import Suspicion, suspicions
from tests.conformance.runner import cases, read

from .strategies import Count, machines, runs
from .test_properties import steps

CASES = Path(__file__).resolve().parent.parent / "conformance" / "cases"


@st.composite
def driven(draw: st.DrawFn) -> tuple[Machine[Count], list[str]]:
    """Draw a machine and events for it; completions come by themselves, so that none comes that could not."""
    machine = draw(machines())
    return machine, [event for event in draw(runs(machine)) if not event.startswith("xstate.done.")]


@cache
def recorded() -> list[tuple[Machine[Any], dict[str, Any], list[Suspicion]]]:
    """Return the recorded cases whose machines can be built, with what is found in them."""
    found = []
    for case in cases(CASES):
        try:
            machine = read(case["config"])
        except DefinitionError:
            continue
        found.append((machine, case, suspicions(machine)))
    return found


@settings(max_examples=60)
@given(driven())
def test_what_is_called_impossible_never_happens(run: tuple[Machine[Count], list[str]]) -> None:
    """No state is entered, no transition taken, no dead end left that a finding says never is."""
    machine, events = run
    found = [(one.id, one.state, one.text) for one in suspicions(machine)]
    never = {state for id, state, _ in found if id == "W101"}
    shadowed = {text.partition(" ")[0] for id, _, text in found if id in ("W104", "W110")}
    undone = {state for id, state, _ in found if id == "W103"}
    dead = {state for id, state, _ in found if id == "W102"}
    waiting = {state for id, state, _ in found if id == "I106"}
    for taken in steps(machine, events):
        for microstep in taken.microsteps:
            plan = microstep.plan
            assert not never.intersection(plan.entered)
            assert not shadowed.intersection(map(repr, plan.edges))
            assert not any(
                edge.descriptor.startswith("xstate.done.") and edge.source.path in undone for edge in plan.edges
            )
            ended = taken.snapshot.status == "done"
            assert ended or not dead.intersection(plan.exited)
            assert not waiting.intersection(_left_alone(plan.edges))


def _left_alone(edges: tuple[Edge, ...]) -> Iterator[str]:
    """Yield the atomic states that a timer of their own takes elsewhere."""
    for edge in edges:
        if edge.descriptor.startswith("xstate.after.") and any(target is not edge.source for target in edge.targets):
            yield edge.source.path


def test_recorded_runs_enter_no_state_that_is_called_unreachable() -> None:
    """In what the real XState did, no state was ever active that a finding says is never reached."""
    for _, case, found in recorded():
        never = {one.state for one in found if one.id == "W101"}
        for record in (case["initial"], *case["steps"]):
            assert not never.intersection(record.get("configuration", ())), case["config"]


def test_a_round_that_never_rests_is_one() -> None:
    """Where a recorded machine starts in a state that is said never to rest, XState failed as well."""
    for machine, case, found in recorded():
        rounds = {one.state for one in found if one.id == "W109"}
        assert case["initial"]["status"] == "error" or not rounds.intersection(machine.start_plan.entered)


def test_every_machine_can_be_told_and_compared() -> None:
    """Each recorded machine has an explanation, and differs in nothing from itself."""
    for machine, _, _ in recorded():
        assert explain(machine).startswith("# ")
        assert differences(machine, machine) == ()


@settings(max_examples=30)
@given(machines(), machines())
def test_any_two_machines_can_be_compared(one: Machine[Count], other: Machine[Count]) -> None:
    """Each state of the one is at most one of the other, and every difference has its sentence."""
    pairs = same_states(one, other)
    assert len(set(pairs.values())) == len(pairs)
    text = compare(one, other)
    assert (differences(one, other) == ()) == ("Both versions are the same." in text)
    assert explain(one)
