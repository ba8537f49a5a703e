"""The app's settings: one dict, `STATEMACHINES`, typed and read at each call.

Limits: durations are timedeltas inside and seconds in the dict, whose keys say so.
"""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from django.conf import settings

DEFAULTS: dict[str, Any] = {
    "DISPATCHER": None,
    "SWEEP_INTERVAL_SECONDS": 1.0,
    "SWEEP_BATCH": 500,
    "EFFECT_MAX_ATTEMPTS": 5,
    "EFFECT_RETRY_SECONDS": 1.0,
    "EFFECT_LEASE_SECONDS": 60.0,
    "STORE": None,
}
"""What each key is when it is not set.

`DISPATCHER`: path of the class that hands work to workers; None: Celery where it is installed, else the sweep alone.
`SWEEP_INTERVAL_SECONDS`: how often the sweep runs, and how far it looks ahead for timers.
`SWEEP_BATCH`: how many timers, and how many effects, one sweep takes up.
`EFFECT_MAX_ATTEMPTS`: tries of an effect before it has failed. `EFFECT_RETRY_SECONDS`: wait before the second try,
doubled at each further one. `EFFECT_LEASE_SECONDS`: after this long without a word, an effect's worker counts as dead.
`STORE`: "orm" or "postgres", how rows are written; None: what suits the database.
"""


def get(name: str) -> Any:
    """Return a setting. Raises KeyError for a name that is none."""
    return getattr(settings, "STATEMACHINES", {}).get(name, DEFAULTS[name])


def duration(name: str) -> timedelta:
    """Return a setting that is given in seconds."""
    return timedelta(seconds=get(name))


def unknown() -> list[str]:
    """Return the keys of the dict that are no settings."""
    return sorted(set(getattr(settings, "STATEMACHINES", {})) - set(DEFAULTS))


def dispatcher() -> str:
    """Return the path of the dispatcher's class."""
    given: str | None = get("DISPATCHER")
    if given:
        return given
    celery = find_spec("celery") is not None
    return "statemachines.tasks.CeleryDispatcher" if celery else "statemachines.engine.dispatch.SweepOnly"
