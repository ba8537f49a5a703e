"""What goes in comes out, on both databases; what a database cannot hold is refused at the border."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from statemachines import InvalidValue
from statemachines.core.codec import Codec
from statemachines.engine import create
from statemachines.models import MachineInstance
from tests.examples.machines import DoorData, Everything, keeper, loose

pytestmark = pytest.mark.django_db(databases=["default", "lite"])

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
integers = st.integers(-(2**63), 2**63 - 1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
amounts = st.decimals(allow_nan=False, allow_infinity=False)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(timezones=zones, min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30))
# Without a type, a whole float beyond 2**53 would come back as another integer: that is refused (see below).
small = numbers.filter(lambda number: abs(number) < 2**53)
plain = st.recursive(
    st.none() | st.booleans() | integers | small | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
everything = st.builds(
    Everything,
    integer=integers,
    number=numbers,
    amount=amounts,
    text=texts,
    flag=st.booleans(),
    moment=st.none() | moments,
    many=st.lists(integers, max_size=4).map(tuple),
    by_name=st.dictionaries(texts, texts, max_size=4),
    inner=st.none() | st.builds(DoorData, opened=integers, code=texts, fee=amounts),
    anything=plain,
)


@pytest.mark.parametrize("using", ["default", "lite"])
@settings(max_examples=60)
@given(data=everything)
@example(
    data=Everything(number=1e22, amount=Decimal("1.10"), moment=datetime.now(UTC), anything={"": [5e-324, -0.0, 2e15]})
)
def test_typed_data_comes_back_equal(using: str, data: Everything) -> None:
    """Encoded, stored and loaded, typed data is what it was."""
    made = create(keeper.machine, data=data, system=True, using=using)
    assert MachineInstance.objects.using(using).get(pk=made.pk).snapshot().data == data


@pytest.mark.parametrize("using", ["default", "lite"])
@settings(max_examples=40)
@given(data=st.dictionaries(texts, plain, max_size=5))
def test_plain_data_comes_back_equal(using: str, data: dict[str, Any]) -> None:
    """So is a machine's data that has no type."""
    made = create(loose.machine, data=data, system=True, using=using)
    assert MachineInstance.objects.using(using).get(pk=made.pk).snapshot().data == data


@pytest.mark.parametrize(
    ("data", "field", "expected"),
    [
        (Everything(number=math.nan), "number", "a finite number"),
        (Everything(number=-math.inf), "number", "a finite number"),
        (Everything(amount=Decimal("NaN")), "amount", "a finite number"),
        (Everything(text="a\x00b"), "text", "text without NUL"),
        (Everything(by_name={"k": "\ud800"}), "by_name.k", "text without lone surrogates"),
        (Everything(moment=datetime(2026, 1, 1)), "moment", "an aware datetime"),
        (Everything(integer=2**63), "integer", "an integer of 64 bits"),
        (Everything(anything=[0, {"deep": math.inf}]), "anything[1].deep", "a finite number"),
        (Everything(anything=3.602879701896397e16), "", "comes back from JSON as it was"),
        (Everything(anything=2.0**63), "anything", "an integer of 64 bits"),
        (Everything(anything=(1, 2)), "", "comes back from JSON as it was"),
        (Everything(anything=Decimal(1)), "", "comes back from JSON as it was"),
        (Everything(text="x" * 400_000), "", "at most 400000 bytes"),
    ],
)
def test_what_cannot_be_kept_is_refused_at_the_border(data: Everything, field: str, expected: str) -> None:
    """The error names the field and what would be right; nothing is written."""
    with pytest.raises(InvalidValue) as refused:
        create(keeper.machine, data=data, system=True)
    assert refused.value.field == field
    assert expected in refused.value.expected
    assert not MachineInstance.objects.exists()


def test_what_is_too_deep_is_refused() -> None:
    """Depth is limited, and so is what a parser would have to recurse into."""
    deep: Any = "end"
    for _ in range(40):
        deep = [deep]
    with pytest.raises(InvalidValue, match="at most 32 levels"):
        create(keeper.machine, data=Everything(anything=deep), system=True)
    with pytest.raises(InvalidValue, match="recursion"):
        Codec(Any, "data").decode("[" * 100_000)


def test_a_type_that_does_not_fit_names_field_expected_received() -> None:
    """A bad value says where it was, what was expected, and what came."""
    with pytest.raises(InvalidValue) as refused:
        create(keeper.machine, data={"inner": {"opened": "x"}}, system=True)
    told = refused.value
    assert (told.field, told.expected, told.received) == ("inner.opened", "int", "str")
    assert str(told) == "input of examples.keeper, field 'inner.opened': expected int, received str."
