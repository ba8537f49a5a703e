"""`manage.py explain MACHINE`: a machine, or what changed between two of its versions, in plain sentences.

Limits: tells of the versions that this code has.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from statemachines import registry
from statemachines.core.comparison import compare
from statemachines.core.explanation import explain
from statemachines.exceptions import UnknownMachine, UnknownVersion


class Command(BaseCommand):
    help = "Tell a machine, or the difference of two versions, in plain sentences (Markdown)."
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **given: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **given)  # for our --version

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("machine", help="the machine's stored name, or its last part where that is unique")
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--version", type=int, help="the version to tell; by default the current one")
        group.add_argument("--diff", type=int, nargs=2, metavar=("V1", "V2"), help="tell what changed between versions")

    def handle(self, **options: Any) -> None:
        name, versions = options["machine"], options["diff"]
        try:
            if versions is None:
                text = explain(registry.find(name, options["version"]).machine)
            else:
                text = compare(*(registry.find(name, version).machine for version in versions))
        except UnknownVersion as error:
            needed = " A difference needs two versions that this code has." if versions else ""
            raise CommandError(f"{error}{needed}") from error
        except UnknownMachine as error:
            raise CommandError(str(error)) from error
        self.stdout.write(text, ending="")
