"""Points in time as people say them: a date and an hour on the clock of a place.

Limits: which hour that is in UTC is the time zone database's word at the moment of asking.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo


def local_time(when: date | datetime, tz: str | tzinfo, *, at: time | None = None, fold: Literal[0, 1] = 0) -> datetime:
    """Return the time, in UTC, at which the clocks of `tz` ("Europe/Berlin") show what is said.

    `when`: a naive datetime, or a date with `at` (by default midnight). An hour that the clocks skip is moved forward
    by as much as they skip (02:30 is 03:30 then); of one that they show twice the first is taken, with `fold=1` (here
    or of the datetime) the second. Raises TypeError, ValueError for what is aware already or has two hours,
    zoneinfo.ZoneInfoNotFoundError.
    """
    if not isinstance(when, date) or not isinstance(tz, str | tzinfo):
        raise TypeError(
            f'local_time({when!r}, {tz!r}): write a date or a naive datetime, and a zone as "Europe/Berlin".'
        )
    if isinstance(when, datetime) and at is not None:
        raise ValueError(f"local_time({when.isoformat()}, at={at}) has two hours; pass a date, or leave at= out.")
    naive = when if isinstance(when, datetime) else datetime.combine(when, at or time())
    if naive.tzinfo is not None:
        raise ValueError(
            f"local_time({naive.isoformat()}) is aware already; pass a naive datetime, or use it as it is."
        )
    zone = ZoneInfo(tz) if isinstance(tz, str) else tz
    first, second = (naive.replace(tzinfo=zone, fold=either).astimezone(UTC) for either in (0, 1))
    skipped = first.astimezone(zone).replace(tzinfo=None, fold=0) != naive.replace(fold=0)
    return (
        second if (fold or naive.fold) and not skipped else first
    )  # in a gap, it is the first that lies after it (PEP 495)
