"""Names of events, descriptors, and functions by their parameters."""

from __future__ import annotations

from typing import Any

import pytest

from statemachines import Event, Moment, assign, guard, raise_, send
from statemachines.core.events import matches, snake_case
from statemachines.core.functions import Named, spell


@pytest.mark.parametrize(
    ("name", "snake"),
    [("Paid", "paid"), ("RestaurantAccepted", "restaurant_accepted"), ("HTTPFailed", "http_failed"), ("A1B", "a1_b")],
)
def test_snake_case(name: str, snake: str) -> None:
    """An event's name on the wire is its class name in snake case."""
    assert snake_case(name) == snake


def test_tag_names_the_event() -> None:
    """`tag=` gives the name on the wire instead."""

    class Renamed(Event, tag="old_name"): ...

    assert Renamed().type == "old_name"


@pytest.mark.parametrize(
    ("descriptor", "name", "fits"),
    [
        ("a", "a", True),
        ("a", "a.b", False),
        ("*", "xstate.done.state.m", True),
        ("a.*", "a", True),
        ("a.*", "a.b.c", True),
        ("a.*", "ab", False),
        ("a*", "ab", False),
        ("a*", "a*", True),
        ("*.b", "a.b", False),
        ("a.*.c", "a.b.c", False),
        ("a.*.*", "a.b.c", False),
    ],
)
def test_matches(descriptor: str, name: str, fits: bool) -> None:
    """A descriptor is exact, `*`, or a prefix with `.*` at its end; other stars are plain letters."""
    assert matches(descriptor, name) is fits


def one(data: Any) -> Any:
    return data


def two(data: Any, event: Any) -> Any:
    return event


def three(data: Any, event: Any, moment: Moment) -> Any:
    return moment


def optional(data: Any, more: int = 1) -> Any:
    return more


def keyword(data: Any, *, by: int) -> Any:
    return by


@pytest.mark.parametrize(
    ("function", "params", "arity", "result"),
    [(one, {}, 1, "d"), (two, {}, 2, "e"), (three, {}, 3, "m"), (optional, {}, 1, 1), (keyword, {"by": 7}, 1, 7)],
)
def test_arity(function: Any, params: dict[str, Any], arity: int, result: Any) -> None:
    """A function gets as many of data, event and moment as it requires, and its fixed parameters by keyword."""
    named = Named(function, params=params)
    assert named.arity() == arity
    assert named.bound()("d", "e", "m") == result


def test_ids() -> None:
    """A function's id is its name, or the one that it is given."""
    assert (Named(one).id, assign(one, id="x").id, repr(guard(one, id="y"))) == ("one", "x", "y")
    assert repr(Named(keyword, params={"by": 1})) == "keyword(by=1)"


def test_words_of_actions() -> None:
    """Raise and send are told with the event's name, or the name of the function that makes it."""
    assert [repr(raise_("x")), repr(raise_(one)), repr(send("x"))] == ["raise x", "raise one", "send x"]
    assert spell(Named(one)) == "one"
