"""`manage.py diagram MACHINE`: a machine's picture, or an instance's, as SVG, PNG, Mermaid or DOT.

Limits: draws what this code has; without --instance it asks no database.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from statemachines import picture, registry
from statemachines.core.diagram.dot import dot
from statemachines.core.diagram.mermaid import mermaid
from statemachines.exceptions import UnknownMachine, UnknownVersion
from statemachines.models import MachineInstance
from statemachines.raster import NoRaster, png
from statemachines.registry import Registered

FORMATS = ("svg", "png", "mermaid", "dot")


class Command(BaseCommand):
    help = "Draw a machine, or an instance where it is."
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **given: Any) -> CommandParser:
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **given)  # for our --version

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("machine", help="the machine's stored name, or its last part where that is unique")
        group = parser.add_mutually_exclusive_group()
        group.add_argument("--version", type=int, help="the version to draw; by default the current one")
        group.add_argument("--instance", metavar="KEY", help="draw the instance of that key, where it is and was")
        parser.add_argument("-f", "--format", choices=FORMATS, default="svg", help="by default svg")
        parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there; by default to stdout")

    def handle(self, **options: Any) -> None:
        format, key, output = options["format"], options["instance"], options["output"]
        if key is not None and format in ("mermaid", "dot"):
            raise CommandError(f"An instance is drawn as svg or png; {format} tells of the machine alone.")
        if format == "png" and output is None and sys.stdout.isatty():
            raise CommandError("A PNG is no text; name a file with -o FILE, or pipe it.")
        try:
            made = self._made(registry.find(options["machine"], options["version"]), key, format)
            if output is not None:
                output.write_bytes(made)
            elif format == "png":
                sys.stdout.buffer.write(made)
            else:
                self.stdout.write(made.decode())
        except (UnknownMachine, UnknownVersion, NoRaster) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror or error}") from error

    def _made(self, registered: Registered, key: str | None, format: str) -> bytes:
        if format in ("mermaid", "dot"):
            graph = picture.graph_of(registered.machine)
            return (mermaid(graph) if format == "mermaid" else dot(graph)).encode()
        drawn = registered if key is None else self._instance(registered, key)
        svg = picture.machine_svg(drawn) if isinstance(drawn, Registered) else picture.instance_svg(drawn)
        return png(svg) if format == "png" else svg.encode()

    def _instance(self, registered: Registered, key: str) -> MachineInstance:
        try:
            return MachineInstance.objects.get(machine=registered.name, key=key)
        except MachineInstance.DoesNotExist:
            raise CommandError(f"{registered.name} has no instance with the key {key!r}.") from None
