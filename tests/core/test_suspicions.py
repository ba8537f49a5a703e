"""What is suspect in a machine, and what is not: a false alarm is a defect."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from statemachines import (
    After,
    Always,
    Done,
    Event,
    Exit,
    Failed,
    Final,
    History,
    Initial,
    Invoke,
    Machine,
    On,
    Parallel,
    State,
    cancel,
    effect,
    in_state,
    not_,
    raise_,
    send,
)
from statemachines.core.suspicions import KINDS, suspicions

from .example import order


class Go(Event):
    pass


DAY = timedelta(days=1)
LATE = After(DAY, "end")
"""A way out by itself, so that nothing waits for ever."""


@effect
def work(data: Any) -> None:
    raise NotImplementedError


def ready(data: dict[str, Any]) -> bool:
    return True


def same(data: dict[str, Any]) -> dict[str, Any]:
    return data


def made(data: dict[str, Any]) -> Go:
    return Go()


def found(*rows: Any, **given: Any) -> list[tuple[str, str]]:
    return [(one.id, one.state) for one in suspicions(Machine("m", *rows, **given)) if not one.silenced]


def warnings(*rows: Any, **given: Any) -> list[tuple[str, str]]:
    return [(id, state) for id, state in found(*rows, **given) if id != "I106"]


def test_a_sound_machine_is_not_suspect() -> None:
    """Compound, parallel, final and history states that are used as meant raise no suspicion."""
    assert not found(
        State("a", On(Go, "p"), On("back", "p.memory"), LATE),
        Parallel(
            "p",
            State("left", State("l1", Always("l2", when=ready)), Final("l2")),
            State("right", State("r1", On(Go, "r2", when=not_(in_state("p.left.l2")))), Final("r2")),
            History("memory"),
            Done("end"),
            On("out", "a"),
            LATE,
        ),
        Final("end"),
    )


def test_a_machine_that_uses_every_row() -> None:
    """Of the big example only what is so is told: three states wait for events, and one memory is never asked for."""
    assert [(one.id, one.state) for one in suspicions(order)] == [
        ("I106", "running.work.kitchen.cook"),
        ("I106", "running.work.money.idle"),
        ("W111", "running.work.money.last"),
        ("I106", "paused"),
    ]


def test_a_state_that_nothing_leads_to() -> None:
    """An unreachable state is told once, not again for each state inside it."""
    assert found(State("a", On(Go, "end"), LATE), State("island", State("inner"), LATE), Final("end")) == [
        ("W101", "island")
    ]


def test_an_initial_state_that_every_transition_leads_past() -> None:
    """A compound state's first state is entered only where a transition names the compound state itself."""
    inside = (State("first", Exit(same)), State("second"), LATE)
    assert found(State("a", On(Go, "b.second"), LATE), State("b", *inside), Final("end")) == [("W101", "b.first")]
    assert not found(
        State("a", On(Go, "b"), LATE), State("b", State("first", On(Go, "second")), *inside[1:]), Final("end")
    )


@pytest.mark.parametrize(("deep", "told"), [(False, []), (True, [("W101", "b.x.first")])])
def test_a_shallow_memory_enters_by_default(deep: bool, told: list[tuple[str, str]]) -> None:
    """A shallow History restores only the children: what is inside them is entered by default, not so by a deep one."""
    inside = State("x", State("first", On(Go, "second")), State("second"))
    b = State("b", State("y"), inside, History("h", deep=deep), On("back", ".h"), On("there", ".x.second"), LATE)
    assert found(State("a", On(Go, "b"), LATE), b, Final("end")) == told


def test_the_regions_beside_a_target_are_reached() -> None:
    """A transition into one region enters the others by default."""
    regions = Parallel("p", State("l", State("l1"), State("l2", On(Go, "l1"))), State("r", State("r1")), LATE)
    assert not found(State("a", On(Go, "p.l.l2"), LATE), regions, Final("end"))


def test_a_dead_end() -> None:
    """A state that nothing leads out of and that reacts to nothing is told; where an ancestor leads out it is not."""
    assert warnings(State("a", State("x"), On(Go, "b")), State("b")) == [("W102", "b")]
    assert warnings(State("a", On(Go, "b")), State("b", On(Go, do=same))) == []
    assert warnings(State("a", On(Go, "b")), State("b", On(Go))) == [("W102", "b")]


def test_the_completion_of_a_flow_is_no_way_out_of_its_states() -> None:
    """A Done row of the parent needs a final state, so a state in the flow that leads nowhere is a dead end."""
    flow = State("flow", State("x", On(Go, "stuck"), After(DAY, "good")), State("stuck"), Final("good"), Done("end"))
    assert found(flow, Final("end")) == [("W102", "flow.stuck")]


def test_another_region_may_be_the_way_out() -> None:
    """A state is left when a transition of another region leaves the parallel state that holds both."""
    regions = Parallel("p", State("l", State("l1", After(DAY, "#m.end"))), State("r", State("r1")))
    assert not found(regions, Final("end"))


@pytest.mark.parametrize(
    "row",
    [
        LATE,
        Invoke(work, "end", error="end"),
        Always("end", when=ready),
        On("nudge", "end", do=send("nudge", delay=DAY)),
        On("*", "end", do=send(made, delay=DAY)),
    ],
)
def test_what_goes_on_by_itself_does_not_wait_for_ever(row: Any) -> None:
    """Timers, delayed sends, completions and eventless transitions lead on without that anybody does anything."""
    assert not found(State("a", row, On(Go, "end")), Final("end"))


