"""Published versions in the database: recorded once, and never touched by code that means something else by them.

Limits: what is not published is not checked.
"""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from statemachines import registry
from statemachines.core.published import fingerprint
from statemachines.exceptions import UnknownVersion
from statemachines.models import MachineInstance, MachineVersion
from statemachines.registry import Registered
from statemachines.versions import file_of, published

from .changes import Row

_same: set[tuple[str, Registered]] = set()
"""By database, what this code was found to have as it was recorded, or does not publish: asked once per process."""


def record(using: str) -> None:
    """Record what is published. Raises ImproperlyConfigured where something else is known under a version."""
    rows = MachineVersion.objects.using(using)
    for registered in registry.machines():
        for version, one in published(registered).items():
            row, _ = rows.get_or_create(
                machine=registered.name,
                version=version,
                defaults={"fingerprint": one.fingerprint, "definition": one.encode().decode()},
            )
            if row.fingerprint != one.fingerprint:
                raise ImproperlyConfigured(
                    f"{file_of(registered, version)} has the fingerprint {one.fingerprint}, but version {version} of "
                    f"{registered.name} was recorded in {using!r} with {row.fingerprint}, and instances may be on it. "
                    "A published version never changes: take the file back from before, and publish what changed as "
                    "a new version (manage.py makeupgrade)."
                )


def known(name: str, version: int, using: str) -> Registered:
    """Return the machine that instances on a version are driven by.

    Raises UnknownMachine and UnknownVersion, the latter also where this code means something else by that version than
    what is recorded.
    """
    registered = registry.find(name, version)
    if (using, registered) not in _same:
        _check(registered, using)
    return registered


def behind(row: Row) -> bool:
    """Say whether an instance's policy is to be upgraded before it goes on. Raises UnknownMachine."""
    current = registry.find(row.machine)
    lazy = (row.upgrades or current.upgrades) == "lazy"
    return lazy and row.version < current.version and row.status not in MachineInstance.ENDED


def _check(registered: Registered, using: str) -> None:
    if file_of(registered, registered.version).exists():
        rows = MachineVersion.objects.using(using).filter(machine=registered.name, version=registered.version)
        recorded = rows.values_list("fingerprint", flat=True).first()
        if recorded is None:
            return  # `migrate` has not run yet: ask again
        if recorded != fingerprint(registered.machine):
            raise UnknownVersion(
                f"This code means something else by {registered.name} version {registered.version} than was published "
                "as it, so it leaves its instances alone. Give what changed a new version (manage.py makeupgrade)."
            )
    _same.add((using, registered))
