"""The machines of this project, by stored name and version.

`register(machine)` in an app's `machines` module gives it the stored name `<app label>.<machine name>`.
Limits: holds code; which versions instances are on is in the database.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from .core.events import Actor
from .core.functions import Action, Effect
from .core.machine import Machine
from .exceptions import UnknownMachine, UnknownVersion

if TYPE_CHECKING:
    from .models import HistoryEntry
    from .policy import Policy, Subject

Public = Callable[["Subject", Actor], msgspec.Struct]
"""Makes what somebody is shown of an instance; its annotation says of which type that is."""

PublicHistory = Callable[["HistoryEntry", Actor], msgspec.Struct]
"""Makes what somebody is shown of a history entry."""


Upgrades = Literal["pinned", "lazy", "never"]
"""When instances of older versions are upgraded: by an operator, by themselves at their next event, or not at all."""


class Registered:
    """A machine under its stored name; `acts`: it has `@action`s, which write in its transitions' transactions.

    Who may do what, and what they are shown, says the current version for all: see `find`.
    """

    policy: Policy | None = None
    public: Public | None = None
    public_history: PublicHistory | None = None
    indexed: tuple[str, ...] = ()
    upgrades: Upgrades = "pinned"

    def __init__(self, machine: Machine[Any], app_label: str) -> None:
        self.machine = machine
        self.app_label = app_label
        self.name = sys.intern(f"{app_label}.{machine.name}")  # signals know it as their sender
        self.version = machine.version
        self.acts = any(isinstance(named, Action) for named in machine.names.actions.values())

    @property
    def directory(self) -> Path:
        """Where the machine's published versions and upgrades stand; the directory need not be there."""
        installed = self.app_label in apps.app_configs  # register(app_label=) may say any label: then there are none
        home = apps.get_app_config(self.app_label).path if installed else os.devnull
        return Path(home) / "machine_versions" / self.machine.name

    def effect_name(self, effect: Effect[Any, Any]) -> str:
        """Return an effect's stored name: the machine's app and the effect's id."""
        return f"{self.app_label}.{effect.id}"

    def effect(self, name: str) -> Effect[Any, Any]:
        """Return an effect by its stored name. Raises UnknownVersion where this code does not have it."""
        try:
            return self.machine.names.effects[name.removeprefix(f"{self.app_label}.")]
        except KeyError:
            raise UnknownVersion(f"{self.name} version {self.version} has no effect {name!r} in this code.") from None


_machines: dict[str, dict[int, Registered]] = {}


def register(
    machine: Machine[Any],
    *,
    policy: Policy | None = None,
    public: Public | None = None,
    public_history: PublicHistory | None = None,
    indexed: Sequence[str] = (),
    upgrades: Upgrades = "pinned",
    app_label: str | None = None,
) -> Registered:
    """Make a machine known under `<app label>.<name>`; the app is that of the calling module, unless it is said.

    `policy`: who may do what; without one there is no REST, and Python code is trusted. `public` and `public_history`:
    what is shown of an instance and of its entries, by default its states and tags, and times and states. `indexed`:
    fields of the data by which lists may be filtered; an index for each is the project's own. `upgrades`: when
    instances of older versions are upgraded, where they do not say it themselves; the current version says it.
    Raises ImproperlyConfigured where the name and version are taken, or the caller belongs to no installed app.
    """
    if app_label is None:
        module = sys._getframe(1).f_globals["__name__"]
        config = apps.get_containing_app_config(module)
        if config is None:
            raise ImproperlyConfigured(f"{module} belongs to no installed app; pass app_label= to register().")
        app_label = config.label
    registered = Registered(machine, app_label)
    registered.policy, registered.public, registered.public_history = policy, public, public_history
    registered.indexed, registered.upgrades = tuple(indexed), upgrades
    versions = _machines.setdefault(registered.name, {})
    known = versions.setdefault(machine.version, registered)
    if known.machine is not machine:
        raise ImproperlyConfigured(
            f"Two machines are {registered.name} version {machine.version}; give one another name or version."
        )
    return known


def machines() -> list[Registered]:
    """Return the current version of each registered machine, by name."""
    return [find(name) for name in sorted(_machines)]


def versions(name: str) -> list[Registered]:
    """Return all versions of a machine that this code has, by its whole stored name; none for an unknown one."""
    return [one for _, one in sorted(_machines.get(name, {}).items())]


def versions_of(name: str) -> list[Registered]:
    """Return all versions of a machine that this code has, by its stored name."""
    return list(_machines[name].values())


def find(name: str, version: int | None = None) -> Registered:
    """Return a machine by stored name, or by the last part where that is unique; by default its current version.

    Raises UnknownMachine and UnknownVersion.
    """
    versions = _machines.get(name) or _machines.get(_complete(name), {})
    if version is None:
        return versions[max(versions)]
    if version not in versions:
        known = ", ".join(map(str, sorted(versions)))
        way = f" manage.py upgrade_instances {name} brings instances along." if version < max(versions) else ""
        raise UnknownVersion(f"This code has no version {version} of {name}, it has: {known}.{way}")
    return versions[version]


def effect(name: str) -> Effect[Any, Any] | None:
    """Return what this code knows of an effect by its stored name, whichever machine has it."""
    label, _, id = name.rpartition(".")
    known = (one for versions in _machines.values() for one in versions.values() if one.app_label == label)
    return next((found for one in known if (found := one.machine.names.effects.get(id))), None)


def effect_names() -> set[str]:
    """Return the stored names of all effects that this code knows."""
    known = (one for versions in _machines.values() for one in versions.values())
    return {f"{one.app_label}.{id}" for one in known for id in one.machine.names.effects}


def _complete(name: str) -> str:
    found = [known for known in _machines if known.rpartition(".")[2] == name]
    if len(found) != 1:
        known = ", ".join(sorted(found or _machines)) or "none"
        problem = "is ambiguous" if found else "is not registered"
        raise UnknownMachine(f"The machine {name!r} {problem}; known: {known}.")
    return found[0]


def of(machine: Machine[Any] | str) -> Registered:
    """Return the registration of a machine or of a name. Raises UnknownMachine."""
    if isinstance(machine, str):
        return find(machine)
    for versions in _machines.values():
        for registered in versions.values():
            if registered.machine is machine:
                return registered
    raise UnknownMachine(f"{machine!r} is not registered; call register() in its app's machines module.")
