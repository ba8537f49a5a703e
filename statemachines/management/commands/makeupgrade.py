"""`manage.py makeupgrade [MACHINE]`: publish what changed as a new version, and begin the upgrade that leads there.

It compares the code with the last published file, so it needs no database. What looks like a renamed state is asked,
never assumed. Limits: without a machine's name, only apps that have a directory `machine_versions`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from statemachines import registry
from statemachines.core.comparison import compare
from statemachines.core.drafting import draft, homeless
from statemachines.core.machine import Machine
from statemachines.core.published import Published, fingerprint, publish
from statemachines.exceptions import UnknownMachine
from statemachines.management.console import Console
from statemachines.registry import Registered
from statemachines.upgrades import upgrades
from statemachines.versions import file_of, published


class Plan(NamedTuple):
    """What is to be done about one version: nothing to write where only the code has to say something else (`say`)."""

    registered: Registered
    publish: Published | None
    before: Machine[Any] | None
    say: str


class Command(BaseCommand):
    help = "Publish changed machines as new versions, and write upgrades for what runs, to be completed by hand."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("machine", nargs="?", help="a stored name, or its last part where that is unique; else all")
        parser.add_argument(
            "--check", action="store_true", help="write nothing; exit with 1 where something is missing"
        )
        parser.add_argument("--dry-run", action="store_true", help="print what would be written, and write nothing")
        parser.add_argument("--noinput", "--no-input", action="store_false", dest="ask", help="leave open what to ask")

    def handle(self, *, machine: str | None, check: bool, dry_run: bool, ask: bool, **options: Any) -> None:
        try:
            plans = [plan for registered in _asked(machine) for plan in _plans(registered.name)]
        except (UnknownMachine, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from error
        for plan in plans:
            self._tell(plan)
            if not check:
                self._write(plan, ask=ask and not dry_run, dry=dry_run)
        if not plans and not _asked(machine) and registry.machines():
            names = ", ".join(one.name for one in registry.machines())
            self.stdout.write(f"Nothing is published yet; name a machine to begin with it: {names}.")
        elif not plans:
            self.stdout.write("Every machine is as it was published.")
        elif check:
            sys.exit(1)

    def _tell(self, plan: Plan) -> None:
        name = plan.registered.name
        if plan.publish is not None and plan.before is not None:
            said = plan.registered.version == plan.publish.version
            new = plan.registered.machine if said else plan.publish.machine()
            self.stdout.write(compare(plan.before, new).rstrip())
            self.stdout.write(f"\n{name}: this makes version {plan.publish.version}, after {plan.before.version}.")
        elif plan.publish is not None:
            self.stdout.write(f"{name}: version {plan.publish.version} is not published.")
        if plan.say:
            self.stdout.write(f"{name}: {plan.say}")

    def _write(self, plan: Plan, *, ask: bool, dry: bool) -> None:
        if plan.publish is None:
            return
        path = file_of(plan.registered, plan.publish.version)
        files = {path: plan.publish.encode().decode()}
        if plan.before is not None:
            new = plan.publish.machine()
            upgrade = path.with_name(f"{plan.before.version:04}_to_{new.version:04}.py")
            if not upgrade.exists():
                states = self._renamed(plan.before, new, ask=ask)
                files[upgrade] = draft(plan.registered.name, plan.before, new, states)
        for file, text in files.items():
            self._put(file, text, dry=dry)
        upgrades.cache_clear()

    def _put(self, file: Path, text: str, *, dry: bool) -> None:
        if dry:
            self.stdout.write(f"Would write {file}:\n{text}")
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        undecided = text.count("...,")
        left = f"; {undecided} left to decide" if file.suffix == ".py" and undecided else ""
        self.stdout.write(f"Wrote {file}{left}.")

    def _renamed(self, old: Machine[Any], new: Machine[Any], *, ask: bool) -> dict[str, str]:
        """Ask for each state that is gone whether one that looks alike takes its place."""
        console, found = Console(self.stdout.write), dict[str, str]()
        for leaf, alike in homeless(old, new).items() if ask else ():
            for other in alike[:3]:
                try:
                    answer = console.ask(f"Does {other!r} of version {new.version} take the place of {leaf!r}? [y/N]")
                except KeyboardInterrupt:
                    return found
                if answer.lower() in ("y", "yes"):
                    found[leaf] = other
                    break
        return found


def _asked(name: str | None) -> list[Registered]:
    if name is not None:
        return [registry.find(name)]
    return [one for one in registry.machines() if one.directory.parent.is_dir()]


def _plans(name: str) -> Iterator[Plan]:
    """Yield what is to be done about the versions of a machine that this code has, the lowest first."""
    current = registry.find(name)
    known = published(current)
    for one in registry.versions(name):
        file, found = known.get(one.version), fingerprint(one.machine)
        below = [version for version in known if version < one.version]
        before = known[below[-1]].machine() if below else None
        if file is None:
            made = publish(one.machine)
            yield Plan(one, made, before, "")
            known = dict(sorted({**known, one.version: made}.items()))
        elif file.fingerprint != found:
            yield _changed(one, known, found)


def _changed(one: Registered, known: dict[int, Published], found: str) -> Plan:
    """Return what is to be done about a version that is not what was published under its number."""
    same = next((version for version, other in known.items() if other.fingerprint == found), None)
    last = max(known)
    if same is not None:
        return Plan(one, None, None, f"its structure is that of version {same}; write version={same} in the machine.")
    if one.version < last:
        return Plan(one, None, None, f"version {one.version} was published with another structure; take it back.")
    say = f"write version={last + 1} in the machine."
    return Plan(one, publish(one.machine, last + 1), known[last].machine(), say)
