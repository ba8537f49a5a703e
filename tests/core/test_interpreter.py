"""`start` and `step`: what a macrostep does, asks for, and how it fails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from statemachines import (
    After,
    Always,
    Done,
    Entry,
    Event,
    Exit,
    Failed,
    Final,
    History,
    Invoke,
    Machine,
    MachineError,
    Moment,
    Occurrence,
    On,
    Parallel,
    Refuse,
    State,
    action,
    assign,
    cancel,
    effect,
    fact,
    raise_,
    send,
)
from statemachines.core.events import Completion
from statemachines.core.interpreter import MAX_MICROSTEPS, start, step
from statemachines.core.snapshot import (
    CancelTimer,
    RunAction,
    SendEvent,
    SetTimer,
    Snapshot,
    StartEffect,
    Step,
    StopEffect,
)

Data = dict[str, Any]


class Told(Event):
    text: str


@effect
def mail(data: Data) -> str:
    raise NotImplementedError


@action
def write(data: Data) -> None:
    raise NotImplementedError


@fact
def stock(data: Data) -> int:
    raise NotImplementedError


def keep(data: Data, event: Told) -> Data:
    return {**data, "text": event.text}


def note(word: str) -> Any:
    def noted(data: Data) -> Data:
        return {**data, "notes": [*data.get("notes", []), word]}

    return assign(noted, id=f"note_{word}")


def broken(data: Data) -> Any:
    raise KeyError("missing")


def refusing(data: Data) -> Any:
    raise Refuse("closed", "The kitchen is closed.")


def sent(machine: Machine[Data], *events: Event | str) -> Step[Data]:
    """Send events one after the other; return the last step."""
    taken = start(machine)
    for event in events:
        taken = step(machine, taken.snapshot, Occurrence(event) if isinstance(event, str) else event)
    return taken


@pytest.mark.parametrize(
    ("row", "function", "state"),
    [
        (On("x", when=broken), "guard broken", "a"),
        (On("x", do=broken), "broken", "a"),
        (On("x", do=raise_(broken)), "raise broken", "a"),
        (On("x", do=send("y", delay=broken)), "send y after broken", "a"),
        (On("x", "b"), "broken", "b"),
    ],
)
def test_a_bug_is_told_with_its_place(row: Any, function: str, state: str) -> None:
    """An exception in a machine's function is a MachineError that names machine, state and function."""
    machine = Machine("m", State("a", row), State("b", Entry(broken)))
    with pytest.raises(MachineError) as caught:
        sent(machine, "x")
    error = caught.value
    assert (error.machine, error.state, error.function) == ("m", state, function)
    assert str(error) == f"Machine 'm', state {state!r}, {function}: raised KeyError('missing')"


@pytest.mark.parametrize("row", [On("x", when=refusing), On("x", do=refusing), On("x", "b")])
def test_a_refusal_passes(row: Any) -> None:
    """`Refuse` comes out of guards and actions as it was raised."""
    with pytest.raises(Refuse, match="The kitchen is closed"):
        sent(Machine("m", State("a", row), State("b", Entry(refusing))), "x")


def test_a_failed_step_changes_nothing() -> None:
    """After an error the snapshot is what it was."""
    before = start(Machine("m", State("a", On("x", do=[note("one"), broken])))).snapshot
    with pytest.raises(MachineError):
        step(Machine("m", State("a", On("x", do=[note("one"), broken]))), before, Occurrence("x"))
    assert before == Snapshot(("a",), {})


def test_a_delay_must_be_a_time() -> None:
    """A delay's function that returns a naive datetime, or no time at all, is told by its name."""
    for wrong in (datetime(2030, 1, 1), 3):

        def delay(data: Data, wrong: Any = wrong) -> Any:
            return wrong

        with pytest.raises(MachineError, match=r"after\.delay.*: a delay must be a timedelta or an aware datetime"):
            start(Machine("m", State("a", After(delay, "a"))))


def test_an_endless_loop_is_named() -> None:
    """A macrostep that never rests is told with the transitions that go round."""
    machine = Machine("m", State("a", On("x", "b")), State("b", Always("c")), State("c", Always("b")))
    with pytest.raises(MachineError) as caught:
        sent(machine, "x")
    assert caught.value.problem == (
        f"never rests: after {MAX_MICROSTEPS} microsteps it still takes b|always|0, c|always|0. "
        "Give one of them a guard."
    )


def test_order_of_a_microstep() -> None:
    """Exit, transition and entry actions run in this order, each with the data of the one before."""
    machine = Machine("m", State("a", Exit(note("out")), On("x", "b", do=note("on"))), State("b", Entry(note("in"))))
    assert sent(machine, "x").snapshot.data == {"notes": ["out", "on", "in"]}


