"""The published versions of machines: committed files, like migrations, `<app>/machine_versions/<machine>/0003.json`.

`manage.py makeupgrade` writes them. Limits: reads files; what `migrate` has recorded of them is in the database.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from msgspec import MsgspecError

from . import registry
from .core.errors import DefinitionError
from .core.machine import Machine
from .core.published import Published, fingerprint, read
from .exceptions import UnknownVersion
from .registry import Registered


def file_of(registered: Registered, version: int) -> Path:
    """Return the file of a published version, which need not be there."""
    return registered.directory / f"{version:04}.json"


def published(registered: Registered) -> dict[int, Published]:
    """Return the published versions of a machine, in order. Raises ImproperlyConfigured for a file that is none."""
    found = (path for path in registered.directory.glob("*.json") if re.fullmatch(r"\d{4,}", path.stem))
    return {int(path.stem): _read(path) for path in sorted(found, key=lambda path: int(path.stem))}


def _read(path: Path) -> Published:
    try:
        one = read(path.read_bytes())
        told = fingerprint(one.machine())
    except (MsgspecError, DefinitionError, KeyError, AttributeError) as error:
        raise ImproperlyConfigured(f"{path} is no published version: {error}. Take it back from before.") from error
    if (one.version, one.fingerprint) != (int(path.stem), told):
        raise ImproperlyConfigured(
            f"{path} was edited: it says version {one.version} and fingerprint {one.fingerprint}, but is version "
            f"{int(path.stem)} with {told}. A published version never changes; take it back from before."
        )
    return one


def definition(name: str, version: int) -> Machine[Any]:
    """Return a version of a machine as it was published, or as code has it where that is the same or there is no file.

    Without code it shows and compares but does not run. Raises UnknownMachine, and UnknownVersion where it is in
    neither.
    """
    one = published(registry.find(name)).get(version)
    try:
        machine = registry.find(name, version).machine
    except UnknownVersion as unknown:
        if one is None:
            raise UnknownVersion(f"{unknown} Nor has it a published file of that version.") from None
        return one.machine()
    return machine if one is None or one.fingerprint == fingerprint(machine) else one.machine()
