"""One act on many instances: chosen in the list, confirmed on a page that tells what it touches, watched there.

Few are done at once; many by whoever sweeps, while the page shows how far it is. Limits: asks for permissions of all
instances, not of each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from statemachines.core.words import phrase
from statemachines.engine import jobs
from statemachines.models import BulkJob

from . import permissions, touched
from .operating import OperatingPages
from .pages import Pages, unheld

REFRESH_SECONDS = 2


class Kind(NamedTuple):
    """An act in bulk: its label, the permission that it needs, the statuses in which it makes sense."""

    label: Any
    permission: str
    on: tuple[str, ...]


KINDS = {
    "send": Kind(gettext_lazy("Send an event…"), permissions.SEND, ("active",)),
    "pause": Kind(gettext_lazy("Pause…"), permissions.OPERATE, ("active",)),
    "resume": Kind(gettext_lazy("Resume…"), permissions.OPERATE, ("paused",)),
    "cancel": Kind(gettext_lazy("Cancel…"), permissions.OPERATE, ("active", "paused")),
    "retry": Kind(gettext_lazy("Retry failed effects…"), permissions.EFFECTS, ("active", "paused", "done")),
}


OF_MACHINES = {
    "upgrade": Kind(gettext_lazy("Upgrade"), permissions.OPERATE, ()),
    "revert": Kind(gettext_lazy("Take the upgrade back"), permissions.OPERATE, ()),
}
"""Acts on all instances of a machine; they are confirmed where they are planned."""


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Why you do this. It stays in each history."),
        widget=AdminTextareaWidget({"rows": 3}),
        max_length=2000,
    )


class EventForm(forms.Form):
    """Which event; an event has no reason of its own."""

    event = forms.ChoiceField(label=gettext_lazy("Event"))

    def __init__(self, names: list[str], data: Any, initial: dict[str, Any]) -> None:
        super().__init__(data, initial=initial)
        self.fields["event"].choices = [("", "—"), *((name, capfirst(phrase(name))) for name in names)]  # type: ignore[attr-defined]


def planned(name: str) -> Any:
    """Return the list's action that plans an act and goes to its page."""
    kind = KINDS[name]

    @admin.action(description=kind.label, permissions=[name])
    def action(pages: MachineInstanceAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        pks = list(queryset.order_by("pk").values_list("pk", flat=True)[: jobs.MOST + 1])
        if len(pks) > jobs.MOST:
            text = _("These are more than %(most)s: narrow the list by its filters.") % {"most": jobs.MOST}
            messages.error(request, text)
            return None
        job = jobs.plan(name, pks, {}, actor=permissions.acting(request))
        return HttpResponseRedirect(pages.address("change", job.pk, model="bulkjob"))

    action.__name__ = f"{name}_many"
    return action


class MachineInstanceAdmin(OperatingPages):
    """Instances: the list, each one's page, and what is done with one or with many."""

    actions = tuple(planned(name) for name in KINDS)

    def has_send_permission(self, request: HttpRequest) -> bool:
        return permissions.may(request, KINDS["send"].permission)

    def has_pause_permission(self, request: HttpRequest) -> bool:
        return permissions.may(request, permissions.OPERATE)

    has_resume_permission = has_cancel_permission = has_pause_permission

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return permissions.may(request, permissions.EFFECTS)


class BulkJobPages(Pages):
    """The list of bulk operations, and the page that confirms one and shows how far it is."""

    list_display = ("act", "total", "status", "done", "refused", "failed", "actor_label", "created_at")
    list_filter = ("status", "act")

    @unheld
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = self.get_object(request, object_id)
        if job is None:
            raise Http404(_("There is no such bulk operation."))
        kind = (KINDS | OF_MACHINES)[job.act]
        if job.status == BulkJob.Status.PLANNED:
            return self.confirming(request, job, kind)
        title = titled(kind, job.parameters.get("event"), job.parameters.get("machine"))
        return self.page(request, "progress.html", {"title": title, "job": job, "refresh": REFRESH_SECONDS})

    def confirming(self, request: HttpRequest, job: BulkJob, kind: Kind) -> HttpResponse:
        """Tell what the job would touch, ask for a reason or for the event, and begin it."""
        if not permissions.may(request, kind.permission):
            return self.denied(request, None, job.act, kind.permission)
        if (job.actor_kind, job.actor_id) != (permissions.acting(request).kind, permissions.acting(request).id):
            raise PermissionDenied
        given = request.POST if request.method == "POST" else None
        kinds = touched.kinds_of(job)
        machines = touched.machines_of(kinds)
        form: Any = ReasonForm(given)
        event, typed = None, None
        if job.act == "send":
            event = (request.GET if given is None else given).get("event", "")
            form = EventForm(touched.events_of(machines), given, initial={"event": event})
            typed = touched.payload_form(machines, event, given) if event else None
        pressed = given is not None and given.get("step") == "confirm"
        if pressed and form.is_valid() and (typed is None or typed.is_valid()):
            payload = typed.plain if typed else None
            problem = touched.checked(machines, event, payload) if event else None
            if problem is None:
                self.begun(
                    job, form.cleaned_data.get("reason", ""), {"event": event, "payload": payload} if event else {}
                )
                return HttpResponseRedirect(request.path)
            if typed:
                typed.put(problem)
            else:
                form.add_error("event", str(problem))
        told = touched.stuck(job) if job.act == "retry" else touched.groups(kinds, machines, kind.on, event)
        groups = list(told)
        refused = sum(group.number for group in groups if group.verdict == "refused")
        context = {"title": titled(kind, event), "job": job, "form": form, "typed": typed, "event": event}
        context |= {"groups": groups, "refused": refused}
        return self.page(request, "bulk.html", context)

    def begun(self, job: BulkJob, reason: str, parameters: dict[str, Any]) -> None:
        """Have a job begin, unless it has; where it is small, do it while its operator waits."""
        if jobs.confirm(job, reason, parameters) and job.total <= jobs.BATCH:
            jobs.run(job.pk, job._state.db or "default")


def titled(kind: Kind, event: str | None, machine: str | None = None) -> str:
    """Name what is done."""
    if machine:
        return f"{kind.label}: {machine}"
    if event:
        return _("Send “%(event)s”") % {"event": capfirst(phrase(event))}
    return str(kind.label).rstrip("… ")