def test_raised_events_wait_in_line() -> None:
    """A raised event is handled within the macrostep, after eventless transitions and in the order of raising."""
    machine = Machine(
        "m",
        State("a", On("x", "b", do=[raise_("one"), raise_("two")])),
        State("b", Always("c", do=note("always"))),
        State("c", On("one", do=note("one")), On("two", do=note("two"))),
    )
    assert sent(machine, "x").snapshot.data == {"notes": ["always", "one", "two"]}


def test_an_eventless_transition_that_changes_nothing_runs_once() -> None:
    """An eventless transition without effect on the snapshot is not asked again; one that invokes anew is."""
    quiet = Machine("m", State("a", Always(do=write)))
    assert len(start(quiet).commands) == 1
    loud = Machine("m", State("a", Invoke(mail), Always("a", reenter=True)))
    with pytest.raises(MachineError, match="never rests"):
        start(loud)


def test_typed_payload() -> None:
    """Assigns get the typed event."""
    assert sent(Machine("m", State("a", On(Told, do=keep))), Told(text="hi")).snapshot.data == {"text": "hi"}


def test_facts_come_with_the_moment() -> None:
    """A function with a third parameter gets the moment, which holds the facts that were read."""

    def in_stock(data: Data, event: Any, moment: Moment) -> bool:
        return moment.get(stock) > 0

    machine = Machine("m", State("a", On("x", "b", when=in_stock, facts=[stock])), State("b"))
    before = start(machine).snapshot
    for count, state in ((0, "a"), (1, "b")):
        taken = step(machine, before, Occurrence("x"), moment=Moment(facts={"stock": count}))
        assert taken.snapshot.configuration == (state,)


def test_timers() -> None:
    """A state sets its timers when entered, fixed, by a function or at a time, and cancels them when left."""

    def patience(data: Data) -> timedelta:
        return timedelta(minutes=2)

    def noon(data: Data) -> datetime:
        return datetime(2030, 1, 1, 12, tzinfo=UTC)

    timed = State("a", After(timedelta(seconds=3), "b"), After(patience, "b"), After(at=noon, target="b"), On("x", "b"))
    machine = Machine("m", timed, State("b"))
    names = [f"xstate.after.{delay}.m.a" for delay in ("3000", "patience", "noon")]
    delays: list[timedelta | datetime] = [
        timedelta(seconds=3),
        timedelta(minutes=2),
        datetime(2030, 1, 1, 12, tzinfo=UTC),
    ]
    set_timers = [SetTimer(name, delay, Occurrence(name), "a") for name, delay in zip(names, delays, strict=True)]
    assert list(start(machine).commands) == set_timers
    assert list(sent(machine, "x").commands) == [CancelTimer(name) for name in names]
    assert sent(machine, names[0]).snapshot.configuration == ("b",)


def test_invocation() -> None:
    """A state starts its effect when entered and stops it when left; completion and failure come as events."""
    machine = Machine(
        "m",
        State("a", Invoke(mail, Done("b", do=result), Failed("c"), id="mailing"), On("x", "c")),
        State("b", Invoke(mail, error="c")),
        State("c"),
    )
    begun = start(machine)
    assert begun.commands == (StartEffect(mail, "a", {}, Occurrence("xstate.init"), "mailing"),)
    done = step(machine, begun.snapshot, Occurrence("xstate.done.actor.mailing", "id 7"))
    assert (done.snapshot.configuration, done.snapshot.data) == (("b",), {"result": "id 7"})
    assert done.commands[0] == StopEffect("mailing")
    assert isinstance(done.commands[1], StartEffect)
    assert done.commands[1].invocation == "0.m.b"
    assert sent(machine, "xstate.error.actor.mailing").snapshot.configuration == ("c",)


def result(data: Data, event: Occurrence) -> Data:
    return {"result": event.value}


def test_effects_and_actions_get_the_data_of_their_turn() -> None:
    """An effect or `@action` is asked for with the data and the event as they were at its place in the step."""
    machine = Machine("m", State("a", On("x", do=[note("one"), mail, note("two"), write])))
    event = Occurrence("x")
    assert sent(machine, "x").commands == (
        StartEffect(mail, "a", {"notes": ["one"]}, event),
        RunAction(write, "a", {"notes": ["one", "two"]}, event),
    )


