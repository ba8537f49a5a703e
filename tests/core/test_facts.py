"""Which facts are read for an event: those of its candidates, and of what may follow them."""

from __future__ import annotations

from typing import Any

from statemachines import Always, Done, Event, Final, History, Machine, Moment, On, Parallel, State, fact, raise_
from statemachines.core.facts import asked
from statemachines.core.interpreter import start, step
from statemachines.core.snapshot import Snapshot

Data = dict[str, Any]


class Go(Event):
    pass


def named(name: str) -> Any:
    def read(data: Data) -> int:
        raise AssertionError("only the engine reads facts")

    read.__name__ = name
    return fact(read)


A, B, C, D, E = map(named, "ABCDE")


def enough(data: Data, event: object, moment: Moment) -> bool:
    return moment.get(A) > 1


machine = Machine(
    "m",
    State("start", Always("idle", facts=[E])),
    State(
        "idle", On(Go, "work", facts=[A], when=enough), On("raise", do=raise_("inner")), On("inner", "idle", facts=[B])
    ),
    State("work", State("w1", Always("w2", facts=[C])), Final("w2"), Done("idle", facts=[D])),
    Parallel(
        "p", State("x", State("x1", Always("x2", facts=[C])), State("x2")), State("y"), History("h"), On(Go, "p.h")
    ),
)


def names(snapshot: Snapshot[Any] | None, event: str) -> set[str]:
    return set(asked(machine, snapshot, event))


def test_an_event_asks_for_its_candidates_and_what_follows() -> None:
    """The candidate's own fact, then those of the eventless transition and the completion that it leads to."""
    idle = Snapshot(("idle",), {})
    assert names(idle, "go") == {"A", "C", "D"}


def test_what_cannot_follow_is_not_read() -> None:
    """A fact of another state's eventless transition is not asked for."""
    assert names(Snapshot(("idle",), {}), "other") == set()


def test_a_raised_event_asks_for_its_facts() -> None:
    """What an action raises is handled in the same macrostep."""
    assert names(Snapshot(("idle",), {}), "raise") == {"B"}


def test_the_start_asks_for_what_it_may_enter() -> None:
    """At the start there is no configuration yet: the default one counts."""
    assert names(None, "xstate.init") == {"E"}


def test_an_active_eventless_transition_is_asked_for() -> None:
    """It may be enabled by any event's change of data; history brings its parent's states."""
    inside = Snapshot(("p", "p.x", "p.x.x1", "p.y"), {})
    assert names(inside, "anything") == {"C"}
    assert names(inside, "go") == {"C"}


def test_a_machine_without_facts_asks_for_none() -> None:
    """Nothing is looked through."""
    assert asked(Machine("plain", State("a", On(Go, "a"))), None, "go") == {}


def test_a_function_gets_the_fact_that_was_read() -> None:
    """The value enters with the event, through the moment."""
    idle = Snapshot(("idle",), {})
    assert step(machine, idle, Go(), moment=Moment(facts={"A": 2})).rejection is None
    assert step(machine, idle, Go(), moment=Moment(facts={"A": 1})).rejection is not None
    assert start(machine).snapshot.configuration == ("idle",)
