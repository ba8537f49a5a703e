"""Who asks, why, and of which database: the questions that every verb begins with.

Limits: whether they may is not decided here.
"""

from __future__ import annotations

from django.db import router

from statemachines.actors import SYSTEM
from statemachines.core.events import Actor
from statemachines.exceptions import InvalidValue, NotAllowed
from statemachines.models import MachineInstance


def who(actor: Actor | None, *, system: bool) -> Actor:
    """Return who asks. Raises NotAllowed where nobody does."""
    if actor is not None:
        return actor
    if not system:
        raise NotAllowed("Nobody asked for this: pass actor=, or system=True where the project itself does it.")
    return SYSTEM


def reasoned(what: str, reason: str) -> str:
    """Return the reason that an operator gives. Raises InvalidValue where it is empty."""
    if not reason.strip():
        raise InvalidValue(what, field="reason", expected="why this is done", received="nothing")
    return reason.strip()


def where(using: str | None) -> str:
    """Return the database that is written."""
    return using or router.db_for_write(MachineInstance)


def located(instance: MachineInstance | int, using: str | None) -> tuple[MachineInstance, str]:
    """Return the instance object to bring up to date, and the database that is written."""
    given = instance if isinstance(instance, MachineInstance) else MachineInstance(pk=instance)
    return given, using or router.db_for_write(MachineInstance, instance=given)
