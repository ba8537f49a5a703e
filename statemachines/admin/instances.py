"""The pages of an instance: where it is, what it may be told, what waits and fails, what happened; and each act on it.

Limits: reads and asks; what an operator does is done by the engine, with a reason, once, and is in the history.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from statemachines import engine, picture, shown
from statemachines.core.diagram.overlay import Overlay
from statemachines.core.errors import InvalidValue
from statemachines.core.privacy import MASK, mask
from statemachines.core.words import phrase
from statemachines.engine import clock
from statemachines.exceptions import HistoryIncomplete, UnknownMachine, UnknownVersion
from statemachines.models import Effect, EffectHold, MachineInstance, Timer

from . import acts, permissions
from .attempts import attempt
from .changelist import InstanceList
from .forcing import DataForm, ForceForm, preview_data, preview_force
from .offered import SendForm, machine_of, offered
from .once import once
from .timeline import differences, known_data, timeline
from .words import due, effect_in_words, event_in_words, lasted, leaves, states_in_words

EFFECTS = 25
"""How many effects a page shows: those that need somebody first, then the open ones, then the latest."""

REFUSALS = 5


class Row(NamedTuple):
    """An effect or a timer in words, with the acts that make sense on it now."""

    row: Any
    words: str
    state: str
    due: str
    late: bool
    held: bool
    acts: list[tuple[str, acts.Act]]
    input: Any = None
    result: Any = None
    problem: str = ""
    trace: str = ""


class InstancePages(InstanceList):
    """The model admin of instances, without its registration."""

    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Any, name: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"statemachines_machineinstance_{name}")

        return [
            page("<path:object_id>/send/<str:event>/", self.send_view, "send"),
            page("<path:object_id>/act/<str:name>/", self.act_view, "act"),
            page("<path:object_id>/effect/<int:row>/<str:name>/", self.effect_view, "effect"),
            page("<path:object_id>/timer/<int:row>/<str:name>/", self.timer_view, "timer"),
            page("<path:object_id>/force/", self.force_view, "force"),
            page("<path:object_id>/data/", self.data_view, "data"),
            page("<path:object_id>/at/<int:sequence>/", self.entry_view, "entry"),
            *super().get_urls(),
        ]

    # to look at

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show an instance; nothing is changed by posting to this address."""
        instance = self.found(request, object_id)
        if request.method not in ("GET", "HEAD"):
            return self.denied_post(request)
        return self.page(request, "instance.html", self.told(request, instance) | (extra_context or {}))

    def denied_post(self, request: HttpRequest) -> HttpResponse:
        text = _("Nothing is changed by this address: use the buttons of the page.")
        return self.page(request, "denied.html", {"title": _("Not permitted"), "text": text, "instance": None}, 403)

    def told(self, request: HttpRequest, instance: MachineInstance) -> dict[str, Any]:
        """Return what the page shows."""
        now = clock.now(instance._state.db or "default")
        machine = machine_of(instance)
        timers = list(instance.timers.order_by("due_at"))
        for timer in timers:
            timer.instance = instance
        held = set(EffectHold.objects.values_list("name", flat=True))
        may = {name: permissions.may(request, name, instance) for name in permissions.ACTS}
        effects = self.effects(instance, held, operate=may[permissions.EFFECTS])
        events = offered(machine, instance, sending=may[permissions.SEND]) if machine else []
        allowed = permissions.sendable(request, instance) if events and may[permissions.SEND] else None
        events = [one for one in events if allowed is None or one.name in allowed]
        before = request.GET.get("before", "")
        return {
            "title": f"{phrase(instance.machine.rpartition('.')[2]).capitalize()} {instance.key}",
            "instance": instance,
            "original": instance,
            "machine": machine,
            "state": states_in_words(instance.state),
            "since": lasted(max(now - instance.updated_at, now - now)),
            "svg": self.drawn(instance),
            "data": shown.data(instance),
            "taken": [one for one in events if one.verdict != "refused"],
            "refused": [one for one in events if one.verdict == "refused"],
            "timers": [self.timer(timer, now, operate=may[permissions.EFFECTS]) for timer in timers],
            "effects": effects,
            "attention": [one for one in effects if one.row.needs_attention],
            "timeline": timeline(instance, timers, now, int(before) if before.isdecimal() else None),
            "refusals": list(instance.refusals.order_by("-pk")[:REFUSALS]),
            "acts": [(name, act) for name, act in acts.ON_INSTANCE.items() if act.possible(instance)]
            if machine and may[permissions.OPERATE]
            else [],
            "may_force": machine is not None and may[permissions.FORCE],
            "may_edit": machine is not None and may[permissions.EDIT],
            "may_operate": may[permissions.EFFECTS],
        }

    def drawn(self, instance: MachineInstance) -> str:
        """Return the picture; "" where this code does not have the machine."""
        try:
            return picture.instance_svg(instance)
        except (UnknownMachine, UnknownVersion):
            return ""

    def effects(self, instance: MachineInstance, held: set[str], *, operate: bool) -> list[Row]:
        open_first = instance.effects.order_by("-needs_attention", "-pk")
        rows = list(open_first.filter(status__in=Effect.OPEN)[:EFFECTS])
        rows += open_first.exclude(status__in=Effect.OPEN)[: max(5, EFFECTS - len(rows))]
        for row in rows:
            row.instance = instance
        return [self.effect(row, held, operate=operate) for row in rows]

    def effect(self, effect: Effect, held: set[str], *, operate: bool) -> Row:
        return Row(
            row=effect,
            words=effect_in_words(effect.name),
            state=states_in_words(effect.state),
            due="",
            late=False,
            held=bool({effect.name, EffectHold.EVERYTHING} & held) and effect.status in Effect.OPEN,
            acts=[(name, act) for name, act in acts.ON_EFFECT.items() if operate and act.possible(effect)],
            input=shown.effect_input(effect),
            result=shown.effect_result(effect),
            problem=last_line(shown.effect_error(effect)),
            trace=shown.effect_error(effect),
        )

    def timer(self, timer: Timer, now: Any, *, operate: bool) -> Row:
        return Row(
            row=timer,
            words=event_in_words(timer.event),
            state=states_in_words(timer.state),
            due=due(timer.due_at, now),
            late=timer.due_at <= now,
            held=False,
            acts=list(acts.ON_TIMER.items()) if operate else [],
            problem=last_line(shown.timer_error(timer)),
            trace=shown.timer_error(timer),
        )

    def entry_view(self, request: HttpRequest, object_id: str, sequence: int) -> HttpResponse:
        """Show an instance as it was after an entry of its history."""
        instance = self.found(request, object_id)
        entry = instance.entries.filter(sequence=sequence).first()
        if entry is None:
            raise Http404(_("There is no such history entry."))
        entry.instance = instance
        machine = shown.machine_of(instance.machine, entry.version)
        data, missing = None, ""
        try:
            plain = known_snapshot(instance, sequence)
            data = mask(machine.data_type, plain) if machine else MASK
        except HistoryIncomplete as error:
            missing = str(error)
        svg = ""
        if machine is not None:
            taken = {one for microstep in entry.microsteps for one in microstep.get("transitions", ())}
            was = frozenset(entry.source) - frozenset(entry.target)
            overlay = Overlay(active=frozenset(entry.target), passed=was, last=frozenset(taken))
            svg = picture.draw(machine, lambda: overlay)
        context = {
            "title": _("As of entry %(sequence)s") % {"sequence": sequence},
            "instance": instance,
            "entry": entry,
            "words": event_in_words(entry.event),
            "state": leaves(entry.target),
            "svg": svg,
            "data": data,
            "missing": missing,
            "payload": shown.payload(entry),
            "changes": differences(instance, [entry], known_data(instance, sequence))[sequence],
            "newest": instance.sequence,
        }
        return self.page(request, "entry.html", context)

    # to do

    def send_view(self, request: HttpRequest, object_id: str, event: str) -> HttpResponse:
        """Ask for an event's payload, and send it."""
        instance = self.found(request, object_id)
        machine = machine_of(instance)
        if not permissions.may(request, permissions.SEND, instance):
            return self.denied(request, instance, event, permissions.SEND)
        if machine is None:
            raise Http404(_("This code does not have the machine’s version."))
        words = phrase(event).capitalize()
        form = SendForm(machine, event, instance, request.POST if request.method == "POST" else None)
        meanwhile = []
        if request.method == "POST" and form.is_valid():
            actor, given = permissions.acting(request), form.cleaned_data

            def send() -> bool:
                sent = engine.send(
                    instance, form.occurrence(), actor=actor, origin=permissions.ORIGIN,
                    idempotency_key=given["once"], expected_sequence=given["sequence"], using=instance._state.db,
                )  # fmt: skip
                return not sent.replayed

            success = _("“%(event)s” was sent.") % {"event": words}
            tried = attempt(request, instance, machine, form, event, send, success, own_trace=True)
            if tried.done:
                return self.back(instance)
            meanwhile = tried.meanwhile
        context = {
            "title": _("Send “%(event)s”") % {"event": words},
            "instance": instance,
            "state": states_in_words(instance.state),
            "form": form,
            "meanwhile": meanwhile,
            "about": next((one.about for one in offered(machine, instance, sending=False) if one.name == event), ""),
        }
        return self.page(request, "send.html", context, 409 if meanwhile else 200)

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        instance = self.found(request, object_id)
        return self.acted(request, instance, acts.ON_INSTANCE, name, instance, "")

    def effect_view(self, request: HttpRequest, object_id: str, row: int, name: str) -> HttpResponse:
        instance = self.found(request, object_id)
        effect = instance.effects.filter(pk=row).first()
        if effect is None:
            raise Http404(_("There is no such effect."))
        effect.instance = instance
        return self.acted(request, instance, acts.ON_EFFECT, name, effect, effect_in_words(effect.name))

    def timer_view(self, request: HttpRequest, object_id: str, row: int, name: str) -> HttpResponse:
        instance = self.found(request, object_id)
        timer = instance.timers.filter(pk=row).first()
        if timer is None:
            text = _("The timer is gone: it fired, or its state was left.")
            return self.page(request, "denied.html", {"title": _("Gone"), "text": text, "instance": instance}, 404)
        timer.instance = instance
        return self.acted(request, instance, acts.ON_TIMER, name, timer, event_in_words(timer.event))

    def acted(
        self, request: HttpRequest, instance: MachineInstance, known: Any, name: str, concerned: Any, what: str
    ) -> HttpResponse:
        """Ask for a reason, and do an act."""
        act: acts.Act | None = known.get(name)
        if act is None:
            raise Http404(_("There is no such act."))
        if not permissions.may(request, act.permission, instance):
            return self.denied(request, instance, act.event, act.permission)
        form = act.form(instance, concerned, request.POST if request.method == "POST" else None)
        meanwhile = []
        if request.method == "POST" and form.is_valid():
            do = partial(acts.do, act, concerned, form.given)
            tried = self.tried(request, instance, form, act.event, f"{act.label} {concerned.pk}", do, str(act.label))
            if tried.done:
                return self.back(instance)
            meanwhile = tried.meanwhile
        context = {
            "title": f"{act.label}: {what}" if what else str(act.label),
            "act": act,
            "instance": instance,
            "state": states_in_words(instance.state),
            "concerned": concerned,
            "form": form,
            "meanwhile": meanwhile,
            "problem": shown_error(concerned),
            "input": shown.effect_input(concerned) if isinstance(concerned, Effect) else None,
        }
        return self.page(request, "act.html", context, 409 if meanwhile else 200)

    def tried(
        self, request: HttpRequest, instance: MachineInstance, form: Any, event: str, act: str, do: Any, label: str
    ) -> Any:
        """Do an act once on the instance as it was shown; `do` takes reason, actor and database."""
        given, actor = form.cleaned_data, permissions.acting(request)
        using = instance._state.db or "default"
        body = {"reason": given["reason"], "sequence": given["sequence"]}

        def work() -> bool:
            done = partial(do, given["reason"], actor, using)
            return once(instance, actor, act, given["once"], body, given["sequence"], done)

        success = _("Done: %(act)s.") % {"act": label}
        return attempt(request, instance, machine_of(instance), form, event, work, success)

    def force_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Choose where to, look at before and after, then do it."""
        instance = self.found(request, object_id)
        if not permissions.may(request, permissions.FORCE, instance):
            return self.denied(request, instance, "statemachines.force", permissions.FORCE)
        self.known(instance)
        edit = permissions.may(request, permissions.EDIT, instance)
        form = ForceForm(instance, request.POST if request.method == "POST" else None, edit=edit)

        def do(reason: str, actor: Any, using: str) -> None:
            entering = form.cleaned_data["entering"] == "enter"
            engine.force(
                instance, form.cleaned_data["targets"], reason=reason, actor=actor, data=form.new_data,
                entering=entering, origin=permissions.ORIGIN, using=using,
            )  # fmt: skip

        preview = partial(preview_force, actor=permissions.acting(request))
        return self.confirmed(request, instance, form, "statemachines.force", _("Force"), do, preview, "force.html")

    def data_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Edit the data, look at what changes, then do it."""
        instance = self.found(request, object_id)
        if not permissions.may(request, permissions.EDIT, instance):
            return self.denied(request, instance, "statemachines.data", permissions.EDIT)
        self.known(instance)
        form = DataForm(instance, instance, request.POST if request.method == "POST" else None)

        def do(reason: str, actor: Any, using: str) -> None:
            engine.edit_data(
                instance, form.typed.plain, reason=reason, actor=actor, origin=permissions.ORIGIN, using=using
            )

        return self.confirmed(
            request, instance, form, "statemachines.data", _("Edit data"), do, preview_data, "data.html"
        )

    def known(self, instance: MachineInstance) -> None:
        if machine_of(instance) is None:
            raise Http404(_("This code does not have the machine’s version."))

    def confirmed(
        self,
        request: HttpRequest,
        instance: MachineInstance,
        form: Any,
        event: str,
        label: str,
        do: Any,
        preview: Any,
        template: str,
    ) -> HttpResponse:
        """Show the form, then its preview, then do it: `step` says which button was pressed."""
        context: dict[str, Any] = {
            "title": f"{label}: {instance.key}",
            "instance": instance,
            "state": states_in_words(instance.state),
            "form": form,
            "meanwhile": [],
            "data": shown.data(instance),
        }
        pressed = request.POST.get("step", "") if request.method == "POST" else ""
        if pressed in ("preview", "confirm") and form.is_valid():
            stale = form.cleaned_data["sequence"] != instance.sequence
            if pressed == "confirm" or stale:
                tried = self.tried(request, instance, form, event, event, do, label)
                if tried.done:
                    return self.back(instance)
                context |= {"meanwhile": tried.meanwhile, "state": states_in_words(instance.state)}
            else:
                try:
                    context["preview"] = preview(instance, form)
                    return self.page(request, "confirm.html", context | {"label": label})
                except InvalidValue as error:
                    form.put(error)
        if template == "force.html":
            context["svg"] = self.drawn(instance)
        return self.page(request, template, context, 409 if context["meanwhile"] else 200)


def known_snapshot(instance: MachineInstance, sequence: int) -> Any:
    """Return the data after an entry, as plain data. Raises HistoryIncomplete."""
    data: dict[str, Any] = {}
    for number, patch in (
        instance.entries.filter(sequence__lte=sequence).order_by("sequence").values_list("sequence", "patch")
    ):
        if "omitted" in patch or "redacted" in patch:
            raise HistoryIncomplete(number)
        data = {name: one for name, one in data.items() if name not in patch.get("unset", ())} | patch.get("set", {})
    return data


def shown_error(concerned: Any) -> str:
    """Return what an effect or a timer failed with."""
    if isinstance(concerned, Effect):
        return shown.effect_error(concerned)
    return shown.timer_error(concerned) if isinstance(concerned, Timer) else ""


def last_line(error: str) -> str:
    """Return the last line of a traceback: what went wrong."""
    return error.strip().rpartition("\n")[2]
