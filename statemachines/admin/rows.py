"""The rows that belong to instances, each in a list of its own, to search and to look at.

Sensitive fields are masked. Limits: nothing can be added, changed or deleted here; what an operator does with an effect
or a timer is on its instance's page.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from statemachines import shown

from .filters import EffectNameFilter
from .pages import ReadOnly


def as_json(name: str, description: Any, show: Callable[[Any], Any]) -> Any:
    """Return a column that shows a JSON field as text for people, as `show` lets it be seen."""

    @admin.display(description=description)
    def column(row: Any) -> str:
        return format_html("<pre>{}</pre>", json.dumps(show(row), indent=2, ensure_ascii=False))

    column.__name__ = f"shown_{name}"
    return column


def as_text(name: str, description: Any, show: Callable[[Any], str]) -> Any:
    """Return a column that shows a long text, as `show` lets it be seen."""

    @admin.display(description=description)
    def column(row: Any) -> str:
        return format_html("<pre>{}</pre>", show(row))

    column.__name__ = f"shown_{name}"
    return column


class OfInstance(ReadOnly):
    """Rows that are read with their instance, and found by its key."""

    to_instance = "instance__"
    search_fields = ("instance__key",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("instance")


class HistoryEntryAdmin(OfInstance):
    list_display = ("instance", "sequence", "event", "actor_label", "at")
    exclude = ("payload", "patch")
    readonly_fields = (
        as_json("payload", _("payload"), shown.payload),
        as_json("patch", _("change of data"), shown.patch),
    )


class TimerAdmin(OfInstance):
    list_display = ("instance", "event", "due_at")
    exclude = ("payload", "error")
    readonly_fields = (
        as_json("payload", _("payload"), shown.payload),
        as_text("error", _("error"), shown.timer_error),
    )


class EffectAdmin(OfInstance):
    list_display = ("instance", "name", "status", "attempts", "created_at", "ended_at")
    list_filter = ("status", EffectNameFilter)
    exclude = ("input", "result", "error")
    readonly_fields = (
        as_json("input", _("input"), shown.effect_input),
        as_json("result", _("result"), shown.effect_result),
        as_text("error", _("error"), shown.effect_error),
    )


class RefusedAttemptAdmin(OfInstance):
    list_display = ("instance", "event", "code", "actor_label", "count", "last_at")
