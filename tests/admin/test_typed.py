"""Forms made from types: a field for each field, by its type; what was given comes back as plain data."""

from __future__ import annotations

import enum
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest
from django import forms
from django.http import QueryDict

from statemachines import Sensitive
from statemachines.admin.typed import JSONField, TypedForm
from statemachines.core.codec import Codec
from statemachines.core.privacy import MASK


class Size(enum.Enum):
    SMALL = "s"
    LARGE = "l"


class Parcel(msgspec.Struct, frozen=True):
    name: str
    weight: int
    price: Decimal = Decimal("1.10")
    share: float = 0.5
    paid: bool = False
    fragile: bool | None = None
    size: Size = Size.SMALL
    way: Literal["air", "sea"] = "air"
    day: date | None = None
    at: datetime | None = None
    note: str = ""
    other: str | None = None
    tags: tuple[str, ...] = ()
    secret: Annotated[str, Sensitive] = ""
    limited: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1


def filled(data: dict[str, str], **options: Any) -> TypedForm:
    query = QueryDict(mutable=True)
    query.update(data)
    return TypedForm(Parcel, query, **options)


def test_each_type_has_its_field() -> None:
    """Text, numbers, choices, dates and times have fields of their own; all else is JSON, with its type in words."""
    kinds = {name: type(field) for name, field in TypedForm(Parcel).fields.items()}
    assert kinds == {
        "name": forms.CharField, "weight": forms.IntegerField, "price": forms.DecimalField, "share": forms.FloatField,
        "paid": forms.BooleanField, "fragile": forms.NullBooleanField, "size": forms.TypedChoiceField,
        "way": forms.TypedChoiceField, "day": forms.DateField, "at": forms.DateTimeField, "note": forms.CharField,
        "other": forms.CharField, "tags": JSONField, "secret": forms.CharField, "limited": forms.IntegerField,
    }  # fmt: skip
    assert "list of text" in str(TypedForm(Parcel).fields["tags"].help_text).lower()


def test_what_is_given_comes_back_as_the_type() -> None:
    """Filled in by a browser, the plain data are exactly what the core makes the type of."""
    form = filled(
        {
            "name": "Tea", "weight": "3", "price": "2.50", "share": "0.25", "paid": "on", "fragile": "true",
            "size": "l", "way": "sea", "day": "2026-11-24", "at": "2026-11-24T12:30:00", "note": "",
            "tags": '["a", "b"]', "limited": "9",
        }
    )  # fmt: skip
    assert form.is_valid(), form.errors
    made = Codec(Parcel, "a parcel").convert(form.plain)
    assert (made.name, made.weight, made.price, made.share) == ("Tea", 3, Decimal("2.50"), 0.25)
    assert (made.paid, made.fragile, made.size, made.way) == (True, True, Size.LARGE, "sea")
    assert (made.day, made.at.isoformat(), made.tags) == (date(2026, 11, 24), "2026-11-24T12:30:00+00:00", ("a", "b"))


def test_what_is_left_empty_is_the_types_default() -> None:
    """Only what the type requires must be given."""
    form = filled({"name": "Tea", "weight": "3"})
    assert form.is_valid(), form.errors
    assert Codec(Parcel, "a parcel").convert(form.plain) == Parcel("Tea", 3)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("weight", ""),
        ("weight", "three"),
        ("price", "x"),
        ("size", "xl"),
        ("day", "soon"),
        ("tags", "[1"),
        ("limited", "10"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_field(field: str, given: str) -> None:
    """A missing or impossible value, and one outside the limits of its type, has its error where it was given."""
    form = filled({"name": "Tea", "weight": "3", field: given})
    assert not form.is_valid()
    assert [*form.errors] == [field]


def test_an_edit_changes_what_was_changed() -> None:
    """Of what is there already only the fields that were changed are; a masked one stays unless it is overwritten."""
    at = datetime.fromisoformat("2026-11-24T12:30:00.123456+00:00")
    before = msgspec.json.decode(msgspec.json.encode(Parcel("Tea", 3, secret="psst", at=at, other="x")))
    shown = TypedForm(Parcel, initial=before)
    assert shown["secret"].value() == MASK
    sent = {name: str(value) for name in shown.fields if (value := shown[name].value()) not in (None, False)}
    sent |= {"at": "2026-11-24T12:30:00", "fragile": "unknown"}
    same = filled(sent, initial=before)
    assert same.is_valid(), same.errors
    assert same.plain == before
    changed = filled(sent | {"weight": "4", "secret": "new", "other": ""}, initial=before)
    assert changed.is_valid(), changed.errors
    assert changed.plain == before | {"weight": 4, "secret": "new", "other": None}


def test_a_type_without_fields_is_one_json_value() -> None:
    """A dict, a list or anything is edited as a whole."""
    query = QueryDict(mutable=True)
    query.update({"value": '{"a": 1}'})
    form = TypedForm(dict, query, initial={"a": 0})
    assert form.is_valid()
    assert form.plain == {"a": 1}
