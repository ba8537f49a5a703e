"""Guards before an event is there, why an event was rejected, and what is possible."""

from __future__ import annotations

from typing import Any

import pytest

from statemachines import (
    Event,
    Final,
    Machine,
    Occurrence,
    On,
    Parallel,
    Refuse,
    State,
    and_,
    guard,
    in_state,
    not_,
    or_,
)
from statemachines.core import resolve
from statemachines.core.functions import Guard
from statemachines.core.guards import compile_guard, decide
from statemachines.core.interpreter import start, step
from statemachines.core.rejection import Possible, possible
from statemachines.core.snapshot import Rejection

Data = dict[str, Any]


class Paid(Event):
    amount: int


def yes(data: Data) -> bool:
    return True


def no(data: Data) -> bool:
    return False


def enough(data: Data, event: Paid) -> bool:
    return event.amount > 5


def refusing(data: Data) -> bool:
    raise Refuse("closed", "closed")


two = Machine("m", Parallel("p", State("l", State("a", id="leaf"), State("b")), State("r")))


@pytest.mark.parametrize(
    ("condition", "answer"),
    [
        (guard(yes), True),
        (guard(no), False),
        (guard(enough), None),
        (guard(refusing), False),
        (not_(yes), False),
        (not_(enough), None),
        (and_(), True),
        (and_(yes, enough), None),
        (and_(no, enough), False),
        (or_(), False),
        (or_(yes, enough), True),
        (or_(no, enough), None),
        (in_state("p.l.a"), True),
        (in_state("a"), False),
        (in_state({"p": {"l": "a", "r": {}}}), True),
        (in_state({"p": {"l": "b"}}), False),
        (in_state("#leaf"), True),
        (in_state("#m.p.l"), True),
        (in_state("#m"), True),
    ],
    ids=repr,
)
def test_decide(condition: Guard[Any, Any], answer: bool | None) -> None:
    """A guard of the data is decided without an event; one that needs the event is open, unless the rest decides."""

    def found(reference: str) -> str:
        return resolve.by_id(reference, two.chart.by_id).path

    configuration = two.chart.configuration(start(two).snapshot.configuration)
    assert decide(condition, {}, configuration, found) is answer
    if answer is not None and "refusing" not in repr(condition):
        check = compile_guard(condition, found)
        assert check({}, Paid(amount=1), None, configuration) is answer


def machine() -> Machine[Data]:
    return Machine(
        "m",
        State("a", On(Paid, "end", when=enough), On("open", "end", when=no), On("go", "end"), On("hush")),
        Final("end"),
        On("open", do=unchanged),
        On("hush", ".end"),
        On("xstate.done.actor.x", ".end"),
    )


def unchanged(data: Data) -> Data:
    return data


def test_possible() -> None:
    """An event that active states name is taken, refused (also where it is forbidden), or depends on its payload."""
    assert possible(machine(), start(machine()).snapshot) == (
        Possible("open", "taken"),
        Possible("hush", "refused"),
        Possible("paid", "depends"),
        Possible("go", "taken"),
    )


def test_possible_in_regions() -> None:
    """A parallel state is asked only where no region answers; a forbidden transition is an answer."""
    regions = (State("l", On("x", when=enough), On("y")), State("r", On("x", "#m.q", when=no)))
    m = Machine("m", Parallel("p", *regions, On("x", "q"), On("y", "q")), State("q"))
    assert possible(m, start(m).snapshot) == (Possible("x", "depends", ()), Possible("y", "refused", ()))


def test_possible_names_the_guards_that_refuse() -> None:
    """A refused event tells the guards that say no."""
    refused = Machine("m", State("a", On("x", "a", when=and_(no, yes))))
    assert possible(refused, start(refused).snapshot) == (Possible("x", "refused", ("(no and yes)",)),)


def test_a_wildcard_takes_what_the_machine_knows() -> None:
    """Where an active state takes any event, the machine's typed events are possible."""
    wild = Machine("m", State("a", On("*", "b")), State("b"), events=[Paid])
    assert possible(wild, start(wild).snapshot) == (Possible("paid", "taken"),)


def test_rejection() -> None:
    """An event that selects nothing, or only what is forbidden, is consumed and explained."""
    m = machine()
    before = start(m).snapshot
    taken = step(m, before, Paid(amount=1))
    assert taken.snapshot == before
    assert taken.rejection == Rejection("paid", ("a",), ("enough",), ("open", "paid", "go"))
    assert step(m, before, Occurrence("nobody")).rejection is not None
    assert step(m, before, Occurrence("hush")).rejection is not None
    assert step(m, before, Paid(amount=6)).rejection is None


def test_an_ended_machine_rejects() -> None:
    """An instance that has ended takes no event, and nothing is possible."""
    m = machine()
    ended = step(m, start(m).snapshot, Occurrence("go")).snapshot
    assert possible(m, ended) == ()
    assert step(m, ended, Occurrence("go")).rejection == Rejection("go", ("end",), (), ())
