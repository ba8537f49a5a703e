"""Sensitive fields are masked along the type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import pytest

from statemachines import InvalidValue, Sensitive
from statemachines.core.codec import Codec
from statemachines.core.privacy import MASK, mask, masker

Secret = Annotated[str, Sensitive]


class Card(msgspec.Struct, frozen=True):
    number: Secret
    holder: str = ""


@dataclass(frozen=True)
class Note:
    text: Secret


class Person(msgspec.Struct, frozen=True):
    name: str
    email: Secret | None = None
    age: Annotated[int, Sensitive] = 0
    cards: tuple[Card, ...] = ()
    by_name: dict[str, Card] = {}
    best: Card | None = None
    pair: tuple[int, Secret] = (0, "")
    note: Note | None = None
    friends: list[Person] = []


class Plain(msgspec.Struct, frozen=True):
    name: str = ""
    any: Any = None


def test_what_is_marked_is_masked_wherever_it_stands() -> None:
    """In fields, lists, dicts, unions, tuples, dataclasses, and in a type that holds itself; None stays None."""
    card = Card("4111", "Ann")
    friend = Person("Bob", "bob@example.org")
    person = Person("Ann", None, 33, (card,), {"a": card}, card, (1, "x"), Note("psst"), [friend])
    shown = mask(Person, msgspec.to_builtins(person))
    masked = {"number": MASK, "holder": "Ann"}
    assert shown["name"] == "Ann"
    assert shown["email"] is None
    assert shown["age"] == MASK
    assert shown["cards"] == [masked]
    assert shown["by_name"] == {"a": masked}
    assert shown["best"] == masked
    assert shown["pair"] == [1, MASK]
    assert shown["note"] == {"text": MASK}
    assert shown["friends"][0]["email"] == MASK
    assert "bob@example.org" not in str(shown)


def test_part_of_a_value_is_masked_too() -> None:
    """A patch holds only the fields that changed."""
    assert mask(Person, {"email": "x"}) == {"email": MASK}


def test_a_type_without_secrets_costs_nothing() -> None:
    """There is no masker, and the value is returned as it is."""
    assert masker(Plain) is None
    value = {"name": "x"}
    assert mask(Plain, value) is value
    assert mask(dict, value) is value


def test_an_error_never_shows_a_secret() -> None:
    """What was received is masked in an error of a type that has secrets; the field and what is right are told."""
    people = Codec(Person, "data")
    with pytest.raises(InvalidValue) as refused:
        people.encode(Person("Ann", "ann\x00@example.org"))
    assert (refused.value.field, refused.value.received) == ("email", MASK)
    with pytest.raises(InvalidValue) as refused:
        people.load({"name": "Ann", "email": 5})
    assert (refused.value.field, refused.value.expected, refused.value.received) == ("email", "str | null", "int")
    with pytest.raises(InvalidValue) as refused:
        Codec(Plain, "data").encode(Plain("a\x00"))
    assert refused.value.received == "'a\\x00'"


class Stop(msgspec.Struct, frozen=True):
    after: tuple[Plain, ...] = ()
    best: Plain | None = None
    next: Stop | None = None


def test_a_type_without_anything_sensitive_is_shown_as_it_is() -> None:
    """Also where it has the same structure in several places, or itself: nothing is to be masked."""
    assert masker(Stop) is None
