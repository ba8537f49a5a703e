"""Points in time by the clock of a place: what its clocks skip, and what they show twice."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest

from statemachines import local_time


@pytest.mark.parametrize(
    ("zone", "said", "skipped"),
    [
        ("Europe/Berlin", datetime(2026, 3, 29, 2, 30), timedelta(hours=1)),
        ("America/New_York", datetime(2026, 3, 8, 2, 0), timedelta(hours=1)),
        ("Australia/Lord_Howe", datetime(2026, 10, 4, 2, 10), timedelta(minutes=30)),
    ],
)
@pytest.mark.parametrize("fold", [0, 1])
def test_what_the_clocks_skip_moves_forward(zone: str, said: datetime, skipped: timedelta, fold: Literal[0, 1]) -> None:
    """An hour that does not exist is moved forward by the gap's length, whatever fold says."""
    found = local_time(said, zone, fold=fold)
    assert found.tzinfo is UTC
    assert found.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == said + skipped


@pytest.mark.parametrize(
    ("zone", "said", "first", "apart"),
    [
        ("Europe/Berlin", datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 60),
        ("America/New_York", datetime(2026, 11, 1, 1, 30), datetime(2026, 11, 1, 5, 30, tzinfo=UTC), 60),
        ("Australia/Lord_Howe", datetime(2026, 4, 5, 1, 45), datetime(2026, 4, 4, 14, 45, tzinfo=UTC), 30),
    ],
)
def test_what_the_clocks_show_twice_is_the_first(zone: str, said: datetime, first: datetime, apart: int) -> None:
    """Of an hour that comes twice the first is meant, with fold=1 the second."""
    assert local_time(said, zone) == first
    assert local_time(said, zone, fold=1) == first + timedelta(minutes=apart)


def test_a_date_and_an_hour() -> None:
    """A date is its midnight, or the hour that is said; a day is 24 hours for a timer, not for a calendar."""
    assert local_time(date(2026, 7, 1), "Europe/Berlin") == datetime(2026, 6, 30, 22, tzinfo=UTC)
    before, after = (local_time(date(2026, 3, day), "Europe/Berlin", at=time(9)) for day in (28, 29))
    assert after - before == timedelta(hours=23)


def test_the_second_may_be_told_by_the_datetime() -> None:
    """PEP 495's fold of the datetime itself is heard."""
    said = datetime(2026, 10, 25, 2, 30)
    assert local_time(said.replace(fold=1), "Europe/Berlin") == local_time(said, "Europe/Berlin", fold=1)


@pytest.mark.parametrize(
    ("when", "zone", "given", "error", "told"),
    [
        (datetime(2026, 1, 1), "Europe/Berlin", {"at": time(9)}, ValueError, "has two hours; pass a date"),
        ("2026-01-01", "Europe/Berlin", {}, TypeError, "write a date or a naive datetime"),
        (date(2026, 1, 1), None, {}, TypeError, 'a zone as "Europe/Berlin"'),
    ],
)
def test_what_is_no_local_time_is_refused(when: Any, zone: Any, given: Any, error: type[Exception], told: str) -> None:
    """Neither an hour that is said twice nor a zone that is not said is guessed."""
    with pytest.raises(error, match=told):
        local_time(when, zone, **given)


def test_an_aware_time_is_refused() -> None:
    """What has a zone already is not moved to another one silently."""
    with pytest.raises(ValueError, match="aware already"):
        local_time(datetime(2026, 1, 1, tzinfo=UTC), "Europe/Berlin")
