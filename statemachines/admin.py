"""Stock admin, read-only: see instances and what belongs to them.

Limits: nothing can be added, changed or deleted here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from .models import Effect, HistoryEntry, MachineInstance, Timer

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = admin.ModelAdmin  # takes no type arguments at run time


class ReadOnly(Base):
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(MachineInstance)
class MachineInstanceAdmin(ReadOnly):
    list_display = ("key", "machine", "version", "state", "status", "updated_at")
    list_filter = ("machine", "status")
    search_fields = ("key",)
    ordering = ("-id",)


@admin.register(HistoryEntry)
class HistoryEntryAdmin(ReadOnly):
    list_display = ("instance", "sequence", "event", "actor_label", "at")
    list_select_related = ("instance",)
    search_fields = ("instance__key",)
    ordering = ("-id",)


@admin.register(Timer)
class TimerAdmin(ReadOnly):
    list_display = ("instance", "event", "due_at")
    list_select_related = ("instance",)
    search_fields = ("instance__key",)
    ordering = ("due_at",)


@admin.register(Effect)
class EffectAdmin(ReadOnly):
    list_display = ("instance", "name", "status", "attempts", "created_at", "ended_at")
    list_filter = ("status", "name")
    list_select_related = ("instance",)
    search_fields = ("instance__key",)
    ordering = ("-id",)
