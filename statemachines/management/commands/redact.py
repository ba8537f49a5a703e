"""`manage.py redact MACHINE KEY --reason …`: erase what is sensitive from an instance's past."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import router

from statemachines import registry
from statemachines.core.events import Actor
from statemachines.engine.redact import redact
from statemachines.exceptions import UnknownMachine
from statemachines.models import MachineInstance


class Command(BaseCommand):
    help = "Erase the sensitive fields from an instance's history and ended effects; its present data stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("machine", help="the machine's stored name, or its last part where that is unique")
        parser.add_argument("key", help="the instance's key")
        parser.add_argument("--reason", required=True, help="why; the history keeps it")
        parser.add_argument("--using", help="the database; by default the one that instances are written to")

    def handle(self, **options: Any) -> None:
        using = options["using"] or router.db_for_write(MachineInstance)
        try:
            name = registry.find(options["machine"]).name
            instance = MachineInstance.objects.using(using).get(machine=name, key=options["key"])
        except UnknownMachine as error:
            raise CommandError(str(error)) from error
        except MachineInstance.DoesNotExist as error:
            raise CommandError(f"{name} has no instance {options['key']!r}.") from error
        changed = redact(instance.pk, options["reason"], Actor("command", label="manage.py redact"), using)
        self.stdout.write(f"{instance}: erased what is sensitive from {changed} row(s) of its past.")
