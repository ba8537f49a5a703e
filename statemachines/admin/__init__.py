"""The operator's admin: lists and pages of instances and machines, and what can be done with them.

A project with an admin site of its own calls `register(site)`. Limits: what is done here is the engine's doing.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import AdminSite

from statemachines.models import (
    BulkJob,
    Effect,
    HistoryEntry,
    MachineInstance,
    MachineOverview,
    RefusedAttempt,
    Timer,
)

from .bulk import BulkJobPages, MachineInstanceAdmin
from .machines import MachinePages
from .rows import EffectAdmin, HistoryEntryAdmin, RefusedAttemptAdmin, TimerAdmin

PAGES: dict[Any, Any] = {
    MachineInstance: MachineInstanceAdmin,
    MachineOverview: MachinePages,
    HistoryEntry: HistoryEntryAdmin,
    Timer: TimerAdmin,
    Effect: EffectAdmin,
    RefusedAttempt: RefusedAttemptAdmin,
    BulkJob: BulkJobPages,
}


def register(site: AdminSite) -> None:
    """Put all pages on an admin site."""
    for model, pages in PAGES.items():
        site.register(model, pages)


register(admin.site)