def test_a_state_that_only_events_lead_out_of() -> None:
    """It is told where neither the state nor what holds it has a time-out; a timer that leads back in is none."""
    assert found(State("a", On(Go, "end")), Final("end")) == [("I106", "a")]
    assert found(State("a", On(Go, "end"), After(DAY, "a", reenter=True)), Final("end")) == [("I106", "a")]
    assert not found(State("a", State("x", On(Go, "y")), State("y"), LATE), Final("end"))
    assert KINDS["I106"].level == "info"


@pytest.mark.parametrize(
    ("row", "where"),
    [
        (State("a", Done("end"), LATE), "a"),
        (State("a", State("x"), Done("end"), LATE), "a"),
        (Parallel("a", State("x", Final("y")), State("z", State("w")), Done("end"), LATE), "a"),
        (Done(".end"), ""),
    ],
)
def test_done_where_nothing_completes(row: Any, where: str) -> None:
    """A Done row needs final states to complete, in each region, and a state that is not the machine itself."""
    rows = (row,) if where else (State("a", LATE), row)
    assert found(*rows, Final("end")) == [("W103", where)]


def test_a_shadowed_candidate() -> None:
    """What stands after a candidate without guard is never taken, for events and for eventless ones."""
    rows = (On(Go, "b"), On(Go, "a", when=ready), Always("b"), Always("a", when=ready))
    assert found(State("a", *rows), Final("b")) == [("W104", "a"), ("W104", "a")]


def test_two_candidates_of_one_guard() -> None:
    """The second of two candidates with the same guard is never taken; its negation is another guard."""
    assert found(State("a", On(Go, "end", when=ready), On(Go, do=same, when=ready), LATE), Final("end")) == [
        ("W110", "a")
    ]
    assert not found(State("a", On(Go, "end", when=ready), On(Go, do=same, when=not_(ready)), LATE), Final("end"))


@pytest.mark.parametrize("state", ["b", {"a": "y"}])
def test_a_guard_that_asks_for_an_unknown_state(state: Any) -> None:
    """`in_state` names a path from the root; one that does not exist never holds."""
    assert found(State("a", State("x"), On(Go, "end", when=in_state(state)), LATE), Final("end")) == [("W105", "a")]


def test_an_event_that_no_state_takes() -> None:
    """Declared, raised or sent, an event is lost where nothing reacts; a wildcard, and a row that forbids it, do."""
    assert found(State("a", LATE), Final("end"), events=[Go]) == [("W107", "")]
    assert found(State("a", Exit(raise_("gone"), send("gone")), LATE), Final("end")) == [("W107", "a"), ("W107", "a")]
    assert not found(State("a", Exit(raise_("go.on"), raise_(made)), On("go.*"), LATE), Final("end"), events=[])


def test_an_invocation_whose_failure_is_lost() -> None:
    """An Invoke needs error=, a Failed row, or a state around it that takes what it does not name."""
    assert found(State("a", Invoke(work, "end")), Final("end")) == [("W108", "a")]
    assert not found(State("a", Invoke(work, "end", Failed("end"))), Final("end"))
    assert not found(State("a", State("x", Invoke(work), LATE_INSIDE), On("*", "end")), Final("end"))


LATE_INSIDE = After(DAY, "#m.end")


def test_eventless_transitions_that_never_rest() -> None:
    """A round of Always rows without guards is told once, where it begins; a guard on one of them ends it."""
    assert found(State("a", Always("b")), State("b", Always("c")), State("c", Always("b"))) == [("W109", "b")]
    assert not found(State("a", Always("b")), State("b", Always("a", when=ready), LATE), Final("end"))
    assert not found(State("a", Always("b")), State("b", Always("end")), Final("end"))
    assert found(State("a", Always(".x"), State("x"), LATE), Final("end")) == []
    assert found(State("a", Always(do=same), LATE), Final("end")) == [("W109", "a")]


def test_an_inner_eventless_transition_comes_first() -> None:
    """A state inside is asked before what holds it, so its way out ends what would else go round."""
    outer = State("b", State("x", Always("#m.end")), Always("a"))
    assert not found(State("a", Always("b")), outer, Final("end"))


def test_a_memory_that_nobody_asks_for() -> None:
    """A History that no transition leads to is told under an id of its own."""
    assert found(State("a", State("x"), History("h"), LATE), Final("end")) == [("W111", "a.h")]


def test_what_an_initial_row_never_does() -> None:
    """Actions on the way to an initial state are done only when the state is entered by default."""
    inside = (Initial("x", same), State("x"), State("y", On(Go, "x")), LATE)
    assert found(State("a", On(Go, "b.y"), LATE), State("b", *inside), Final("end")) == [("W112", "b")]
    assert not found(State("a", On(Go, "b"), LATE), State("b", *inside[:2], LATE), Final("end"))


def test_a_cancel_of_what_is_never_sent() -> None:
    """`cancel` names the id of a `send`."""
    assert found(State("a", Exit(cancel("x")), LATE), Final("end")) == [("W113", "a")]


def test_silence() -> None:
    """`meta` silences an id in a machine, in a state with all inside it, or for one transition, and nothing else."""
    quiet = {"silence": ["I106", "W104"]}
    assert not found(State("a", On(Go, "end")), Final("end"), meta=quiet)
    assert not found(State("a", State("x", On(Go, "#m.end")), meta=quiet), Final("end"))
    assert found(State("a", On(Go, "b"), meta=quiet), State("b", On(Go, "end")), Final("end")) == [("I106", "b")]
    assert not found(State("a", LATE, On(Go, "end"), On(Go, do=same, meta=quiet)), Final("end"))
