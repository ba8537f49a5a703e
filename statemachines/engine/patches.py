"""What a transition changed, as history keeps it: enough to read the instance as of any entry.

Limits: by top-level field of the data; a field that changed is kept whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import msgspec
from msgspec.structs import astuple

from statemachines import conf
from statemachines.core.snapshot import Snapshot


def patch(before: Snapshot[Any] | None, after: Snapshot[Any]) -> str:
    """Return the change between two snapshots as JSON (see `HistoryEntry.patch`)."""
    changed = _changed(before, after)
    if not changed:
        return "{}"
    encoded = msgspec.json.encode(changed)
    if not conf.get("HISTORY_PATCHES") or len(encoded) > conf.get("HISTORY_PATCH_MAX_BYTES"):
        return f'{{"omitted": {len(encoded)}}}'
    return encoded.decode()


def _changed(before: Snapshot[Any] | None, after: Snapshot[Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    if before is None or before.data is not after.data:
        changed |= _data(before.data if before else None, after.data)
    if after.history:
        known = before.history if before else {}
        changed["history"] = {path: paths for path, paths in after.history.items() if known.get(path) != paths}
    if after.status == "done":
        changed["ended"] = {"output": after.output}
    return {name: value for name, value in changed.items() if value}


def _data(old: Any, new: Any) -> dict[str, Any]:
    if type(old) is type(new) and isinstance(new, msgspec.Struct):
        values = zip(new.__struct_fields__, astuple(old), astuple(new), strict=True)
        return {"set": {name: value for name, was, value in values if was is not value and not _same(was, value)}}
    was, now = _fields(old), _fields(new)
    changed = {name: value for name, value in now.items() if name not in was or not _same(was[name], value)}
    return {"set": changed, "unset": [name for name in was if name not in now]}


def _same(old: Any, new: Any) -> bool:
    """Say whether two values are the same in JSON, where 1 is not True and 1.1 not 1.10."""
    return old == new and msgspec.json.encode(old) == msgspec.json.encode(new)


def _fields(data: Any) -> dict[str, Any]:
    if data is None:
        return {}
    if isinstance(data, Mapping):
        return dict(data)
    names = [field.name for field in fields(data)] if is_dataclass(data) else data.__struct_fields__
    return {name: getattr(data, name) for name in names}
