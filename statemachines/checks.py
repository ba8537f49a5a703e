"""System checks: what is set up wrong is said by `manage.py check`, with an id and a hint, not by a crash at night."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.utils.module_loading import import_string

from . import conf, picture, registry, versions
from .core.published import fingerprint
from .core.suspicions import suspicions
from .exceptions import UnknownVersion, UpgradeError
from .models import MachineInstance
from .upgrades import upgrades

LEVELS = {"warning": Warning, "info": Info}


@register("statemachines")
def check_settings(app_configs: Sequence[Any] | None, **given: Any) -> list[CheckMessage]:
    """Hold the settings against what the app knows and needs."""
    if not isinstance(conf.given(), dict):
        hint = "Write STATEMACHINES = {…}, or leave it out."
        return [Error("STATEMACHINES is no dict.", hint=hint, id="statemachines.E003")]
    known = ", ".join(sorted(conf.SETTINGS))
    found: list[CheckMessage] = [
        Error(
            f"STATEMACHINES has no setting {key!r}.",
            hint=f"Remove it, or write one of: {known}.",
            id="statemachines.E001",
        )
        for key in conf.unknown()
    ]
    if not settings.USE_TZ:
        hint = "Set USE_TZ = True: timers are points in time, not wall clock readings."
        found.append(Error("statemachines needs aware datetimes.", hint=hint, id="statemachines.E002"))
    wrong: list[CheckMessage] = [
        Error(
            f"STATEMACHINES[{name!r}] is {conf.get(name)!r}: {problem}.",
            hint=f"It takes {setting.takes}; the default is {setting.default!r}.",
            id="statemachines.E003",
        )
        for name, setting, problem in conf.mistyped()
    ]
    return found + (wrong or list(_check_parts()))


def _check_parts() -> Iterator[CheckMessage]:
    """Hold settings of the right type against what is installed."""
    path = conf.dispatcher()
    try:
        import_string(path)
    except ImportError as error:
        hint = "Name a class by its full path, or leave DISPATCHER out."
        yield Error(f"The dispatcher {path!r} cannot be had: {error}.", hint=hint, id="statemachines.E004")
    alias = router.db_for_write(MachineInstance)
    vendor = connections[alias].vendor
    if conf.get("STORE") == "postgres" and vendor != "postgresql":
        text = f"STORE is 'postgres', but the database {alias!r} is {vendor}."
        yield Error(text, hint="Leave STORE out: each database then gets what suits it.", id="statemachines.E005")
    listen = conf.get("LISTEN_ALIAS")
    if listen is not None and (listen not in connections or connections[listen].vendor != "postgresql"):
        text = f"LISTEN_ALIAS is {listen!r}, which is no PostgreSQL database of DATABASES."
        hint = "Name the alias of a direct connection to the instances' database, or leave it out: then waiting polls."
        yield Error(text, hint=hint, id="statemachines.E007")
    if path == conf.SWEEP_ONLY and conf.get("DISPATCHER") is None:
        yield Info(
            "Celery is not installed: nobody runs effects and fires timers by itself.",
            hint="Keep `manage.py statemachines_sweep --loop` running, and say so by "
            f'STATEMACHINES = {{"DISPATCHER": "{path}"}}; or install the extra "celery".',
            id="statemachines.I001",
        )


@register("statemachines")
def check_diagrams(app_configs: Sequence[Any] | None, **given: Any) -> list[CheckMessage]:
    """Say what is missing for good diagrams; others are drawn all the same."""
    if not isinstance(conf.given(), dict) or any(name == "ELK_FILE" for name, *_ in conf.mistyped()):
        return []  # told by check_settings
    elk, *others = picture.engines()
    missing = elk.missing()
    if not missing:
        return []
    instead = next((engine.name for engine in others if not engine.missing()), "a listing without arrows")
    hint = (
        "Install quickjs-ng, and in a checkout run `make vendor`; or name elkjs 0.10.2's elk-worker.min.js by "
        'STATEMACHINES = {"ELK_FILE": "…"}.'
    )
    return [Info(f"Diagrams are drawn by {instead}: {missing}.", hint=hint, id="statemachines.I002")]


@register("statemachines")
def check_machines(app_configs: Sequence[Any] | None, **given: Any) -> list[CheckMessage]:
    """Say what is suspect in the registered machines, but for what they silence; docs/checks.md lists the ids."""
    return [
        LEVELS[found.level](
            f"Machine {registered.name}, {f'state {found.state!r}' if found.state else 'itself'}: {found.text}.",
            hint=found.hint,
            obj=registered.name,
            id=f"statemachines.{found.id}",
        )
        for registered in registry.machines()
        for found in suspicions(registered.machine)
        if not found.silenced
    ]


@register("statemachines")
def check_versions(app_configs: Sequence[Any] | None, **given: Any) -> list[CheckMessage]:
    """Say which machines are not what was published under their version."""
    return [message for registered in registry.machines() for message in _check_version(registered)]


def _check_version(registered: registry.Registered) -> Iterator[CheckMessage]:
    name = registered.name
    try:
        known = versions.published(registered)
    except ImproperlyConfigured as error:
        yield Error(
            str(error),
            hint="Never edit these files; manage.py makeupgrade writes them.",
            obj=name,
            id="statemachines.E006",
        )
        return
    try:
        upgrades(name)
    except (ImproperlyConfigured, UnknownVersion, UpgradeError) as error:
        yield Error(str(error), hint="Correct the upgrade's file.", obj=name, id="statemachines.E008")
    for one in registry.versions(name) if known else ():
        found, file = fingerprint(one.machine), known.get(one.version)
        same = next((version for version, other in known.items() if other.fingerprint == found), None)
        if file is None:
            text, hint = f"{name} version {one.version} is not published.", "Run manage.py makeupgrade."
        elif file.fingerprint == found:
            continue
        elif same is not None:
            text = f"{name} says that it is version {one.version}, but its structure is that of version {same}."
            hint = f"Write version={same} in the machine."
        else:
            text = f"The structure of {name} changed, and it still is version {one.version}."
            hint = "Run manage.py makeupgrade: instances that run must be able to follow."
        yield Warning(text, hint=hint, obj=name, id="statemachines.W114")
