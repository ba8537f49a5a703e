"""Say how the machinery is, for people or, with --json, for a monitor; the exit code is 1 where something is wrong.

Limits: what it counts is in `engine.health`.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from statemachines.engine import Health, health


class Command(BaseCommand):
    help = "Say whether timers and effects are served; exit code 1 where they are not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="everything as one JSON object")
        parser.add_argument("--using", metavar="ALIAS", help="the database; by default the one that the app writes to")

    def handle(self, *, json: bool, using: str | None, **options: Any) -> None:
        if using is not None and using not in connections:
            raise CommandError(f"There is no database {using!r}; name one of: {', '.join(connections)}.")
        seen = health(using)
        if json:
            self.stdout.write(msgspec.json.encode(msgspec.to_builtins(seen) | {"healthy": seen.healthy}).decode())
        else:
            self.stdout.writelines(f"{line}\n" for line in told(seen))
        if not seen.healthy:
            sys.exit(1)


def told(seen: Health) -> Iterator[str]:
    """Yield the lines for people: the problems, or that there are none, then the counts."""
    yield from seen.problems or ["All is well."]
    yield f"Last sweep: {'never' if seen.sweep_age is None else f'{seen.sweep_age:.1f} s ago'}."
    yield f"Overdue: {seen.overdue_timers} timers, {seen.overdue_effects} effects."
    yield f"Effects: {seen.backlog} due, {seen.running} running, {seen.pending} to be completed from outside."
    yield f"Instances: {seen.paused} paused, {seen.attention} in need of attention."
    for one in seen.failing:
        yield f"Failing: {one.name}: {one.retrying} tried again, {one.attention} in need of attention."
    if seen.held:
        yield f"Held: {', '.join(seen.held)}."
