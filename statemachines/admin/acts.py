"""Operators' acts on an instance, an effect or a timer: what each is called, needs, asks for and does.

Limits: a table and its forms; the page that asks and the transaction that does are `operate` and `once`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from statemachines import engine, registry
from statemachines.core.events import Actor
from statemachines.exceptions import InvalidValue, UnknownMachine, UnknownVersion
from statemachines.models import Effect, MachineInstance, Timer

from . import permissions
from .once import OnceForm
from .typed import MomentInput, TypedForm

Status = Effect.Status
Concerned = MachineInstance | Effect | Timer


class ActForm(OnceForm):
    """A reason, and what the act is told beside it."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("Why you do this. It stays in the history."),
        widget=AdminTextareaWidget({"rows": 3}),
        max_length=2000,
    )

    def __init__(self, instance: MachineInstance, concerned: Concerned, data: Any = None) -> None:
        super().__init__(instance, data)
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    @property
    def given(self) -> dict[str, Any]:
        """What the act is told beside the reason."""
        own = ("sequence", "once", "reason")
        return {name: value for name, value in self.cleaned_data.items() if name not in own}

    def put(self, error: InvalidValue) -> None:
        self.add_error(error.field if error.field in self.fields else None, str(error))


class ResumeForm(ActForm):
    shift_timers = forms.BooleanField(
        required=False,
        label=_("Put its timers off by the length of the pause"),
        help_text=_("As if time had stood still. Otherwise what came due meanwhile happens at once."),
    )


class PostponeForm(ActForm):
    to = forms.DateTimeField(label=_("New time"), widget=MomentInput())

    def __init__(self, instance: MachineInstance, concerned: Timer, data: Any = None) -> None:
        super().__init__(instance, concerned, data)
        self.fields["to"].initial = concerned.due_at


class ResultForm(ActForm):
    """The result as plain data of the type that the effect's function returns."""

    def __init__(self, instance: MachineInstance, concerned: Effect, data: Any = None) -> None:
        super().__init__(instance, concerned, data)
        try:
            declared = registry.find(instance.machine, concerned.version).effect(concerned.name)
            returned = declared.result_type()
        except (UnknownMachine, UnknownVersion):
            returned = Any
        self.result = TypedForm(returned, data, prefix="result")

    def is_valid(self) -> bool:
        return super().is_valid() & self.result.is_valid()

    @property
    def given(self) -> dict[str, Any]:
        return {"result": self.result.plain}

    def put(self, error: InvalidValue) -> None:
        self.result.put(error)


class Act(NamedTuple):
    """`possible` says of what is concerned whether it makes sense now; `do` does it, raising as the engine does.

    `event` is its name in the history, `permission` the one that it needs.
    """

    event: str
    label: str | Promise
    about: str | Promise
    permission: str
    possible: Callable[[Any], bool]
    do: Callable[..., object]
    form: type[ActForm] = ActForm
    grave: bool = False


def _status(*of: str) -> Callable[[Any], bool]:
    return lambda row: row.status in of


ON_INSTANCE: Mapping[str, Act] = {
    "pause": Act(
        "statemachines.pause",
        _("Pause"),
        _("It does nothing until it is resumed: no event, no timer, no effect’s result reaches it."),
        permissions.OPERATE,
        _status("active"),
        engine.pause,
    ),
    "resume": Act(
        "statemachines.resume",
        _("Resume"),
        _("It goes on: what came due meanwhile is taken, in its order."),
        permissions.OPERATE,
        _status("paused"),
        engine.resume,
        ResumeForm,
    ),
    "cancel": Act(
        "statemachines.cancel",
        _("Cancel"),
        _("It ends where it is, whatever its machine says: its timers and open effects are gone."),
        permissions.OPERATE,
        _status("active", "paused"),
        engine.cancel,
        grave=True,
    ),
}

ON_EFFECT: Mapping[str, Act] = {
    "retry": Act(
        "statemachines.effect.retry",
        _("Retry"),
        _("It is tried now, with all its attempts anew."),
        permissions.EFFECTS,
        lambda effect: effect.status == Status.WAITING or effect.needs_attention,
        engine.retry_effect,
    ),
    "skip": Act(
        "statemachines.effect.skip",
        _("Skip"),
        _("It ends without being run; a state that waits for it stays as it is."),
        permissions.EFFECTS,
        _status(Status.WAITING, Status.PENDING, Status.RAN),
        engine.skip_effect,
        grave=True,
    ),
    "result": Act(
        "statemachines.effect.result",
        _("Give a result"),
        _("It ends as if it had returned this; the machine gets it at once."),
        permissions.EFFECTS,
        _status(Status.WAITING, Status.PENDING, Status.RAN),
        engine.give_result,
        ResultForm,
    ),
}

ON_TIMER: Mapping[str, Act] = {
    "fire": Act(
        "statemachines.timer.fire",
        _("Fire now"),
        _("Its event comes now, before its time."),
        permissions.EFFECTS,
        lambda timer: True,
        engine.fire_timer_now,
    ),
    "postpone": Act(
        "statemachines.timer.postpone",
        _("Postpone"),
        _("It fires at another time, later or sooner."),
        permissions.EFFECTS,
        lambda timer: True,
        engine.postpone_timer,
        PostponeForm,
    ),
    "cancel": Act(
        "statemachines.timer.cancel",
        _("Cancel"),
        _("It never fires."),
        permissions.EFFECTS,
        lambda timer: True,
        engine.cancel_timer,
        grave=True,
    ),
}


def do(act: Act, concerned: Concerned, given: Mapping[str, Any], reason: str, actor: Actor, using: str) -> None:
    """Do an act with what its form gave."""
    target = concerned if isinstance(concerned, MachineInstance) else concerned.pk
    act.do(target, **given, reason=reason, actor=actor, origin=permissions.ORIGIN, using=using)
