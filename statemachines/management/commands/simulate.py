"""`manage.py simulate MACHINE`: play a machine by hand in the terminal, from its start or from where an instance is.

Limits: reads the database only for `--instance`, and never writes to it.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from statemachines import registry
from statemachines.engine.standing import scene_of
from statemachines.exceptions import UnknownMachine, UnknownVersion
from statemachines.management.console import Console
from statemachines.management.simulator import Simulator
from statemachines.models import MachineInstance


class Command(BaseCommand):
    help = "Play a machine by hand: choose what happens, see what comes of it, save it as a test."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("machine", help="the machine's stored name, or its last part where that is unique")
        parser.add_argument("--instance", metavar="KEY", help="begin where this instance is; nothing is written to it")
        parser.add_argument("--database", default="default", help="where the instance is")

    def handle(self, **options: Any) -> None:
        try:
            registered = registry.find(options["machine"])
            instance = _instance(registered.name, options["instance"], options["database"])
            self.play(instance.registered if instance else registered, instance)
        except (UnknownMachine, UnknownVersion) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stdout.write("")
        self.stdout.write("Goodbye.")

    def play(self, registered: registry.Registered, instance: MachineInstance | None) -> None:
        """Run the simulator until it is left."""
        simulator = Simulator(registered, Console(self.stdout.write))
        self.stdout.write(f"{registered.name} version {registered.version}. Nothing is written to the database.")
        if instance is None:
            simulator.begin()
        else:
            simulator.go_on_from(scene_of(instance))
        simulator.run()


def _instance(machine: str, key: str | None, using: str) -> MachineInstance | None:
    if key is None:
        return None
    rows = MachineInstance.objects.using(using)
    found: MachineInstance | None = rows.filter(machine=machine, key=key).first()
    if found is None:
        raise CommandError(f"There is no instance {key!r} of {machine}.")
    return found
