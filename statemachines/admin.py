"""Stock admin, read-only: see instances and what belongs to them.

Sensitive fields are masked. Limits: nothing can be added, changed or deleted here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from . import shown
from .models import Effect, HistoryEntry, MachineInstance, RefusedAttempt, Timer

if TYPE_CHECKING:
    Base = admin.ModelAdmin[Any]
else:
    Base = admin.ModelAdmin  # takes no type arguments at run time


def as_json(name: str, description: Any, show: Callable[[Any], Any]) -> Any:
    """Return a column that shows a JSON field as text for people, as `show` lets it be seen."""

    @admin.display(description=description)
    def column(row: Any) -> str:
        return format_html("<pre>{}</pre>", json.dumps(show(row), indent=2, ensure_ascii=False))

    column.__name__ = f"shown_{name}"
    return column


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
    exclude = ("data",)
    readonly_fields = (as_json("data", _("data"), shown.data),)
    ordering = ("-id",)


@admin.register(HistoryEntry)
class HistoryEntryAdmin(ReadOnly):
    list_display = ("instance", "sequence", "event", "actor_label", "at")
    list_select_related = ("instance",)
    search_fields = ("instance__key",)
    exclude = ("payload", "patch")
    readonly_fields = (
        as_json("payload", _("payload"), shown.payload),
        as_json("patch", _("change of data"), shown.patch),
    )
    ordering = ("-id",)


@admin.register(Timer)
class TimerAdmin(ReadOnly):
    list_display = ("instance", "event", "due_at")
    list_select_related = ("instance",)
    search_fields = ("instance__key",)
    exclude = ("payload",)
    readonly_fields = (as_json("payload", _("payload"), shown.payload),)
    ordering = ("due_at",)


@admin.register(Effect)
class EffectAdmin(ReadOnly):
    list_display = ("instance", "name", "status", "attempts", "created_at", "ended_at")
    list_filter = ("status", "name")
    list_select_related = ("instance",)
    search_fields = ("instance__key",)
    ordering = ("-id",)
    exclude = ("input",)
    readonly_fields = (as_json("input", _("input"), shown.effect_input),)


@admin.register(RefusedAttempt)
class RefusedAttemptAdmin(ReadOnly):
    list_display = ("instance", "event", "code", "actor_label", "count", "last_at")
    list_filter = ("code",)
    list_select_related = ("instance",)
    search_fields = ("instance__key",)
    ordering = ("-id",)
