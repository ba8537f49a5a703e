"""What operators find: instances of the example machines, and effects that have failed for good.

Limits: committed rows, made by the engine; nothing is handed to workers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.urls import reverse

from statemachines.engine import create, outbox, pause, send
from statemachines.models import Effect, HistoryEntry, MachineInstance, Timer
from tests.examples.machines import DoorData, NoteData, door, notes

NO_MAIL_SERVER = {
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": 9,
}  # fmt: skip


def address(name: str, *args: object) -> str:
    """Return the address of one of the app's admin pages."""
    return reverse(f"admin:statemachines_{name}", args=args)


def page_of(instance: MachineInstance, name: str = "change", *args: object) -> str:
    return address(f"machineinstance_{name}", instance.pk, *args)


def a_door(key: str = "front", **data: Any) -> MachineInstance:
    return create(door.machine, key, data=DoorData(**data), system=True)


def a_paused_door() -> MachineInstance:
    made = a_door()
    pause(made, reason="Painters.", system=True)
    return made


def waiting(key: str = "clock") -> MachineInstance:
    """An instance with a timer."""
    made = create(notes.machine, key, data=NoteData(seconds=3600), system=True)
    send(made, "wait", system=True)
    return made


def stuck(folder: Path, key: str = "stuck") -> MachineInstance:
    """An instance whose effect has failed for good; tried again it works."""
    made = create(notes.machine, key, data=NoteData(file=str(folder / "notes"), fail=5), system=True)
    send(made, "go", system=True)
    exhaust(made.effects.get())
    return made


def exhaust(effect: Effect) -> None:
    """Run an effect until it needs somebody."""
    while not effect.needs_attention:
        assert effect.status in Effect.OPEN, f"it did not fail, it is {effect.status}"
        Effect.objects.filter(pk=effect.pk).update(due_at=effect.created_at)
        outbox.run_effect(effect.pk, "default")
        effect.refresh_from_db()


def timer_of(instance: MachineInstance) -> Timer:
    return instance.timers.get()


def last(instance: MachineInstance) -> HistoryEntry:
    return instance.entries.latest("sequence")
