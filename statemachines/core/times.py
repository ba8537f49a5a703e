"""Points in time as people say them: a date and an hour on the clock of a place.

Limits: which hour that is in UTC is the time zone database's word at the moment of asking.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo


def local_time(when: date | datetime, tz: str | tzinfo, *, at: time = time(), fold: Literal[0, 1] = 0) -> datetime:
    """Return the time, in UTC, at which the clocks of `tz` ("Europe/Berlin") show what is said.

    `when`: a naive datetime, or a date with `at` (by default midnight). An hour that the clocks skip is moved forward
    by as much as they skip (02:30 is 03:30 then); of one that they show twice the first is taken, with `fold=1` the
    second. Raises ValueError for what is aware already, zoneinfo.ZoneInfoNotFoundError.
    """
    naive = when if isinstance(when, datetime) else datetime.combine(when, at)
    if naive.tzinfo is not None:
        raise ValueError(
            f"local_time({naive.isoformat()}) is aware already; pass a naive datetime, or use it as it is."
        )
    zone = ZoneInfo(tz) if isinstance(tz, str) else tz
    first, second = (naive.replace(tzinfo=zone, fold=either).astimezone(UTC) for either in (0, 1))
    skipped = first.astimezone(zone).replace(tzinfo=None, fold=0) != naive.replace(fold=0)
    return second if fold and not skipped else first  # in a gap, it is the first that lies after it (PEP 495)
