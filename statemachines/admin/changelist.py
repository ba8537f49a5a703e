"""The list of instances: where each is, since when, what it waits for, which need somebody.

Fast on millions of rows: no full count, filters and search by indexes, one query for a page's rows.
Limits: ordered by age of the row, newest first; other orders would need indexes that each transition pays for.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from statemachines.models import Timer

from . import filters
from .pages import Pages
from .words import due, lasted, states_in_words


class Instances(ChangeList):
    """The rows of a page, with what the columns show beside them."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        timers = Timer.objects.filter(instance=OuterRef("pk")).order_by("due_at")
        told = {
            "timer_due": Subquery(timers.values("due_at")[:1]),
            "stuck": filters.needs_attention(),
        }
        found: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        listed: QuerySet[Any] = found.annotate(**told).defer("data", "history_states", "output")
        return listed


class InstanceList(Pages):
    """The list's part of the model admin of instances."""

    to_instance = ""
    list_display = ("shown_key", "machine", "shown_state", "shown_status", "since", "shown_version", "next_timer")
    list_display_links = ("shown_key",)
    list_filter = (
        filters.MachineFilter,
        filters.StateFilter,
        filters.TagFilter,
        filters.StatusFilter,
        filters.VersionFilter,
        filters.AttentionFilter,
        filters.OverdueFilter,
    )
    search_fields = ("key",)
    change_list_template = "admin/statemachines/instances.html"

    class Media:
        css = {"all": ["statemachines/admin.css"]}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        machines = self.address("changelist", model="machineoverview")
        return super().changelist_view(request, {"machines_url": machines, **(extra_context or {})})

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return Instances

    @admin.display(description=gettext_lazy("key"))
    def shown_key(self, row: Any) -> str:
        return str(row.key)

    @admin.display(description=gettext_lazy("state"))
    def shown_state(self, row: Any) -> str:
        return states_in_words(row.state)

    @admin.display(description=gettext_lazy("status"))
    def shown_status(self, row: Any) -> str:
        status = format_html('<span class="sm-pill {}">{}</span>', row.status, row.get_status_display())
        if not row.stuck:
            return status
        return format_html('{} <span class="sm-pill alarm">{}</span>', status, _("needs attention"))

    @admin.display(description=gettext_lazy("since"))
    def since(self, row: Any) -> str:
        return format_html(
            '<time datetime="{}" title="{}">{}</time>',
            row.updated_at.isoformat(),
            timezone.localtime(row.updated_at).strftime("%Y-%m-%d %H:%M:%S"),
            lasted(max(timezone.now() - row.updated_at, timedelta()), depth=1),
        )

    @admin.display(description=gettext_lazy("version"))
    def shown_version(self, row: Any) -> str:
        return str(row.version)

    @admin.display(description=gettext_lazy("next timer"), empty_value="")
    def next_timer(self, row: Any) -> str:
        if row.timer_due is None:
            return ""
        now = timezone.now()
        kind = "sm-late" if row.timer_due < now and row.status != row.Status.PAUSED else ""
        return format_html('<span class="{}">{}</span>', kind, due(row.timer_due, now))


def of_state(machine: str, path: str, site: str) -> str:
    """Return the address of the list of a machine's instances in a state."""
    address = reverse("admin:statemachines_machineinstance_changelist", current_app=site)
    return f"{address}?{urlencode({'machine': machine, 'state': path})}"
