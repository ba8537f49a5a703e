"""What operators find: instances of the example machines, and effects that have failed for good.

Limits: committed rows, made by the engine; nothing is handed to workers.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from django.urls import reverse

from statemachines.core.events import Actor
from statemachines.engine import create, edit_data, hold, jobs, outbox, pause, send
from statemachines.exceptions import EventRefused
from statemachines.models import Effect, HistoryEntry, MachineInstance, Timer
from tests.examples.machines import DoorData, NoteData, door, notes, regions

from .places import address, page_of


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


HOSTILE = "<script>alert('ran')</script><img src=x onerror=alert('ran')>"
"""What must be shown as the text that it is, wherever somebody can put a text."""


def every_page(folder: Path, actor: Actor) -> dict[str, str]:
    """Return the address of one page of each kind, with a hostile text in whatever can hold one."""
    failed, timed = stuck(folder, f"stuck {HOSTILE}"), waiting(f"clock {HOSTILE}")
    made = a_door(HOSTILE, code=HOSTILE)
    send(made, door.machine.events["lock"](code=HOSTILE), actor=actor)
    with suppress(EventRefused):
        send(made, "open", actor=actor)
    edit_data(made, {**made.data, "code": f"2 {HOSTILE}"}, reason=HOSTILE, actor=actor)
    hold("examples.note", reason=HOSTILE, actor=actor)
    both = create(regions.machine, HOSTILE, data={}, system=True)
    planned = jobs.plan("pause", [made.pk, timed.pk, failed.pk], {}, actor=actor)
    sending = jobs.plan("send", [made.pk, both.pk], {}, actor=actor)
    done = jobs.plan("resume", [made.pk, timed.pk], {}, actor=actor)
    jobs.confirm(done, HOSTILE, {})
    jobs.run(done.pk, "default")
    running = jobs.plan("pause", [made.pk, timed.pk], {}, actor=actor)
    jobs.confirm(running, HOSTILE, {})
    effect, timer, machine = failed.effects.get(), timer_of(timed), "machineoverview"
    return {
        "index": reverse("admin:index"),
        "list": address("machineinstance_changelist"),
        "list of a machine": address("machineinstance_changelist") + "?machine=examples.door",
        "machines": address(f"{machine}_changelist"),
        "machine": address(f"{machine}_change", "examples.notes"),
        "upgrade": address(f"{machine}_upgrade", "orders.onboarding"),
        "instance": page_of(made),
        "with a timer": page_of(timed),
        "with a failed effect": page_of(failed),
        "entry": page_of(made, "entry", 3),
        "send": page_of(made, "send", "open"),
        "force": page_of(made, "force"),
        "force in regions": page_of(both, "force"),
        "edit data": page_of(made, "data"),
        "pause": page_of(made, "act", "pause"),
        "retry": page_of(failed, "effect", effect.pk, "retry"),
        "give a result": page_of(failed, "effect", effect.pk, "result"),
        "postpone": page_of(timed, "timer", timer.pk, "postpone"),
        "bulk": address("bulkjob_change", planned.pk),
        "bulk sending": address("bulkjob_change", sending.pk) + "?event=open",
        "bulk under way": address("bulkjob_change", running.pk),
        "bulk done": address("bulkjob_change", done.pk),
        "bulk list": address("bulkjob_changelist"),
        "effects": address("effect_changelist"),
        "effect": address("effect_change", effect.pk),
        "history entry": address("historyentry_change", last(made).pk),
        "refused attempts": address("refusedattempt_changelist"),
    }
