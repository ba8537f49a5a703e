"""Errors of a definition: all at once, each with what to write instead."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from statemachines import (
    After,
    Always,
    DefinitionError,
    Done,
    Entry,
    Event,
    Final,
    History,
    Initial,
    Invoke,
    Machine,
    On,
    Parallel,
    State,
    assign,
    effect,
    fact,
    guard,
    in_state,
    raise_,
    send,
)
from statemachines.core.interpreter import start


class Coffee(msgspec.Struct, frozen=True):
    cups: int = 0


class Tea(msgspec.Struct, frozen=True):
    bags: int = 0


class Brewed(Event):
    cups: int


class Spilled(Event): ...


class Other(Event, tag="brewed"): ...


def problems(*rows: Any, **given: Any) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        Machine("m", *rows, **given)
    return list(caught.value.problems)


def yes(data: Any) -> bool:
    return True


def same(data: Any) -> Any:
    return data


@effect
def brew(data: Any) -> int:
    raise NotImplementedError


def test_every_problem_is_told_at_once() -> None:
    """One error holds all problems of a machine, and its text lists them."""
    with pytest.raises(DefinitionError) as caught:
        Machine("m", State("a", On("x", "nowhere")), State("a"), State("b", On("y", "#gone")))
    assert len(caught.value.problems) == 3
    assert str(caught.value).startswith("Machine 'm' cannot be built:\n  - ")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([State("a", On("x", "b"))], "state 'a': 'b': the machine has no state 'b', it has: a"),
        ([State("a", On("x", ".b"))], "state 'a': '.b': a has no state 'b', it has: no states"),
        (
            [State("a"), On("x", "a")],
            "machine: 'a': a transition of the machine itself names what is inside: write '.a'",
        ),
        (
            [State("a", On("x", "#z"))],
            "state 'a': '#z': no state has the id 'z'; give it one with id=, or write its path",
        ),
        ([State("a"), State("a")], "machine: it holds two states named 'a'; rename one"),
        (
            [State("a", id="x"), State("b", id="x")],
            "state 'b': its id 'x' is another state's too; every id is used once",
        ),
        (
            [State("a.b")],
            "state 'a.b': 'a.b' is no name for a state; write one without dots that does not begin with #",
        ),
        (
            [State("a"), "b"],
            "machine: 'b' is no row; write On, Always, After, Entry, Exit, Invoke, Done or a State",
        ),
        ([Initial("z"), State("a")], "machine: Initial('z') names no state directly inside; it has: a"),
        ([Initial("a"), Initial("a"), State("a")], "machine: it has two Initial rows; keep one"),
        ([State("a", Initial("b"))], "state 'a': an Initial row needs states inside; add them, or drop the row"),
        ([History("h")], "machine: it holds only history states; add a state to enter first"),
        (
            [Parallel("a")],
            "state 'a': a parallel state holds regions; add states to it, or make it a State",
        ),
        (
            [Initial("h"), State("a"), History("h")],
            "state '(root)': its initial state 'h' is a history state, and nothing is recorded yet; give it a default",
        ),
        (
            [State("a", After(timedelta(-1)))],
            "state 'a': After(datetime.timedelta(days=-1)) lies in the past; write a delay of zero or more",
        ),
        (
            [State("a", After())],
            "state 'a': After needs a timedelta, a function that returns one, "
            "or at= a function that returns a datetime",
        ),
        (
            [State("a", After(timedelta(1), id="x"))],
            "state 'a': After(datetime.timedelta(days=1), id='x'): a fixed delay is its own name; leave id= out",
        ),
        (
            [State("a", On("x", when=in_state("#z")))],
            "state 'a': '#z': no state has the id 'z'; give it one with id=, or write its path",
        ),
        (
            [State("a", On("x", when=lambda data: True))],
            "state 'a': a lambda has no name; give the guard one with id=, or write a def",
        ),
        (
            [State("a", Entry(lambda data: data))],
            "state 'a': a lambda has no name; give the action one with id=, or write a def",
        ),
        (
            [State("a", On("x", do=raise_(lambda data: Spilled())))],
            "state 'a': a lambda has no name; give the maker one with id=, or write a def",
        ),
        (
            [Final("a", output=lambda data: 1)],
            "state 'a': a lambda has no name; give the output one with id=, or write a def",
        ),
        (
            [State("a", On("x", do=send("y", delay=lambda data: timedelta(1))))],
            "state 'a': a lambda has no name; give the delay one with id=, or write a def",
        ),
        (
            [State("a", On("x", when=guard(yes, id="same")), On("y", when=guard(same, id="same")))],
            "state 'a': two different functions are the guard 'same'; give one an id=",
        ),
        (
            [State("a", On("x", when=guard(yes, id="not")))],
            "state 'a': 'not' is no name for the guard, it is a word of XState's; rename it",
        ),
        (
            [State("a", On("x", do=[brew, assign(same, id="brew")]))],
            "machine: 'brew' is both an action and an effect; rename one",
        ),
    ],
)
def test_problem(rows: list[Any], told: str) -> None:
    """What cannot be interpreted is told with what to write instead."""
    assert problems(*rows) == [told]


def test_wrong_count_of_parameters() -> None:
    """A function takes the data, the event and the moment, or fewer; another count is told."""

    def four(data: Any, event: Any, moment: Any, more: Any) -> bool:
        return True

    (told,) = problems(State("a", On("x", when=four)))
    assert told == "state 'a': 'four' takes 4 positional parameters; write (data[, event[, moment]])"


def test_reserved_names() -> None:
    """An event class may not take a name of the interpreter's."""

    class Mine(Event, tag="xstate.mine"): ...

    assert problems(State("a", On(Mine))) == [
        "state 'a': an event may not be named 'xstate.mine': xstate. and statemachines. are reserved"
    ]


