"""The app's one setting. `ORDERS_SECONDS_PER_MINUTE`: how many seconds a minute of an order lasts, by default 60.

A demo or a test sets a small number, in the settings or in the environment, and every patience and preparation time
shrinks with it. Limits: read when an order is placed; a running order keeps its pace.
"""

import os

from django.conf import settings


def seconds_per_minute() -> float:
    """Return the pace. Raises ValueError where it is no positive number."""
    given = getattr(settings, "ORDERS_SECONDS_PER_MINUTE", os.environ.get("ORDERS_SECONDS_PER_MINUTE", 60))
    pace = float(given)
    if not 0 < pace < float("inf"):
        raise ValueError(f"ORDERS_SECONDS_PER_MINUTE is {given!r}; give a positive number of seconds.")
    return pace
