"""System checks: what is set up wrong is said by `manage.py check`, with an id and a hint, not by a crash at night."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from . import conf, registry
from .core.suspicions import suspicions


@register("statemachines")
def check_settings(app_configs: Sequence[Any] | None, **given: Any) -> list[CheckMessage]:
    """Hold the settings against what the app knows and needs."""
    found: list[CheckMessage] = [
        Error(
            f"STATEMACHINES has no setting {key!r}.",
            hint=f"Remove it, or write one of: {', '.join(sorted(conf.DEFAULTS))}.",
            id="statemachines.E001",
        )
        for key in conf.unknown()
    ]
    if not settings.USE_TZ:
        hint = "Set USE_TZ = True: timers are points in time, not wall clock readings."
        found.append(Error("statemachines needs aware datetimes.", hint=hint, id="statemachines.E002"))
    return found


@register("statemachines")
def check_machines(app_configs: Sequence[Any] | None, **given: Any) -> list[CheckMessage]:
    """Say what is suspect in the registered machines; `SILENCED_SYSTEM_CHECKS` silences an id."""
    return [
        Warning(
            f"Machine {registered.name}, {f'state {found.state!r}' if found.state else 'itself'}: {found.text}.",
            hint=found.hint,
            obj=registered.name,
            id=f"statemachines.{found.id}",
        )
        for registered in registry.machines()
        for found in suspicions(registered.machine)
    ]