def test_send_and_cancel() -> None:
    """`send` asks for an event of its own, now or later; `cancel` takes the later one back by its id."""

    def made(data: Data) -> Told:
        return Told(text="made")

    later = timedelta(minutes=1)
    row = On("x", do=[send("now"), send(made), send("later", delay=later, id="l"), cancel("l")])
    assert sent(Machine("m", State("a", row)), "x").commands == (
        SendEvent(Occurrence("now")),
        SendEvent(Told(text="made")),
        SetTimer("l", later, Occurrence("later")),
        CancelTimer("l"),
    )


def test_output() -> None:
    """A final state's output goes to its parent's Done rows, the machine's own to the snapshot (SCXML 3.7)."""

    def told(data: Data, event: Completion) -> Data:
        return {"from": event.type, "value": event.value}

    machine = Machine(
        "m",
        State("a", State("b", On("x", "f")), Final("f", output=size), Done("end", do=result)),
        Final("end", output="last"),
        output=told,
    )
    taken = sent(machine, "x")
    assert taken.snapshot == Snapshot(
        ("end",), {"result": 0}, status="done", output={"from": "xstate.done.state.m.end", "value": "last"}
    )


def size(data: Data) -> int:
    return len(data)


def test_the_end_leaves_all_states() -> None:
    """A machine that ends runs the exits of all active states, keeps its configuration and cancels its timers."""
    machine = Machine(
        "m", State("a", On("x", "f")), Final("f", Exit(note("out")), After(timedelta(1))), Exit(note("root"))
    )
    taken = sent(machine, "x")
    assert (taken.snapshot.configuration, taken.snapshot.data) == (("f",), {"notes": ["out", "root"]})
    assert taken.commands[-1] == CancelTimer(f"xstate.after.{24 * 3600 * 1000}.m.f")
    assert step(machine, taken.snapshot, Occurrence("x")).snapshot is taken.snapshot


def deep_machine(deep: bool) -> Machine[Data]:
    inner = State("in", State("a", On("x", "b")), State("b"))
    return Machine(
        "m",
        State("on", State("first"), inner, History("h", "in", deep=deep), On("go", ".in"), On("off", "off")),
        State("off", On("on", "on.h")),
    )


@pytest.mark.parametrize(("deep", "leaf"), [(False, "on.in.a"), (True, "on.in.b")])
def test_history(deep: bool, leaf: str) -> None:
    """Shallow history restores children, which enter their initial ones; deep history restores leaves (SCXML 3.10)."""
    taken = sent(deep_machine(deep), "go", "x", "off", "on")
    assert taken.snapshot.configuration[-1] == leaf
    assert taken.snapshot.history == {"on.h": ("on.in.b",) if deep else ("on.in",)}


def test_history_without_record() -> None:
    """Where nothing is recorded, a history state enters its default; as an initial state it needs one by then."""
    off_first = Machine("m", State("off", On("on", "on.h")), State("on", State("a"), State("b"), History("h", "b")))
    assert sent(off_first, "on").snapshot.configuration == ("on", "on.b")
    lost = Machine("m", State("off", On("on", "on")), State("on", State("a"), History("h"), initial_history()))
    with pytest.raises(MachineError, match="nothing is recorded yet; give it a default"):
        sent(lost, "on")


def initial_history() -> Any:
    from statemachines import Initial

    return Initial("h")


def test_parallel_regions_answer_together() -> None:
    """Every region takes its own transition for an event; the parallel state is asked only where none does."""
    region: Callable[[str], State[Data]] = lambda name: State(name, State("a", On("x", "b")), State("b"))  # noqa: E731
    machine = Machine("m", Parallel("p", region("l"), region("r"), On("x", "q")), State("q"))
    assert sent(machine, "x").snapshot.configuration == ("p", "p.l", "p.r", "p.l.b", "p.r.b")
    assert sent(machine, "x", "x").snapshot.configuration == ("q",)


def test_input_makes_the_data() -> None:
    """`initial=` makes the data from the input; without it the input is the data."""

    def from_name(name: str) -> Data:
        return {"name": name}

    machine = Machine("m", State("a"), data=dict, input=str, initial=from_name)
    assert start(machine, "n").snapshot.data == {"name": "n"}
    assert start(Machine("m", State("a")), {"k": 1}).snapshot.data == {"k": 1}


def test_value_and_tags() -> None:
    """A machine tells a snapshot's state value as XState writes it, and the tags of all active states."""
    machine = Machine("m", Parallel("p", State("l", State("a", tags=["x"])), State("r"), tags=["y"]), tags=["z"])
    snapshot = start(machine).snapshot
    assert machine.value(snapshot) == {"p": {"l": "a", "r": {}}}
    assert machine.tags_of(snapshot) == {"x", "y", "z"}
