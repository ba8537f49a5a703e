"""`read` and `write`: XState JSON in and out."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from statemachines import Always, DefinitionError, Machine, On, State, assign, raise_
from statemachines.core.definition import Timer
from statemachines.core.events import Occurrence
from statemachines.core.interpreter import start, step
from statemachines.core.snapshot import SetTimer

from .example import Accepted, Order, Paused, PickedUp, Rejected, Resumed, order

EVENTS = (Accepted, Rejected, Paused, Resumed, PickedUp)


def again(written: dict[str, Any], **given: Any) -> Machine[Any]:
    return Machine.from_xstate(written, **order.names.functions(), data=Order, **given)


def test_round_trip() -> None:
    """A machine that uses every kind of row writes the same after it was read, with its event classes or without."""
    written = json.loads(json.dumps(order.to_xstate()))
    assert again(written).to_xstate() == written
    assert again(written, events=EVENTS).to_xstate() == written


def test_read_machine_behaves_the_same() -> None:
    """A machine that was read runs as the one that was written, typed events included."""
    read = again(order.to_xstate(), events=EVENTS)
    assert (read.version, read.events) == (order.version, order.events)
    ours, theirs = start(order, Order()), start(read, Order())
    for event in (Accepted(prep_minutes=5), Occurrence("xstate.done.actor.charge", "r1"), PickedUp()):
        ours, theirs = step(order, ours.snapshot, event), step(read, theirs.snapshot, event)
        assert theirs.snapshot == ours.snapshot
        assert [repr(one) for one in theirs.commands] == [repr(one) for one in ours.commands]
    assert ours.snapshot.data == Order(minutes=5, receipt="r1")
    assert ours.snapshot.status == "done"


def test_functions_that_are_missing_are_all_told() -> None:
    """Every function that the JSON names and nobody gives is told at once, with the keyword to pass it by."""
    config = {"id": "m", "initial": "a", "states": {"a": {"entry": "x", "always": {"guard": "y", "target": "a"}}}}
    with pytest.raises(DefinitionError) as caught:
        Machine.from_xstate(config)
    assert caught.value.problems == (
        "the action 'x' has no function; pass actions={'x': …}",
        "the guard 'y' has no function; pass guards={'y': …}",
    )


def test_a_compound_state_names_its_initial_one() -> None:
    """XState JSON without `initial` is refused, with the key to add."""
    with pytest.raises(DefinitionError, match="add initial: 'b'"):
        Machine.from_xstate({"states": {"b": {}}})


def test_context_is_the_default_data() -> None:
    """`context` makes new data for each instance that gets no input, and is written back."""
    machine = Machine.from_xstate({"id": "m", "context": {"list": []}})
    first = start(machine).snapshot.data
    first["list"].append(1)
    assert start(machine).snapshot.data == {"list": []}
    assert start(machine, {"n": 1}).snapshot.data == {"n": 1}
    assert machine.to_xstate() == {"id": "m", "version": "1", "context": {"list": []}}


def test_keys_come_in_javascript_order() -> None:
    """States whose keys are array indexes come first, ascending, as in a JavaScript object."""
    config = {"id": "m", "initial": "b", "states": {"b": {}, "10": {}, "9": {}}}
    assert [node.key for node in Machine.from_xstate(config).chart.nodes] == ["m", "9", "10", "b"]


def test_a_timer_without_transitions_is_set() -> None:
    """`after: {"15": []}` sets a timer that only others react to."""
    machine = Machine.from_xstate({"id": "m", "initial": "a", "states": {"a": {"after": {"15": []}}}})
    (command,) = start(machine).commands
    assert isinstance(command, SetTimer)
    assert (command.id, command.delay) == ("xstate.after.15.m.a", timedelta(milliseconds=15))
    assert machine.to_xstate()["states"]["a"]["after"] == {"15": []}
    assert Machine("m", State("a", Timer(timedelta(milliseconds=15)))).to_xstate() == machine.to_xstate()


def test_on_done_takes_the_place_of_on() -> None:
    """Where `on` names the completion that `onDone` reacts to, `onDone` counts, even an empty one."""
    child = {"initial": "f", "states": {"f": {"type": "final"}}, "on": {"xstate.done.state.m.a": "b"}}
    config = {"id": "m", "initial": "a", "states": {"a": {**child, "onDone": []}, "b": {}}}
    assert start(Machine.from_xstate(config)).snapshot.configuration == ("a", "a.f")


def test_an_empty_transition_is_told() -> None:
    """A transition that does nothing hides its ancestors' and is written as such."""
    machine = Machine("m", State("a", On("e"), Always()))
    assert machine.to_xstate()["states"]["a"] == {"on": {"e": [{}]}, "always": [{}]}


@pytest.mark.parametrize("payload", [None, 3, {"k": 1}, [1]])
def test_payload_of_a_raised_event(payload: Any) -> None:
    """The payload of a raised event comes back as it was."""
    machine = Machine("m", State("a", On("e", do=raise_(Occurrence("f", payload)))))
    read = Machine.from_xstate(machine.to_xstate())
    (edge,) = read.chart.by_path["a"].edges["e"]
    (raised,) = edge.row.actions
    assert raised.event == Occurrence("f", payload)  # type: ignore[union-attr]


def test_params_become_keywords() -> None:
    """Functions get the JSON's `params` by keyword."""

    def add(data: dict[str, int], *, by: int) -> dict[str, int]:
        return {"n": data["n"] + by}

    config = {"id": "m", "context": {"n": 1}, "on": {"e": {"actions": {"type": "add", "params": {"by": 2}}}}}
    for functions in ({"add": add}, {"add": assign(add)}):
        machine = Machine.from_xstate(config, actions=functions)
        assert step(machine, start(machine).snapshot, Occurrence("e")).snapshot.data == {"n": 3}
