"""The app's settings: one dict, `STATEMACHINES`, typed and read at each call.

Limits: durations are timedeltas inside and seconds in the dict, whose keys say so. `docs/settings.md` is this table.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from django.conf import settings
from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0, le=365 * 86_400)]
Wait = Annotated[float, Meta(ge=0, le=365 * 86_400)]
Count = Annotated[int, Meta(ge=1, le=100_000)]
SECONDS = "seconds, above 0 and at most a year"


class Setting(NamedTuple):
    """A key: its type, what holds where it is not set, its unit and range, what it is for with its special values."""

    type: Any
    default: Any
    takes: str
    about: str


SETTINGS = {
    "DISPATCHER": Setting(
        str | None,
        None,
        "the path of a class, or None",
        "Hands work to workers after a commit. None: Celery where it is installed, else nothing is handed over and "
        "the sweep does it.",
    ),
    "CONTROL_QUEUE": Setting(
        str | None,
        None,
        "a queue's name, or None",
        "Celery's queue for sweeps and timers, so that a flood of effects cannot starve them: a worker that takes from "
        "it alone (`celery worker -Q control`) always has a hand free. None: Celery's default queue.",
    ),
    "SWEEP_INTERVAL_SECONDS": Setting(
        Seconds,
        1.0,
        SECONDS,
        "How often the sweep runs. It looks half a second further ahead for timers, as the next may be late.",
    ),
    "SWEEP_BATCH": Setting(
        Count, 500, "rows, 1 to 100000", "How many timers, and how many effects, one sweep takes up."
    ),
    "EFFECT_MAX_ATTEMPTS": Setting(
        Count, 5, "a number, 1 to 100000", "Tries of an effect before it has failed. 1: no second try."
    ),
    "EFFECT_RETRY_SECONDS": Setting(
        Wait,
        1.0,
        "seconds, at most a year",
        "Wait before an effect's second try, doubled at each further one. 0: the next sweep tries it.",
    ),
    "EFFECT_LEASE_SECONDS": Setting(
        Seconds,
        60.0,
        SECONDS,
        "How long an effect is its worker's: a living one renews it by itself, that of a dead one is taken up by "
        "another.",
    ),
    "HISTORY_PATCHES": Setting(
        bool, True, "True or False", "Whether history keeps what each transition changed in the data."
    ),
    "HISTORY_PATCH_MAX_BYTES": Setting(
        Annotated[int, Meta(ge=0, le=1_000_000)],
        100_000,
        "bytes, 0 to 1000000",
        "A larger change of data is not kept in the history, only its size.",
    ),
    "IDEMPOTENCY_KEEP_SECONDS": Setting(
        Seconds, 86_400.0, SECONDS, "How long a request that is sent again gets its first answer."
    ),
    "UPGRADE_KEEP_SECONDS": Setting(
        Seconds, 604_800.0, SECONDS, "How long it is kept what an instance was before its upgrade, to bring it back."
    ),
    "LISTEN_ALIAS": Setting(
        str | None,
        None,
        "a database's alias, or None",
        "A direct connection, by no pooler, to the PostgreSQL database of the instances. Transitions then NOTIFY, and "
        "who waits over HTTP (`wait_for`, `Prefer: wait`, streams) hears of it at once, by one connection per process "
        "that LISTENs. Each NOTIFY takes a lock of the whole database at commit. None: who waits looks again and "
        "again, several times a second.",
    ),
    "ELK_FILE": Setting(
        str | None,
        None,
        "a path, or None",
        "elkjs's elk-worker.min.js, version 0.10.2, which lays diagrams out. None: the one that comes with the app; "
        "where there is none, Graphviz does it.",
    ),
    "STORE": Setting(
        Literal["orm", "postgres"] | None,
        None,
        '"orm", "postgres" or None',
        'How rows are written. None: "postgres" on PostgreSQL, which saves round trips, else "orm".',
    ),
}

CELERY = "statemachines.tasks.CeleryDispatcher"
SWEEP_ONLY = "statemachines.engine.dispatch.SweepOnly"

DEFAULTS: dict[str, Any] = {name: setting.default for name, setting in SETTINGS.items()}


def given() -> dict[str, Any]:
    """Return what the project has set."""
    named: dict[str, Any] = getattr(settings, "STATEMACHINES", {})
    return named


def get(name: str) -> Any:
    """Return a setting. Raises KeyError for a name that is none."""
    return given().get(name, DEFAULTS[name])


def duration(name: str) -> timedelta:
    """Return a setting that is given in seconds."""
    return timedelta(seconds=get(name))


def unknown() -> list[str]:
    """Return the keys of the dict that are no settings."""
    return sorted(map(str, given().keys() - SETTINGS.keys()))


def mistyped() -> Iterator[tuple[str, Setting, str]]:
    """Yield the settings whose value is of a wrong type or out of range, and what is wrong."""
    for name, setting in SETTINGS.items():
        try:
            msgspec.convert(get(name), setting.type)
        except msgspec.ValidationError as error:
            yield name, setting, str(error)


def dispatcher() -> str:
    """Return the path of the dispatcher's class."""
    named: str | None = get("DISPATCHER")
    return named or (CELERY if find_spec("celery") else SWEEP_ONLY)
