"""Read an instance as it was: the snapshot after any of its history's entries, exactly.

Limits: exact only where the changes of data were kept (`HISTORY_PATCHES`, `HISTORY_PATCH_MAX_BYTES`); says so if not.
"""

from __future__ import annotations

from typing import Any

from statemachines import registry
from statemachines.core.codec import codec
from statemachines.core.snapshot import Snapshot
from statemachines.exceptions import HistoryIncomplete
from statemachines.models import HistoryEntry, MachineInstance


def snapshot_at(instance: MachineInstance, sequence: int) -> Snapshot[Any]:
    """Return the snapshot that an instance had after the entry `sequence`.

    Raises HistoryEntry.DoesNotExist where there is none, and HistoryIncomplete where a change was not kept.
    """
    entries = instance.entries.filter(sequence__lte=sequence).order_by("sequence")
    last: HistoryEntry | None = None
    data: dict[str, Any] = {}
    history: dict[str, tuple[str, ...]] = {}
    ended: dict[str, Any] = {}
    for last in entries.iterator():
        patch = last.patch
        if "omitted" in patch or "redacted" in patch:
            raise HistoryIncomplete(last.sequence)
        data = {name: value for name, value in data.items() if name not in patch.get("unset", [])}
        data |= patch.get("set", {})
        history |= {path: tuple(paths) for path, paths in patch.get("history", {}).items()}
        ended = patch.get("ended", {})  # a force may have it go on
    if last is None or last.sequence != sequence:
        raise HistoryEntry.DoesNotExist(f"{instance} has no history entry {sequence}.")
    machine = registry.find(instance.machine, last.version).machine
    return Snapshot(
        configuration=tuple(last.target),
        data=codec(machine.data_type, f"data of {instance.machine}").load(data),
        history=history,
        status="done" if ended else "active",
        output=ended.get("output"),
    )
