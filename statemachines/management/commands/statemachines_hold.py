"""`manage.py statemachines_hold`: hold kinds of effects on all instances, or everything, let them go, see what waits.

After a restore from a backup, before the workers start: `--all --reason "restored" --preview`, look, `--release --all`.
Limits: what a hold stops is in `engine.holds`; single instances are paused instead.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError
from django.db import connections, router, transaction

from statemachines.core.events import Actor
from statemachines.engine import hold, preview, release
from statemachines.engine.holds import EVERYTHING, Waiting, stored_name
from statemachines.exceptions import InvalidValue
from statemachines.models import EffectHold

ACTOR = Actor("command", label="manage.py statemachines_hold")


class Command(BaseCommand):
    help = "Hold effects on all instances, release them, list what is held, preview what would fire."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("effect", nargs="*", help="effects' stored names, or their last part where that is unique")
        parser.add_argument("--all", action="store_true", help="all effects and timers, and results that wait")
        parser.add_argument("--reason", default="", help="why they are held; needed to hold")
        parser.add_argument("--release", action="store_true", help="let them go instead")
        parser.add_argument("--list", action="store_true", help="then say what is held, since when, by whom and why")
        parser.add_argument("--preview", action="store_true", help="then say what waits, and would happen if released")
        parser.add_argument("--json", action="store_true", help="say it as one JSON object")
        parser.add_argument("--using", metavar="ALIAS", help="the database; by default the one that the app writes to")

    def handle(self, *, effect: list[str], all: bool, reason: str, using: str | None, **told: Any) -> None:
        alias = using or router.db_for_write(EffectHold)
        if alias not in connections:
            raise CommandError(f"There is no database {alias!r}; name one of: {', '.join(connections)}.")
        if all and effect:
            raise CommandError("--all holds every effect; leave out the names, or --all.")
        names = [EVERYTHING] if all else effect
        if not names and (told["release"] or not (told["list"] or told["preview"])):
            raise CommandError("Name effects, or everything by --all; or ask by --list or --preview.")
        done = _done(names, reason, alias, release_them=told["release"])
        if told["list"]:
            done["holds"] = _holds(alias)
        if told["preview"]:
            done["waiting"] = preview(alias)
        if told["json"]:
            self.stdout.write(msgspec.json.encode(done).decode())
        else:
            self.stdout.writelines(f"{line}\n" for line in _lines(done))


def _done(names: list[str], reason: str, using: str, *, release_them: bool) -> dict[str, Any]:
    """Hold or release all of them, or none where a name is wrong."""
    try:
        with transaction.atomic(using=using):
            if release_them:
                return {"released": {stored_name(name, using): release(name, using=using) for name in names}}
            held = [hold(name, reason=reason, actor=ACTOR, using=using).name for name in names]
    except InvalidValue as error:
        raise CommandError(str(error)) from error
    return {"held": held} if held else {}


def _holds(using: str) -> list[dict[str, Any]]:
    rows = EffectHold.objects.using(using).order_by("name")
    return [{"name": row.name, "since": row.at, "by": row.actor_label, "reason": row.reason} for row in rows]


def _lines(told: dict[str, Any]) -> Iterator[str]:
    """Yield it for people."""
    for name in told.get("held", ()):
        yield f"{_called(name)} is held from now on."
    for name, was_held in told.get("released", {}).items():
        yield f"{_called(name)} {'is released; the next sweep takes up what waits' if was_held else 'was not held'}."
    if "holds" in told:
        yield from [_held_line(row) for row in told["holds"]] or ["Nothing is held."]
    if "waiting" in told:
        yield from map(_waiting_line, told["waiting"])
        yield f"{sum(one.count for one in told['waiting'])} wait in all."


def _called(name: str) -> str:
    return "Everything" if name == EVERYTHING else name


def _held_line(row: dict[str, Any]) -> str:
    return f"{_called(row['name'])} is held since {row['since']:%Y-%m-%d %H:%M:%S %Z} by {row['by']}: {row['reason']}"


def _waiting_line(one: Waiting) -> str:
    held = "held" if one.held else "not held"
    return (
        f"{one.count:6} {one.kind:8} {one.name} of {one.machine}, the first at {one.first:%Y-%m-%d %H:%M:%S %Z}, {held}"
    )
