"""The pages on which an operator acts on an instance: each asks, and the engine does it, with a reason, once.

Limits: what is done is in the history; who may do it, `permissions` and the engine say.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from statemachines import engine, picture, shown
from statemachines.core.errors import InvalidValue
from statemachines.core.force import FORCE
from statemachines.core.machine import Machine
from statemachines.core.words import event_meaning, phrase
from statemachines.engine.editing import EDIT_DATA
from statemachines.models import Effect, MachineInstance, Timer

from . import acts, permissions
from .attempts import attempt
from .forcing import DataForm, ForceForm, preview_data, preview_force
from .instances import InstancePages, machine_of
from .offered import SendForm
from .once import once
from .pages import unheld
from .words import effect_in_words, event_in_words, states_in_words


class OperatingPages(InstancePages):
    """An instance's page, and those of the acts on it."""

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

    def known(self, request: HttpRequest, object_id: str) -> tuple[MachineInstance, Machine[Any]]:
        """Return an instance and its machine. Raises Http404 where there is none, or this code does not have it."""
        instance = self.found(request, object_id)
        machine = machine_of(instance)
        if machine is None:
            raise Http404(_("This code does not have the machine’s version."))
        return instance, machine

    @unheld
    def send_view(self, request: HttpRequest, object_id: str, event: str) -> HttpResponse:
        """Ask for an event's payload, and send it."""
        instance, machine = self.known(request, object_id)
        if not permissions.may(request, permissions.SEND, instance):
            return self.denied(request, instance, event, permissions.SEND)
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
            "about": event_meaning(machine.events.get(event)),
        }
        return self.page(request, "send.html", context, 409 if meanwhile else 200)

    @unheld
    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        instance, _machine = self.known(request, object_id)
        return self.acted(request, instance, acts.ON_INSTANCE, name, instance, "")

    @unheld
    def effect_view(self, request: HttpRequest, object_id: str, row: int, name: str) -> HttpResponse:
        instance, _machine = self.known(request, object_id)
        effect = instance.effects.filter(pk=row).first()
        if effect is None:
            raise Http404(_("There is no such effect."))
        effect.instance = instance
        return self.acted(request, instance, acts.ON_EFFECT, name, effect, effect_in_words(effect.name))

    @unheld
    def timer_view(self, request: HttpRequest, object_id: str, row: int, name: str) -> HttpResponse:
        instance, _machine = self.known(request, object_id)
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

    @unheld
    def force_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Choose where to, look at before and after, then do it."""
        instance, _machine = self.known(request, object_id)
        if not permissions.may(request, permissions.FORCE, instance):
            return self.denied(request, instance, FORCE, permissions.FORCE)
        edit = permissions.may(request, permissions.EDIT, instance)
        form = ForceForm(instance, request.POST if request.method == "POST" else None, edit=edit)

        def do(reason: str, actor: Any, using: str) -> None:
            entering = form.cleaned_data["entering"] == "enter"
            engine.force(
                instance, form.cleaned_data["targets"], reason=reason, actor=actor, data=form.new_data,
                entering=entering, origin=permissions.ORIGIN, using=using,
            )  # fmt: skip

        preview = partial(preview_force, actor=permissions.acting(request))
        return self.confirmed(request, instance, form, FORCE, _("Force"), do, preview, "force.html")

    @unheld
    def data_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Edit the data, look at what changes, then do it."""
        instance, _machine = self.known(request, object_id)
        if not permissions.may(request, permissions.EDIT, instance):
            return self.denied(request, instance, EDIT_DATA, permissions.EDIT)
        form = DataForm(instance, instance, request.POST if request.method == "POST" else None)

        def do(reason: str, actor: Any, using: str) -> None:
            engine.edit_data(
                instance, form.typed.plain, reason=reason, actor=actor, origin=permissions.ORIGIN, using=using
            )

        return self.confirmed(request, instance, form, EDIT_DATA, _("Edit data"), do, preview_data, "data.html")

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
            context["svg"] = picture.instance_svg(instance)
        return self.page(request, template, context, 409 if context["meanwhile"] else 200)


def shown_error(concerned: Any) -> str:
    """Return what an effect or a timer failed with."""
    if isinstance(concerned, Effect):
        return shown.effect_error(concerned)
    return shown.timer_error(concerned) if isinstance(concerned, Timer) else ""
