"""A machine's upgrade: a picture of both versions, what changed in words, a trial on what runs, and its beginning.

A trial changes nothing, and is of some instances only. Limits: the upgrade itself is a job, done by whoever sweeps, on
all running instances of older versions; the policy is asked of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django import forms
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import router, transaction
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from statemachines import picture, registry
from statemachines.core.comparison import compare
from statemachines.core.diagram.graph import plain
from statemachines.engine import jobs, machinejobs
from statemachines.engine.upgrades import candidates, upgrade_all
from statemachines.engine.upgrading import Outcome
from statemachines.exceptions import UnknownMachine, UnknownVersion, UpgradeError
from statemachines.models import BulkJob, MachineInstance
from statemachines.registry import Registered
from statemachines.versions import definition, published

from . import permissions
from .bulk import ReasonForm
from .pages import Pages, unheld
from .words import states_in_words

TRIED = 2_000
"""How many instances a trial takes, in the order of their keys."""
TOLD = 50
"""How many of those that would stay it tells."""


class VersionsForm(forms.Form):
    """From which version to which."""

    old = forms.TypedChoiceField(label=gettext_lazy("From version"), coerce=int)
    new = forms.TypedChoiceField(label=gettext_lazy("To version"), coerce=int)

    def __init__(self, versions: list[int], data: Any) -> None:
        super().__init__(data)
        for field in self.fields.values():
            field.choices = [(version, version) for version in versions]  # type: ignore[attr-defined]


class Section(NamedTuple):
    """A part of what changed, in words."""

    title: str
    lines: list[str]


class Landing(NamedTuple):
    """How many instances lead from one state to another."""

    version: int
    source: str
    target: str
    number: int


class Trial(NamedTuple):
    """What an upgrade would do to the instances that were tried."""

    tried: int
    landings: list[Landing]
    staying: int
    stay: list[Outcome]


class UpgradePages(Pages):
    """The page of a machine's upgrade."""

    def explored(self, request: HttpRequest, object_id: str) -> Registered:
        """Return the machine that a page is about. Raises Http404, and PermissionDenied where it may not be seen."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            registered = registry.find(unquote(object_id))
        except (UnknownMachine, UnknownVersion) as error:
            raise Http404(str(error)) from error
        if not explores(request, registered):
            raise PermissionDenied
        return registered

    @unheld
    def upgrade_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what an upgrade to the current version does, try it, begin it, or begin to take it back."""
        registered = self.explored(request, object_id)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if request.method == "POST":
            act = "revert" if request.POST.get("step") == "revert" else "upgrade"
            if not permissions.may(request, permissions.OPERATE):
                return self.denied(request, None, f"statemachines.{act}", permissions.OPERATE)
            if form.is_valid():
                job = begun(act, registered, form.cleaned_data["reason"], permissions.acting(request))
                return HttpResponseRedirect(self.address("change", job.pk, model="bulkjob"))
        return self.page(request, "upgrade.html", self.told(request, registered, form))

    def told(self, request: HttpRequest, registered: Registered, form: ReasonForm) -> dict[str, Any]:
        name, current = registered.name, registered.version
        seen = permissions.visible(request, MachineInstance.objects.filter(machine=name))
        on = dict(seen.order_by("version").values_list("version").annotate(Count("pk")))
        versions = sorted({*(one.version for one in registry.versions_of(name)), *published(registered)})
        before = [version for version in versions if version < current]
        given = {"old": before[-1] if before else current, "new": current} | request.GET.dict()
        chosen = VersionsForm(versions, given)
        shown: dict[str, Any] = {}
        if chosen.is_valid():
            shown = compared(name, chosen.cleaned_data["old"], chosen.cleaned_data["new"])
        context = {
            "title": _("Upgrade: %(machine)s") % {"machine": name},
            "registered": registered,
            "machine_url": self.address("change", quote(name), model="machineoverview"),
            "on": on,
            "versions": chosen,
            "due": candidates(name, current, self.using).filter(pk__in=seen.values("pk")).count(),
            "kept": machinejobs.kept(name, self.using),
            "may": permissions.may(request, permissions.OPERATE),
            "form": form,
            **shown,
        }
        if "try" in request.GET and "svg" in shown:
            context["trial"] = trial(request, registered, Q(pk__in=seen.values("pk")), self.using)
        return context


def compared(name: str, old: int, new: int) -> dict[str, Any]:
    """Return both versions as a picture and in words, or what is wrong with the upgrade."""
    sections = list(_sections(compare(definition(name, old), definition(name, new))))
    try:
        lines = [_line(path, images) for path, images in picture.becoming_of(name, old, new).items()]
        sections.append(Section(_("What becomes of each state"), lines or [_("No upgrade leads there.")]))
        return {"svg": picture.upgrade_svg(name, old, new), "sections": sections}
    except (UpgradeError, ImproperlyConfigured) as error:
        return {"problem": str(error), "sections": sections}


def _line(path: str, images: Sequence[str]) -> str:
    source = states_in_words(path) if path else _("A function decides")
    return f"{source} → {', '.join(map(states_in_words, images))}"


def _sections(markdown: str) -> Iterator[Section]:
    """Read what `compare` tells: titles, and lists below them."""
    for block in markdown.split("\n## ")[1:]:
        title, _separator, rest = block.partition("\n")
        yield Section(title, [plain(line.removeprefix("- ")) for line in rest.splitlines() if line])


def trial(request: HttpRequest, registered: Registered, where: Q, using: str) -> Trial:
    """Run the upgrade on some instances without writing anything."""
    batches = upgrade_all(
        registered.name, registered.version, reason="tried", actor=permissions.acting(request), using=using,
        where=where, sample=TRIED, write=False, policy=True,
    )  # fmt: skip
    outcomes = [one for batch in batches for one in batch.outcomes]
    stay = [one for one in outcomes if one.status == "blocked"]
    moves = Counter((one.version, one.source, one.target) for one in outcomes if one.status == "upgraded")
    landings = [
        Landing(version, states_in_words(source), states_in_words(target), number)
        for (version, source, target), number in sorted(moves.items())
    ]
    return Trial(len(outcomes), landings, len(stay), stay[:TOLD])


def begun(act: str, registered: Registered, reason: str, actor: Any) -> BulkJob:
    """Begin a job; where it is small, do it while its operator waits."""
    using = router.db_for_write(MachineInstance)
    with transaction.atomic(using=using):
        plan = jobs.plan_revert if act == "revert" else jobs.plan_upgrade
        job = plan(registered.name, actor=actor, using=using)
        jobs.confirm(job, reason, job.parameters)
    while job.total <= machinejobs.BATCH and jobs.run(job.pk, using):
        pass
    return job


def explores(request: HttpRequest, registered: Registered) -> bool:
    """Say whether the machine's policy lets the user read its definition."""
    return registered.policy is None or registered.policy.may_explore(permissions.acting(request))
