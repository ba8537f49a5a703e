"""The list's filters, each by an index: machine, state, tag, status, version, needs attention, overdue.

State and tag are of a machine, so they appear once one is chosen. Limits: a state is found by the `state` values that
the machine's instances have, of which a machine with many regions may have many.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from statemachines import conf, registry
from statemachines.core.words import phrase, state_in_words
from statemachines.engine import clock
from statemachines.models import Effect, MachineInstance, Timer

from . import distinct
from .permissions import OF_MACHINE


class MachineFilter(admin.SimpleListFilter):
    title = _("machine")
    parameter_name = OF_MACHINE

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.using = model_admin.using
        return [(name, name) for name in known_machines(request, self.using)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(machine=self.value()) if self.value() else queryset


def known_machines(request: HttpRequest, using: str) -> list[str]:
    """Return the names of all machines that this code has, or of which there are instances; asked once per request."""
    if not hasattr(request, "statemachines_known"):
        names = sorted({one.name for one in registry.machines()} | set(distinct.machines(using)))
        request.statemachines_known = names  # type: ignore[attr-defined]
    return request.statemachines_known  # type: ignore[attr-defined,no-any-return]


def any_machine(request: HttpRequest, queryset: QuerySet[Any], using: str, prefix: str = "") -> QuerySet[Any]:
    """Name all machines where none is chosen, so that an index that begins with the machine serves."""
    if request.GET.get(OF_MACHINE):
        return queryset
    return queryset.filter(**{f"{prefix}machine__in": known_machines(request, using)})


class OfMachine(admin.SimpleListFilter):
    """A filter whose choices are the chosen machine's."""

    def machine(self, request: HttpRequest) -> str:
        return request.GET.get(OF_MACHINE, "")

    def has_output(self) -> bool:
        return len(self.lookup_choices) > 0

    def in_any(self, request: HttpRequest, queryset: QuerySet[Any], paths: set[str], using: str) -> QuerySet[Any]:
        """Keep the instances in which one of some states is active."""
        held = [
            state
            for state in distinct.states(self.machine(request), using)
            if any(leaf == one or leaf.startswith(f"{one}.") for leaf in state.split(", ") for one in paths)
        ]
        return queryset.filter(machine=self.machine(request), state__in=held)


class StateFilter(OfMachine):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.using = model_admin.using
        nodes = [node for one in registry.versions(self.machine(request)) for node in one.machine.chart.nodes]
        paths = dict.fromkeys(node.path for node in nodes if node.parent is not None and node.type != "history")
        return [(path, capfirst(state_in_words(path))) for path in paths]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return self.in_any(request, queryset, {self.value() or ""}, self.using) if self.value() else queryset


class TagFilter(OfMachine):
    title = _("tag")
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        self.using = model_admin.using
        self.tagged: dict[str, set[str]] = {}
        for one in registry.versions(self.machine(request)):
            for node in one.machine.chart.nodes:
                for tag in node.state.tags:
                    self.tagged.setdefault(tag, set()).add(node.path)
        return [(tag, capfirst(phrase(tag))) for tag in sorted(self.tagged)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        return self.in_any(request, queryset, self.tagged.get(self.value() or "", set()), self.using)


class StatusFilter(admin.SimpleListFilter):
    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        self.using = model_admin.using
        return MachineInstance.Status.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return any_machine(request, queryset, self.using).filter(status=self.value()) if self.value() else queryset


class VersionFilter(OfMachine):
    title = _("version")
    parameter_name = "version"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        known = sorted(one.version for one in registry.versions(self.machine(request)))
        # Older ones than this code has may still have instances.
        return [(str(number), str(number)) for number in range(1, known[-1] + 1)] if known else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not (self.value() or "").isdecimal():
            return queryset
        every = MachineInstance.Status.values  # the index has the status before the version
        return queryset.filter(machine=self.machine(request), status__in=every, version=self.value())


class EffectNameFilter(admin.SimpleListFilter):
    title = _("name")
    parameter_name = "name"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        return [(name, name) for name in sorted(registry.effect_names())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(name=self.value()) if self.value() else queryset


class AttentionFilter(admin.SimpleListFilter):
    title = _("needs attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        return [("yes", _("Needs attention"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(pk__in=stuck()) if self.value() == "yes" else queryset


class OverdueFilter(admin.SimpleListFilter):
    title = _("overdue")
    parameter_name = "overdue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[Any]:
        self.using = model_admin.using
        return [("yes", _("Overdue"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(pk__in=overdue(self.using)) if self.value() == "yes" else queryset


def stuck() -> QuerySet[Any]:
    """Return the ids of instances that an effect or a timer keeps from going on: two small indexes, no join."""
    effects = Effect.objects.filter(needs_attention=True).values("instance_id")
    return effects.union(Timer.objects.filter(needs_attention=True).values("instance_id"))


def overdue(using: str) -> QuerySet[Any]:
    """Return the ids of instances with a timer or an effect that is due for longer than the sweep needs."""
    late = clock.now(using) - max(conf.duration("SWEEP_INTERVAL_SECONDS") * 10, timedelta(seconds=10))
    timers = Timer.objects.filter(needs_attention=False, due_at__lt=late).values("instance_id")
    waiting = Q(status__in=Effect.OPEN, needs_attention=False, due_at__lt=late)
    return timers.union(Effect.objects.filter(waiting).values("instance_id"))


def needs_attention() -> Exists:
    """Say of each instance whether an effect or a timer of it needs somebody."""
    mine = {"instance": OuterRef("pk"), "needs_attention": True}
    return Exists(Effect.objects.filter(**mine)) | Exists(Timer.objects.filter(**mine))  # type: ignore[return-value]
