"""The app's settings. Two say how long time is: a demo or a test sets small numbers, and all waiting shrinks.

`ORDERS_SECONDS_PER_MINUTE`: how many seconds a minute of an order lasts, by default 60. `ORDERS_SECONDS_PER_DAY`: how
many a day of the onboarding lasts, by default 86400. Both may stand in the settings or in the environment.
`ORDERS_PLAY`: let visitors of the site be whom they like by one click, and say how long a minute lasts; by default
where DEBUG is on. `ORDERS_PLAY_SECONDS_PER_MINUTE`: the pace that this begins with.
`ORDERS_SITE`: where the site is, as "https://dinner.example", for the links in e-mails; this too may stand in either.
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


def may_play() -> bool:
    """Say whether a visitor may be anybody by one click: in a demo, never where orders are real."""
    return bool(getattr(settings, "ORDERS_PLAY", settings.DEBUG))


def play_seconds_per_minute() -> float:
    """Return the pace that a visitor's orders begin with."""
    return float(getattr(settings, "ORDERS_PLAY_SECONDS_PER_MINUTE", 0)) or seconds_per_minute()


def site_address() -> str:
    """Return the address of the site that e-mails point to."""
    return str(getattr(settings, "ORDERS_SITE", os.environ.get("ORDERS_SITE", "")))


def _pace(name: str, default: float) -> float:
    given = getattr(settings, name, os.environ.get(name, default))
    pace = float(given)
    if not 0 < pace < float("inf"):
        raise ValueError(f"{name} is {given!r}; give a positive number of seconds.")
    return pace
