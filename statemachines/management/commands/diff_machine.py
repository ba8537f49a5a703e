"""`manage.py diff_machine MACHINE V1 V2`: what changed between two versions, in words, and how instances get over.

A version that the code has dropped is told from its published file. Limits: no picture; `diagram --version` draws one.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from statemachines import registry
from statemachines.core.comparison import compare
from statemachines.core.crossing import Crossing
from statemachines.core.upgrade import listed
from statemachines.exceptions import NoUpgrade, UnknownMachine, UpgradeError
from statemachines.upgrades import way
from statemachines.versions import definition


class Command(BaseCommand):
    help = "Tell what changed between two versions of a machine (Markdown), and where its upgrade leads each state."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("machine", help="the machine's stored name, or its last part where that is unique")
        parser.add_argument("old", type=int, metavar="V1")
        parser.add_argument("new", type=int, metavar="V2")

    def handle(self, *, machine: str, old: int, new: int, **options: Any) -> None:
        try:
            name = registry.find(machine).name
            text = compare(definition(name, old), definition(name, new))
            self.stdout.write(f"{text}\n## Upgrade\n")
            for crossing in way(name, old, new):
                self.stdout.write("\n".join(_told(crossing)))
        except NoUpgrade as none:
            self.stdout.write(str(none))
        except (UnknownMachine, ImproperlyConfigured, UpgradeError) as error:
            raise CommandError(str(error)) from error


def _told(crossing: Crossing) -> list[str]:
    """Return a table of where an upgrade leads each state in which an instance can be."""
    upgrade = crossing.upgrade
    head = [f"From version {upgrade.from_version} to {upgrade.to_version}:", "", "| State | becomes |", "| --- | --- |"]
    if upgrade.image is not None:
        return [*head, f"| each, as a function decides | {', '.join(upgrade.images)} |"]
    leaves = [node.path for node in crossing.old.chart.nodes if node.leaf]
    return head + [f"| {leaf} | {', '.join(listed(upgrade.states.get(leaf, leaf)))} |" for leaf in leaves]