def test_two_classes_of_one_event() -> None:
    """Two event classes of one name are told, with where to rename."""
    assert problems(State("a", On(Brewed), On(Other))) == [
        "the event 'brewed' is both Brewed and Other; set tag= on one"
    ]


def of_tea(data: Tea) -> bool:
    return True


def of_brewed(data: Coffee, event: Brewed) -> bool:
    return True


def makes_tea(data: Coffee) -> Tea:
    return Tea()


def with_text(data: Coffee, result: str) -> Coffee:
    return data


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (On("x", when=of_tea), "state 'a': 'of_tea' takes Tea, the machine's data is Coffee"),
        (On(Spilled, when=of_brewed), "state 'a': 'of_brewed' takes Brewed, but stands in On(Spilled)"),
        (On("x", do=makes_tea), "state 'a': 'makes_tea' returns Tea, an assign returns Coffee"),
        (Entry(makes_tea), "state 'a': 'makes_tea' returns Tea, an assign returns Coffee"),
        (Invoke(brew, do=with_text), "state 'a': 'with_text' takes str, 'brew' returns int"),
    ],
)
def test_annotations_that_do_not_fit(row: Any, told: str) -> None:
    """A function whose annotations do not fit the machine's data, its event or the effect's result is told."""
    assert problems(State("a", row), data=Coffee) == [told]


def test_one_update_for_two_invocations() -> None:
    """The same update serves several invocations under its one name."""

    def keep(data: dict[str, int], result: int) -> dict[str, int]:
        return {"cups": result}

    machine = Machine("m", State("a", Invoke(brew, do=keep)), State("b", Invoke(brew, do=keep)))
    assert list(machine.names.actions) == ["keep"]


def test_names() -> None:
    """A machine tells its functions by kind and id."""

    @fact
    def stock(data: Any) -> int:
        return 1

    row = On("x", when=yes, do=same, facts=[stock])
    machine = Machine("m", State("a", row, After(wait), Invoke(brew, "b")), Final("b", output=same), data=dict)
    kinds = {kind: list(functions) for kind, functions in machine.names.functions().items()}
    assert kinds == {
        "guards": ["yes"],
        "actions": ["same"],
        "effects": ["brew"],
        "facts": ["stock"],
        "delays": ["wait"],
        "makers": [],
        "outputs": ["same"],
    }


def wait(data: Any) -> timedelta:
    return timedelta(1)


def test_the_first_state_is_the_initial_one() -> None:
    """A compound state enters its first child that is no history state, or the one that Initial names."""
    assert start(Machine("m", History("h"), State("a"), State("b"))).snapshot.configuration == ("a",)
    assert start(Machine("m", Initial("b"), State("a"), State("b"))).snapshot.configuration == ("b",)


def test_initial_of_a_parallel_state() -> None:
    """In a parallel state an Initial row names a region, and its actions run when the state is entered by default."""

    def note(data: dict[str, int]) -> dict[str, int]:
        return {"noted": 1}

    machine = Machine("m", Parallel("p", Initial("a", note), State("a"), State("b")))
    assert start(machine).snapshot.data == {"noted": 1}


def test_rows_of_states_that_are_never_wrong() -> None:
    """Unreachable and shadowed rows are no errors of building."""
    Machine("m", State("a", Always("a"), On("x"), On("x")), State("never", Done("a")))
