"""`manage.py check_machine [MACHINE] [--json]`: what is suspect in the machines, state by state.

Limits: looks at the current versions; the same findings are part of `manage.py check`.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from statemachines import registry
from statemachines.core.suspicions import Suspicion, suspicions
from statemachines.exceptions import UnknownMachine


class Command(BaseCommand):
    help = "Report what is suspect in the machines; exit with 1 where something is that nobody silenced."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("machine", nargs="?", help="a stored name, or its last part where that is unique; else all")
        parser.add_argument("--json", action="store_true", help="print JSON, what is silenced included")

    def handle(self, **options: Any) -> None:
        found = {one: _findings(one) for one in _asked(options["machine"])}
        write = _json if options["json"] else _report
        self.stdout.write("\n".join(write(found)))
        if any(not finding.silenced for findings in found.values() for finding in findings):
            sys.exit(1)


def _asked(name: str | None) -> list[registry.Registered]:
    try:
        return registry.machines() if name is None else [registry.find(name)]
    except UnknownMachine as error:
        raise CommandError(str(error)) from error


def _findings(registered: registry.Registered) -> list[Suspicion]:
    """Return a machine's findings; those that the settings silence count as silenced."""
    everywhere = settings.SILENCED_SYSTEM_CHECKS
    return [
        msgspec.structs.replace(found, silenced=found.silenced or f"statemachines.{found.id}" in everywhere)
        for found in suspicions(registered.machine)
    ]


def _json(found: dict[registry.Registered, list[Suspicion]]) -> Iterator[str]:
    told = [
        {"machine": one.name, "version": one.version, "findings": msgspec.to_builtins(findings)}
        for one, findings in found.items()
    ]
    yield json.dumps(told, indent=2)


def _report(found: dict[registry.Registered, list[Suspicion]]) -> Iterator[str]:
    for registered, findings in found.items():
        told = [finding for finding in findings if not finding.silenced]
        silenced = f" ({len(findings) - len(told)} silenced)" if len(findings) > len(told) else ""
        yield f"{registered.name} version {registered.version}: {_count(len(told))}{silenced}"
        for state, here in itertools.groupby(told, lambda finding: finding.state):
            yield f"  {f'state {state}' if state else 'the machine itself'}"
            for finding in here:
                yield f"    {finding.id}  {finding.text[0].upper()}{finding.text[1:]}."
                yield f"          {finding.hint}"


def _count(number: int) -> str:
    return "nothing is suspect" if number == 0 else "1 finding" if number == 1 else f"{number} findings"
