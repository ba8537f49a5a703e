"""An instance's history as a page shows it: what happened, who did it, what it changed, what it caused.

Entries are read by sequence, newest first, so that a long history costs as much as a short one. Limits: the value that
a field had before is told where it was set within the last `LOOK_BACK` entries.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from statemachines import shown
from statemachines.core.privacy import mask
from statemachines.models import Effect, HistoryEntry, MachineInstance, Timer

from .words import event_in_words, lasted, leaves

PAGE = 20
LOOK_BACK = 500


class Changed(NamedTuple):
    """A field of the data; `known` tells whether what it was before is."""

    field: str
    before: Any
    after: Any
    known: bool = True
    gone: bool = False


class Told(NamedTuple):
    """An entry in words; `stayed` is how long the instance was then where this entry had put it."""

    entry: HistoryEntry
    words: str
    actor: str
    source: str
    target: str
    moved: bool
    by_hand: bool
    stayed: str
    payload: Any
    changes: list[Changed]
    note: str
    effects: list[Effect]
    timers: list[Timer]


class Timeline(NamedTuple):
    """A page of a history; `older` and `newer` are the sequences that the neighbouring pages begin with, or None."""

    entries: list[Told]
    older: int | None
    newer: int | None


def timeline(instance: MachineInstance, timers: Iterable[Timer], now: datetime, before: int | None = None) -> Timeline:
    """Return the entries up to the sequence `before`, by default the newest ones."""
    top = instance.sequence if before is None else min(before, instance.sequence)
    rows = list(instance.entries.filter(sequence__lte=top + 1).order_by("-sequence")[: PAGE + 2])
    after = rows.pop(0) if rows and rows[0].sequence > top else None
    more, rows = len(rows) > PAGE, rows[:PAGE]
    if not rows:
        return Timeline([], None, None)
    effects: dict[int, list[Effect]] = {}
    for effect in instance.effects.filter(sequence__gte=rows[-1].sequence, sequence__lte=top).order_by("pk"):
        effects.setdefault(effect.sequence, []).append(effect)
    before_page = known_data(instance, rows[-1].sequence)
    told: list[Told] = []
    changes = differences(instance, list(reversed(rows)), before_page)
    ends = [after.at if after else now, *(row.at for row in rows)]
    for row, until in zip(rows, ends, strict=False):
        row.instance = instance
        ended = "ended" in row.patch
        told.append(
            Told(
                entry=row,
                words=event_in_words(row.event),
                actor=row.actor_label or " ".join(filter(None, (row.actor_kind, row.actor_id))),
                source=leaves(row.source),
                target=leaves(row.target),
                moved=row.source != row.target,
                by_hand=row.event.startswith("statemachines."),
                stayed="" if ended and after is None else lasted(max(until - row.at, until - until)),
                payload=shown.payload(row),
                changes=changes[row.sequence],
                note=next((name for name in ("omitted", "redacted") if name in row.patch), ""),
                effects=effects.get(row.sequence, []),
                timers=[timer for timer in timers if timer.armed == row.sequence],
            )
        )
    newer = None if top == instance.sequence else min(top + PAGE, instance.sequence)
    return Timeline(told, rows[-1].sequence - 1 if more else None, newer)


def known_data(instance: MachineInstance, sequence: int) -> tuple[dict[str, Any], bool]:
    """Return what is known of the data before an entry, and whether that is all of it."""
    earlier = instance.entries.filter(sequence__lt=sequence).order_by("-sequence")
    patches = list(earlier.values_list("sequence", "patch")[:LOOK_BACK])
    data: dict[str, Any] = {}
    for _sequence, patch in reversed(patches):
        data = {name: one for name, one in data.items() if name not in patch.get("unset", ())} | patch.get("set", {})
    return data, sequence == 1 or (bool(patches) and patches[-1][0] == 1)


def differences(
    instance: MachineInstance, rows: list[HistoryEntry], known: tuple[dict[str, Any], bool]
) -> dict[int, list[Changed]]:
    """Return what each of some entries, the oldest first, changed in the data, masked."""
    data, complete = known
    found: dict[int, list[Changed]] = {}
    for row in rows:
        machine = shown.machine_of(instance.machine, row.version)
        given, gone = row.patch.get("set", {}), row.patch.get("unset", [])
        old = {name: data[name] for name in (*given, *gone) if name in data}
        if machine is None:
            was, now = shown.hidden(old), shown.hidden(given)
        else:
            was, now = mask(machine.data_type, old), mask(machine.data_type, given)
        found[row.sequence] = [
            Changed(name, was.get(name), after, complete or name in data) for name, after in now.items()
        ] + [Changed(name, was.get(name), None, complete or name in data, gone=True) for name in gone]
        data = {name: one for name, one in data.items() if name not in gone} | given
    return found
