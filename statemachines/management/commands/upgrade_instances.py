"""`manage.py upgrade_instances MACHINE`: bring running instances to another version of their machine, or back.

Safe beside live traffic and beside itself; a run that was ended is taken up by the next. Exits with 1 where an instance
stays. Limits: ended instances only with `--ended`; those whose policy is never to be upgraded not at all.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentTypeError
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec
from django.core.exceptions import FieldError, ImproperlyConfigured, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections, router
from django.db.models import Q

from statemachines import registry
from statemachines.core.events import Actor
from statemachines.engine.reverting import Reverted, revert_all
from statemachines.engine.upgrades import Batch, candidates, upgrade_all
from statemachines.engine.upgrading import Outcome
from statemachines.exceptions import UnknownMachine, UpgradeError
from statemachines.management.progress import progress
from statemachines.models import MachineInstance, PreviousSnapshot
from statemachines.registry import Registered

ACTOR = Actor("command", label="manage.py upgrade_instances")


class Command(BaseCommand):
    help = "Upgrade the running instances of a machine, in batches, beside live traffic; or bring them back."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("machine", help="the machine's stored name, or its last part where that is unique")
        parser.add_argument("--to", type=int, metavar="V", help="the version; by default the current one")
        parser.add_argument("--dry-run", action="store_true", help="run the mapping on all, change nothing, tell all")
        parser.add_argument("--sample", type=_count, metavar="N", help="with --dry-run: only on so many")
        parser.add_argument(
            "--where", action="append", default=[], type=_condition, metavar="FIELD=VALUE",
            help="only these, as in a filter: state=waiting, data__city=Bern, key__startswith=a; several must all hold",
        )  # fmt: skip
        parser.add_argument("--batch", type=_count, default=500, metavar="N", help="how many in one transaction (500)")
        parser.add_argument("--max-per-second", type=_rate, metavar="N", help="no faster than this")
        parser.add_argument("--ended", action="store_true", help="ended instances too")
        parser.add_argument("--revert", action="store_true", help="bring back those that have not moved since")
        parser.add_argument("--reason", default="", help="why; the history keeps it")
        parser.add_argument("--using", metavar="ALIAS", help="the database; by default the one that the app writes to")

    def handle(self, *, machine: str, to: int | None, using: str | None, where: list[Q], **options: Any) -> None:
        alias = using or router.db_for_write(MachineInstance)
        if alias not in connections:
            raise CommandError(f"There is no database {alias!r}; name one of: {', '.join(connections)}.")
        matching = Q(*where)
        try:
            registered = registry.find(machine, to)
            if options["revert"]:
                stays = self._revert(registered, alias, matching, options)
            else:
                stays = self._upgrade(registered, alias, matching, options)
        except (UnknownMachine, ImproperlyConfigured, UpgradeError, FieldError, ValidationError) as error:
            raise CommandError(str(error)) from error
        if stays:
            sys.exit(1)

    def _upgrade(self, registered: Registered, using: str, where: Q, options: dict[str, Any]) -> int:
        """Upgrade, or try to; return how many stay."""
        name, to, dry = registered.name, registered.version, options["dry_run"]
        total = candidates(name, to, using, ended=options["ended"]).filter(where).count()
        batches = upgrade_all(
            name, to, actor=ACTOR, origin="command", using=using, where=where, write=not dry,
            reason=options["reason"] or f"upgraded to version {to}", ended=options["ended"], batch=options["batch"],
            per_second=options["max_per_second"], sample=options["sample"] if dry else None,
        )  # fmt: skip
        told = _Told()
        started = time.monotonic()
        with progress(f"{name} to version {to}", total, self.stdout.write) as advance:
            for batch in batches:
                told.add(batch)
                advance(len(batch.outcomes) + batch.busy)
        seconds = time.monotonic() - started
        self._tell(told, f"{name}, version {to}", seconds, dry=dry)
        return told.stay

    def _tell(self, told: _Told, title: str, seconds: float, *, dry: bool) -> None:
        done = told.moves.total()
        rate = f" in {seconds:.1f} s, {done / seconds:.0f} a second" if done and not dry else ""
        self.stdout.write(f"{title}: {done} {'would be ' if dry else ''}upgraded{rate}.")
        for (version, source, target), number in sorted(told.moves.items()):
            self.stdout.write(f"  {number:>8}  {source} (version {version}) → {target}")
        if told.blocked:
            self.stdout.write(f"{len(told.blocked)} {'would stay' if dry else 'stay'} as they are:")
        for one in told.blocked:
            self.stdout.write(f"  {one.key or one.pk} (version {one.version}, {one.source}): {one.reason}")
        if told.busy:
            self.stdout.write(f"{told.busy} were held by others all the time; run this again.")
        if dry:
            self.stdout.write("Nothing was changed.")

    def _revert(self, registered: Registered, using: str, where: Q, options: dict[str, Any]) -> int:
        """Bring back; return how many stay."""
        name, dry = registered.name, options["dry_run"]
        matching = MachineInstance.objects.using(using).filter(where, machine=name)
        total = PreviousSnapshot.objects.using(using).filter(instance__in=matching).count()
        batches = revert_all(
            name, actor=ACTOR, origin="command", using=using, where=where, batch=options["batch"], write=not dry,
            reason=options["reason"] or "the upgrade is taken back",
        )  # fmt: skip
        found: list[Reverted] = []
        with progress(f"{name} back", total, self.stdout.write) as advance:
            for batch in batches:
                found += batch
                advance(len(batch))
        back = Counter(one.version for one in found if one.status == "reverted")
        for version, number in sorted(back.items()):
            self.stdout.write(f"{name}: {number} {'would be' if dry else 'are'} back on version {version}.")
        rest = [one for one in found if one.status != "reverted"]
        if rest:
            self.stdout.write(f"{len(rest)} stay:")
        for one in rest:
            why = "has moved since its upgrade" if one.status == "moved" else "is held by somebody; run this again"
            self.stdout.write(f"  {one.key}: {why}")
        if not found:
            self.stdout.write(f"No instance of {name} has an upgrade that can be taken back.")
        return len(rest)


class _Told:
    """What there is to tell at the end."""

    def __init__(self) -> None:
        self.moves: Counter[tuple[int, str, str]] = Counter()
        self.blocked: list[Outcome] = []
        self.busy = 0

    @property
    def stay(self) -> int:
        return len(self.blocked) + self.busy

    def add(self, batch: Batch) -> None:
        self.busy += batch.busy
        self.moves.update(_moves(batch.outcomes))
        self.blocked += [one for one in batch.outcomes if one.status == "blocked"]


def _moves(outcomes: Iterable[Outcome]) -> Iterable[tuple[int, str, str]]:
    return ((one.version, one.source, one.target) for one in outcomes if one.status == "upgraded")


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text!r} is no number above 0")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0
    if not rate > 0:
        raise ArgumentTypeError(f"{text!r} is no number above 0")
    return rate


def _condition(text: str) -> Q:
    """Read `field=value`; the value is JSON where it can be read so, else text."""
    field, separator, value = text.partition("=")
    if not field or not separator:
        raise ArgumentTypeError(f"{text!r} is no condition; write a field and a value, as in state=waiting")
    try:
        plain = msgspec.json.decode(value)
    except msgspec.DecodeError:
        plain = value
    return Q(**{field: plain})
