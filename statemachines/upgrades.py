"""The upgrades between versions of machines: files beside the published ones, `0001_to_0002.py`, and ways over them.

A file holds one or more `Upgrade`s, the way back too where there is one. Limits: finds and checks; `engine` applies.
"""

from __future__ import annotations

import sys
from collections import deque
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from . import registry
from .core.crossing import Crossing
from .core.upgrade import Upgrade
from .exceptions import NoUpgrade
from .registry import Registered
from .versions import definition

Pair = tuple[int, int]


@cache
def upgrades(name: str) -> dict[Pair, Crossing]:
    """Return a machine's upgrades by the versions that they lead from and to, read once per process.

    Raises UpgradeError where one does not fit the versions, and ImproperlyConfigured where a file is none.
    """
    registered = registry.find(name)
    found: dict[Pair, Crossing] = {}
    for path in sorted(registered.directory.glob("[0-9]*.py")):
        for upgrade in _in_file(registered, path):
            pair = upgrade.from_version, upgrade.to_version
            if pair in found:
                raise ImproperlyConfigured(f"{path}: there are two upgrades of {upgrade!r}; keep one.")
            found[pair] = Crossing(upgrade, *(definition(name, version) for version in pair))
    return found


def _in_file(registered: Registered, path: Path) -> list[Upgrade]:
    package = apps.get_app_config(registered.app_label).name
    name = f"{package}.machine_versions.{registered.machine.name}.{path.stem}"
    spec = spec_from_file_location(name, path)
    assert spec is not None  # a path that ends in .py has one
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ImproperlyConfigured(f"{path} cannot be loaded: {error!r}. Correct it.") from error
    found = [value for value in vars(module).values() if isinstance(value, Upgrade)]
    if not found:
        raise ImproperlyConfigured(f"{path} holds no Upgrade; write one, or remove the file.")
    for upgrade in found:
        if upgrade.machine not in (registered.name, registered.machine.name):
            raise ImproperlyConfigured(f"{path}: the upgrade is of {upgrade.machine!r}, not of {registered.name!r}.")
    return found


def way(name: str, start: int, end: int) -> list[Crossing]:
    """Return the shortest way from one version of a machine to another. Raises NoUpgrade where none leads there."""
    known = upgrades(name)
    ways: dict[int, list[Crossing]] = {start: []}
    waiting = deque([start])
    while waiting and end not in ways:
        here = waiting.popleft()
        for (source, target), crossing in sorted(known.items(), key=lambda item: -item[0][1]):
            if source == here and target not in ways:
                ways[target] = [*ways[here], crossing]
                waiting.append(target)
    if end not in ways:
        raise NoUpgrade(name, start, end)
    return ways[end]
