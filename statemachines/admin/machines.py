"""The machines: their pictures with how many instances are in each state, and how the machinery is.

Limits: counts are of now, and are not kept; a machine's text is in the language of its definition.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from statemachines import engine, picture, registry
from statemachines.models import EffectHold, MachineInstance

from . import permissions
from .changelist import of_state
from .pages import unheld
from .upgrading import UpgradePages, explores
from .words import effect_in_words, lasted

EVERYTHING = EffectHold.EVERYTHING


class HoldForm(forms.Form):
    """Which kind of effect, and why."""

    name = forms.ChoiceField(label=gettext_lazy("Effect"))
    reason = forms.CharField(label=gettext_lazy("Reason"), widget=AdminTextareaWidget({"rows": 2}), max_length=2000)

    def __init__(self, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        known = sorted(registry.effect_names())
        everything = (EVERYTHING, _("All effects and timers"))
        self.fields["name"].choices = [("", "—"), *((one, one) for one in known), everything]  # type: ignore[attr-defined]


class MachinePages(UpgradePages):
    """The model admin of machines, without its registration."""

    def get_urls(self) -> list[URLPattern]:
        view, name = self.admin_site.admin_view, "statemachines_machineoverview"
        return [
            path("hold/", view(self.hold_view), name=f"{name}_hold"),
            path("release/", view(self.release_view), name=f"{name}_release"),
            path("<path:object_id>/upgrade/", view(self.upgrade_view), name=f"{name}_upgrade"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show all machines, and how the machinery is."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.page(request, "machines.html", self.overview(request, HoldForm(initial=request.GET.dict())))

    def overview(self, request: HttpRequest, form: HoldForm) -> dict[str, Any]:
        seen = engine.health()
        counts: dict[str, dict[str, int]] = {}
        seen_by = permissions.visible(request, MachineInstance.objects.order_by())
        for name, status, number in seen_by.values_list("machine", "status").annotate(Count("pk")):
            counts.setdefault(name, {})[status] = number
        known = {one.name: one for one in registry.machines()}
        secret = {name for name, one in known.items() if not explores(request, one)}
        rows = [
            {
                "name": name,
                "registered": known.get(name),
                "url": self.address("change", quote(name), model="machineoverview") if name in known else "",
                "list": f"{self.address('changelist')}?machine={name}",
                "active": counts.get(name, {}).get("active", 0),
                "paused": counts.get(name, {}).get("paused", 0),
                "total": sum(counts.get(name, {}).values()),
            }
            for name in sorted({*known, *counts} - secret)
        ]
        holds = [(hold, effect_in_words(hold.name)) for hold in EffectHold.objects.order_by("name")]
        return {
            "title": _("Machines"),
            "machines": rows,
            "health": seen,
            "oldest": lasted_seconds(seen.oldest_overdue),
            "sweep_age": lasted_seconds(seen.sweep_age),
            "waiting": [one for one in engine.preview() if one.machine not in secret][:20],
            "holds": holds,
            "form": form,
            "may_hold": permissions.may(request, permissions.EFFECTS),
            "everything": EVERYTHING,
            "attention_url": f"{self.address('changelist')}?attention=yes",
            "overdue_url": f"{self.address('changelist')}?overdue=yes",
            "paused_url": f"{self.address('changelist')}?status=paused",
        }

    @unheld
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a machine with its instances per state."""
        registered = self.explored(request, object_id)
        link = partial(of_state, registered.name, site=self.admin_site.name)
        counts = picture.counted(registered, link, permissions.visible(request, MachineInstance.objects.all()))
        nodes = [node for node in registered.machine.chart.nodes if node.leaf and node.path in counts]
        context = {
            "title": registered.machine.name.replace("_", " ").capitalize(),
            "registered": registered,
            "svg": picture.machine_svg(registered, counts),
            "states": [(node.path, counts[node.path]) for node in nodes],
            "list": f"{self.address('changelist')}?machine={registered.name}",
            "upgrade": self.address("upgrade", quote(registered.name), model="machineoverview"),
        }
        return self.page(request, "machine.html", context)

    def hold_view(self, request: HttpRequest) -> HttpResponse:
        """Hold a kind of effects, or everything."""
        if request.method != "POST":
            return self.home()
        if not permissions.may(request, permissions.EFFECTS):
            return self.denied(request, None, "statemachines.hold", permissions.EFFECTS)
        form = HoldForm(request.POST)
        if not form.is_valid():
            return self.page(request, "machines.html", self.overview(request, form))
        given = form.cleaned_data
        engine.hold(given["name"], reason=given["reason"], actor=permissions.acting(request))
        messages.success(request, _("Held: %(name)s.") % {"name": given["name"]})
        return self.home()

    def release_view(self, request: HttpRequest) -> HttpResponse:
        """Let a kind of effects go on."""
        if request.method != "POST":
            return self.home()
        if not permissions.may(request, permissions.EFFECTS):
            return self.denied(request, None, "statemachines.release", permissions.EFFECTS)
        name = request.POST.get("name", "")
        if EffectHold.objects.filter(name=name).exists() and engine.release(name):
            messages.success(request, _("Released: %(name)s.") % {"name": name})
        else:
            messages.info(request, _("%(name)s was not held.") % {"name": name})
        return self.home()

    def home(self) -> HttpResponseRedirect:
        return HttpResponseRedirect(self.address("changelist", model="machineoverview"))


def lasted_seconds(seconds: float | None) -> str:
    return "" if seconds is None else lasted(timedelta(seconds=seconds))
