"""The app's two settings, which say how long time is: a demo or a test sets small numbers, and all waiting shrinks.

`ORDERS_SECONDS_PER_MINUTE`: how many seconds a minute of an order lasts, by default 60. `ORDERS_SECONDS_PER_DAY`: how
many a day of the onboarding lasts, by default 86400. Both may stand in the settings or in the environment.
Limits: read when an order is placed or an onboarding begins; what runs keeps its pace.
"""

import os

from django.conf import settings


def seconds_per_minute() -> float:
    """Return the pace of orders. Raises ValueError where it is no positive number."""
    return _pace("ORDERS_SECONDS_PER_MINUTE", 60)


def seconds_per_day() -> float:
    """Return the pace of the onboarding. Raises ValueError where it is no positive number."""
    return _pace("ORDERS_SECONDS_PER_DAY", 86_400)


def _pace(name: str, default: float) -> float:
    given = getattr(settings, name, os.environ.get(name, default))
    pace = float(given)
    if not 0 < pace < float("inf"):
        raise ValueError(f"{name} is {given!r}; give a positive number of seconds.")
    return pace
