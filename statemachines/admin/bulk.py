"""One act on many instances: chosen in the list, confirmed on a page that tells what it touches, watched there.

Few are done at once; many by whoever sweeps, while the page shows how far it is. Limits: asks for permissions of all
instances, not of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from statemachines import registry
from statemachines.core.border import incoming
from statemachines.core.events import RESERVED, Occurrence
from statemachines.core.machine import Machine
from statemachines.core.words import phrase
from statemachines.engine import jobs
from statemachines.exceptions import InvalidValue, UnknownMachine, UnknownVersion
from statemachines.models import BulkJob, MachineInstance

from . import filters, permissions
from .operating import OperatingPages
from .pages import Pages, unheld
from .typed import TypedForm
from .words import states_in_words

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


class Group(NamedTuple):
    """Instances in the same state: how many, and what would become of them."""

    machine: str
    state: str
    status: str
    number: int
    verdict: str


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

    def __init__(self, names: list[str], data: Any = None) -> None:
        super().__init__(data)
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

    to_instance = None
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
        kind = KINDS[job.act]
        context: dict[str, Any] = {
            "title": str(kind.label).rstrip("…"),
            "job": job,
            "refresh": REFRESH_SECONDS,
            "may": permissions.may(request, kind.permission),
        }
        if job.status != BulkJob.Status.PLANNED:
            return self.page(request, "progress.html", context | {"rest": job.total - job.position})
        return self.confirming(request, job, kind, context)

    def confirming(self, request: HttpRequest, job: BulkJob, kind: Kind, context: dict[str, Any]) -> HttpResponse:
        """Tell what the job would touch, ask for a reason or for the event, and begin it."""
        if not permissions.may(request, kind.permission):
            return self.denied(request, None, job.act, kind.permission)
        if (job.actor_kind, job.actor_id) != (permissions.acting(request).kind, permissions.acting(request).id):
            raise PermissionDenied
        chosen = MachineInstance.objects.filter(pk__in=job.instances)
        machines = known(chosen)
        given = request.POST if request.method == "POST" else None
        asked = request.GET.get("event", "")
        names = sorted({name for machine in machines.values() for name in names_of(machine)})
        form: Any = EventForm(names, given) if job.act == "send" else ReasonForm(given)
        event = (asked if given is None else given.get("event", "")) if job.act == "send" else ""
        typed = payload_form(machines, event, given) if event else None
        if job.act == "send" and given is None and asked:
            form.initial = {"event": asked}
        valid = given is not None and form.is_valid() and (typed is None or typed.is_valid())
        if valid and request.POST.get("step") == "confirm":
            parameters = {"event": event, "payload": typed.plain if typed else None} if event else {}
            problem = checked(machines, event, parameters.get("payload")) if event else None
            if problem is None:
                if jobs.confirm(job, form.cleaned_data.get("reason", ""), parameters) and job.total <= jobs.BATCH:
                    jobs.run(job.pk, job._state.db or "default")
                return HttpResponseRedirect(request.path)
            (typed or form).put(problem)
        groups = list(grouped(chosen, machines, job.act, event))
        sums = Counter[str]()
        for group in groups:
            sums[group.verdict] += group.number
        if event:
            context["title"] = _("Send “%(event)s”") % {"event": capfirst(phrase(event))}
        context |= {"form": form, "typed": typed, "event": event, "groups": groups, "sums": dict(sums)}
        return self.page(request, "bulk.html", context)


def known(chosen: QuerySet[Any]) -> dict[tuple[str, int], Machine[Any]]:
    """Return the machines of the instances that this code has, by name and version."""
    found = {}
    for name, version in chosen.order_by().values_list("machine", "version").distinct():
        try:
            found[name, version] = registry.find(name, version).machine
        except (UnknownMachine, UnknownVersion):
            continue
    return found


def names_of(machine: Machine[Any]) -> set[str]:
    """Return the events that a client may send, as far as they are named."""
    keys = {key for node in machine.chart.nodes for key in node.edges}
    named = {key for key in keys if not key.startswith(RESERVED) and "*" not in key}
    return named | set(machine.events)


def payload_form(machines: dict[Any, Machine[Any]], event: str, data: Any) -> TypedForm | None:
    """Return a form for an event's payload, by the type that the newest machine has for it."""
    types = [machine.events[event] for machine in machines.values() if event in machine.events]
    form = TypedForm(types[-1], data, prefix="payload") if types else None
    return form if form is not None and form.fields else None


def checked(machines: dict[Any, Machine[Any]], event: str, payload: Any) -> InvalidValue | None:
    """Check a payload by the core, on the machines that take the event."""
    for machine in machines.values():
        if event in machine.events:
            try:
                incoming(machine, Occurrence(event, payload))
            except InvalidValue as error:
                return error
    return None


def grouped(chosen: QuerySet[Any], machines: dict[Any, Machine[Any]], act: str, event: str) -> Iterator[Group]:
    """Count the instances by state, with what would become of them: "done", "refused", or "depends" on a guard."""
    if act == "retry":
        stuck = set(chosen.filter(pk__in=filters.stuck()).values_list("pk", flat=True))
        rest = chosen.count() - len(stuck)
        yield from (Group("", "", "", number, verdict) for number, verdict in ((len(stuck), "done"), (rest, "refused")))
        return
    by_state = chosen.order_by().values_list("machine", "version", "state", "status").annotate(Count("pk"))
    for name, version, state, status, number in by_state.order_by("machine", "state", "status", "version"):
        machine = machines.get((name, version))
        verdict = "refused" if machine is None or status not in KINDS[act].on else "done"
        if verdict == "done" and act == "send" and machine is not None:
            verdict = would_take(machine, state, event) if event else ""
        label = str(MachineInstance.Status(status).label)
        yield Group(name, states_in_words(state), label, number, verdict)


def would_take(machine: Machine[Any], state: str, event: str) -> str:
    """Say by the definition alone whether a state takes an event."""
    paths = {path for leaf in state.split(", ") for path in upwards(leaf)}
    nodes = [node for node in machine.chart.nodes if node.path in paths or node.parent is None]
    edges = [edge for node in nodes for edge in node.candidates(event) if not edge.forbids]
    if not edges:
        return "refused"
    return "done" if any(edge.row.guard is None for edge in edges) else "depends"


def upwards(path: str) -> Iterator[str]:
    while path:
        yield path
        path = path.rpartition(".")[0]
