"""`manage.py diff_machine MACHINE V1 V2`: what changed between two versions, in words, and how instances get over.

With `-f svg` as a picture: both side by side, and what each state becomes. A version that the code has dropped is told
from its published file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from statemachines import picture, registry
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
        parser.add_argument("-f", "--format", choices=("words", "svg"), default="words", help="by default words")
        parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there; by default to stdout")

    def handle(
        self, *, machine: str, old: int, new: int, format: str, output: Path | None = None, **options: Any
    ) -> None:
        try:
            name = registry.find(machine).name
            told = picture.upgrade_svg(name, old, new) if format == "svg" else in_words(name, old, new)
            if output is None:
                self.stdout.write(told)
            else:
                output.write_text(told, encoding="utf-8")
        except (UnknownMachine, ImproperlyConfigured, UpgradeError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror or error}") from error


def in_words(name: str, old: int, new: int) -> str:
    """Tell what changed, and where the upgrade leads each state, as Markdown."""
    text = compare(definition(name, old), definition(name, new))
    try:
        steps = ["\n".join(_told(crossing)) for crossing in way(name, old, new)]
    except NoUpgrade as none:
        steps = [str(none)]
    return f"{text}\n## Upgrade\n\n" + "\n\n".join(steps) + "\n"


def _told(crossing: Crossing) -> list[str]:
    """Return a table of where an upgrade leads each state in which an instance can be."""
    upgrade = crossing.upgrade
    head = [f"From version {upgrade.from_version} to {upgrade.to_version}:", "", "| State | becomes |", "| --- | --- |"]
    if upgrade.image is not None:
        return [*head, f"| each, as a function decides | {', '.join(upgrade.images)} |"]
    leaves = [node.path for node in crossing.old.chart.nodes if node.leaf]
    return head + [f"| {leaf} | {', '.join(listed(upgrade.states.get(leaf, leaf)))} |" for leaf in leaves]
