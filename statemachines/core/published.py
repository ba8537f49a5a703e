"""A version of a machine as it is written down: its definition as JSON, without its code, and a fingerprint.

What is read back can be shown, explained and compared, and upgrades are checked against it; only code can run.
Limits: a fingerprint tells structure, not words (descriptions, labels, tags) nor what functions compute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from .machine import Machine
from .shapes import Recorded, Shape, shapes

WORDS = ("description", "label", "meta", "tags", "version", "context")
"""What a definition says besides its structure."""


class Published(msgspec.Struct, frozen=True):
    """A published version. `functions`: by kind, the ids that the definition names; `shapes`: see `shapes.shapes`."""

    version: int
    fingerprint: str
    definition: dict[str, Any]
    functions: dict[str, list[str]]
    shapes: dict[str, Shape]

    def encode(self) -> bytes:
        """Return it as the text of a file, laid out for people, and for a version control's differences."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    def machine(self) -> Machine[Any]:
        """Return the machine, to be shown and compared: it has no functions and no types."""
        known: dict[str, Any] = {kind: dict.fromkeys(ids, _absent) for kind, ids in self.functions.items()}
        return Machine.from_xstate(self.definition, data=Recorded(self.shapes), version=self.version, **known)


def publish(machine: Machine[Any], version: int | None = None) -> Published:
    """Return what is to be written down of a machine, as another version where its author has yet to say so."""
    number = version or machine.version
    definition = machine.to_xstate() | {"version": str(number)}
    functions = {kind: list(known) for kind, known in machine.names.functions().items() if known}
    return Published(number, fingerprint(machine), definition, functions, dict(shapes(machine)))


def read(text: bytes | str) -> Published:
    """Read what `encode` has written. Raises msgspec.MsgspecError where it is something else."""
    return msgspec.json.decode(text, type=Published)


def fingerprint(machine: Machine[Any]) -> str:
    """Return a digest of what instances depend on: states, transitions, timers, effects, and the fields of the data."""
    structure = [_structure(machine.to_xstate()), shapes(machine)[""]]
    return sha256(msgspec.json.encode(structure)).hexdigest()[:32]


def _structure(told: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of a state, and of all in it, what is only words."""
    return dict(_kept(told))


def _kept(told: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in told.items():
        if key == "states":
            yield key, {name: _structure(state) for name, state in value.items()}
        elif key in ("on", "after"):
            yield key, {name: _candidates(rows) for name, rows in value.items()}
        elif key in ("always", "onDone", "onError", "invoke"):
            yield key, _candidates(value)
        elif key not in WORDS:
            yield key, value


def _candidates(rows: Any) -> Any:
    if isinstance(rows, Mapping):
        return _structure(rows)
    return [_structure(row) for row in rows] if isinstance(rows, Sequence) and not isinstance(rows, str) else rows


def _absent(data: Any) -> Any:
    raise NotImplementedError("A published version has no code; keep the machine's old definition to run it.")
