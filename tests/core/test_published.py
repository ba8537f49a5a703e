"""Published versions: what a machine's file holds, and what its fingerprint tells."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from statemachines import After, Entry, Event, Final, Invoke, Machine, On, State, effect
from statemachines.core.differences import differences
from statemachines.core.published import fingerprint, publish, read

from .strategies import machines


class Data(msgspec.Struct, frozen=True):
    count: int = 0


class More(msgspec.Struct, frozen=True):
    count: int = 0
    note: str = ""


class Paid(Event, tag="paid"):
    amount: int


def add(data: Any, event: Paid) -> Any:
    return data


@effect
def thank(data: Any) -> None:
    pass


def shop(*rows: Any, target: str = "paid", tags: tuple[str, ...] = (), **given: Any) -> Machine[Any]:
    return Machine(
        "shop",
        State("open", On(Paid, target, do=add), *rows, tags=tags),
        State("paid", Invoke(thank, "closed", label="thanked")),
        Final("closed"),
        **{"data": Data, **given},
    )


@settings(max_examples=50)
@given(machines())
def test_what_is_read_back_is_the_same_machine(machine: Machine[Any]) -> None:
    """A published file shows the machine exactly: same definition, same fingerprint, no difference."""
    written = publish(machine)
    back = read(written.encode()).machine()
    assert back.to_xstate() == machine.to_xstate()
    assert fingerprint(back) == written.fingerprint
    assert differences(back, machine) == ()


def test_words_are_no_structure() -> None:
    """Descriptions, labels, tags and the version itself leave the fingerprint as it is."""
    said = shop(tags=("waiting",), description="A shop.", version=7, meta={"silence": ["I106"]})
    assert fingerprint(said) == fingerprint(shop())


@pytest.mark.parametrize(
    "other",
    [
        shop(target="closed"),
        shop(After(timedelta(days=1), "closed")),
        shop(Entry(thank)),
        shop(data=More),
        shop(State("inside")),
    ],
)
def test_structure_is_what_instances_depend_on(other: Machine[Any]) -> None:
    """Another target, timer, effect, state or field of the data is another fingerprint."""
    assert fingerprint(other) != fingerprint(shop())


def test_fields_are_compared_with_a_file() -> None:
    """A published machine knows the fields that its data and events had, though not their types."""
    old = read(publish(shop()).encode()).machine()
    found = differences(old, shop(data=More))
    assert [(one.kind, one.name, one.after) for one in found] == [("field_added", "note", "text")]
