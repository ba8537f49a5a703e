"""Force an instance into any legal configuration, and edit what it owns: a form, then before and after, then the act.

The preview is the same pure step that the engine will take; what it would start and stop is told beside the pictures.
Limits: facts that entering needs are read for the preview without a lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from django import forms
from django.db import transaction
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from statemachines import picture, shown
from statemachines.core import facts
from statemachines.core.codec import codec
from statemachines.core.diagram.overlay import Overlay
from statemachines.core.errors import InvalidValue
from statemachines.core.events import Actor, Moment
from statemachines.core.force import FORCE
from statemachines.core.force import force as forced
from statemachines.core.machine import Machine
from statemachines.core.privacy import mask
from statemachines.core.snapshot import CancelTimer, SetTimer, Snapshot, StartEffect, Step, StopEffect
from statemachines.core.words import phrase
from statemachines.engine import clock
from statemachines.models import MachineInstance

from .acts import ActForm, Concerned
from .timeline import Changed
from .typed import TypedForm
from .words import effect_in_words, event_in_words, leaves, states_in_words

QUIET, ENTER = "quiet", "enter"


class Choice(NamedTuple):
    """A state to choose: how deep it is, whether something inside is entered with it, whether it is active.

    `words` name it under its parent, `full` by itself.
    """

    path: str
    words: str
    full: str
    depth: int
    holds: bool
    active: bool


class OneState(forms.RadioSelect):
    """One of the states, sent as the only one of a list."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        value: list[str] = forms.MultipleHiddenInput().value_from_datadict(data, files, name) or []
        return value


class DataForm(ActForm):
    """Edit the data alone."""

    def __init__(self, instance: MachineInstance, concerned: Concerned, data: Any = None) -> None:
        super().__init__(instance, concerned, data)
        self.typed = TypedForm(_machine(instance).data_type, data, prefix="data", initial=instance.data)

    def is_valid(self) -> bool:
        return super().is_valid() & self.typed.is_valid()

    def put(self, error: InvalidValue) -> None:
        self.typed.put(error)


class ForceForm(DataForm):
    """Where to, and how. `edit` tells whether the data may be edited as well."""

    targets = forms.MultipleChoiceField(
        label=_("States"),
        error_messages={"required": _("Choose the state that it shall be in.")},
        widget=forms.CheckboxSelectMultiple,
    )
    entering = forms.ChoiceField(
        label=_("Entry effects and timers"),
        choices=[
            (QUIET, _("Only move it: nothing starts")),
            (ENTER, _("Enter the states: their actions and effects run, their timers start")),
        ],
        initial=QUIET,
        widget=forms.RadioSelect,
    )

    def __init__(self, instance: MachineInstance, data: Any = None, *, edit: bool = False) -> None:
        super().__init__(instance, instance, data)
        self.edit = edit
        machine = _machine(instance)
        self.choices = list(choices(machine, instance))
        self.parallel = [node.path for node in machine.chart.nodes if node.type == "parallel"]
        self.fields["targets"].choices = [(one.path, one.words) for one in self.choices]  # type: ignore[attr-defined]
        if not self.parallel:
            self.fields["targets"].widget = OneState(choices=self.fields["targets"].choices)  # type: ignore[attr-defined]

    @property
    def chosen(self) -> set[str]:
        """The states that are marked: those sent, else none: an operator chooses."""
        return set(self["targets"].value() or ()) if self.is_bound else set()

    def is_valid(self) -> bool:
        return super().is_valid() if self.edit else forms.Form.is_valid(self)

    def put(self, error: InvalidValue) -> None:
        if error.field in self.fields:
            self.add_error(error.field, f"{error.expected}; {error.received}")
        else:
            self.typed.put(error)

    @property
    def new_data(self) -> Any:
        """The data to set; None to leave them as they are."""
        return self.typed.plain if self.edit and self.typed.has_changed() else None


class Preview(NamedTuple):
    """What an act would come to: before and after drawn and in words, what changes, starts and stops; or why not.

    `waits` names what would be at its end without anything going on from there.
    """

    before_svg: str
    after_svg: str
    before: str
    after: str
    changes: list[Changed]
    starts: list[str]
    stops: list[str]
    problem: str = ""
    waits: str = ""


def _machine(instance: MachineInstance) -> Machine[Any]:
    return instance.registered.machine


def choices(machine: Machine[Any], instance: MachineInstance) -> list[Choice]:
    """Return all states that can be chosen, in the order of the definition."""
    found = []
    for node in machine.chart.nodes:
        if node.parent is None or node.type == "history":
            continue
        depth = sum(1 for _above in node.ancestors())
        words = phrase(node.key)
        active = node.path in instance.configuration
        found.append(Choice(node.path, capfirst(words), states_in_words(node.path), depth, not node.leaf, active))
    return found


def step_of(instance: MachineInstance, form: ForceForm, actor: Actor) -> Step[Any]:
    """Return the step that a force would be. Raises InvalidValue, and what the machine's own functions raise."""
    machine, snapshot = _machine(instance), instance.snapshot()
    data = snapshot.data if form.new_data is None else typed(machine, form.new_data)
    alias = instance._state.db or "default"
    read: dict[str, Any] = {}
    entering = form.cleaned_data["entering"] == ENTER
    if entering:
        with transaction.atomic(using=alias):  # a fact that fails breaks no more than this
            asked: Mapping[str, Any] = facts.asked(machine, snapshot, FORCE)
            read = {id: fact.bound()(data, None, None) for id, fact in asked.items()}
    moment = Moment(actor, "admin", clock.now(alias), read)
    targets = form.cleaned_data["targets"]
    return forced(machine, snapshot, targets, data=data, entering=entering, moment=moment)


def typed(machine: Machine[Any], plain: Any) -> Any:
    """Return plain data as the machine's type. Raises InvalidValue."""
    return codec(machine.data_type, f"data of {machine.name}").convert(plain)


def preview_force(instance: MachineInstance, form: ForceForm, actor: Actor) -> Preview:
    """Say what a force would do. Raises InvalidValue where it cannot be done."""
    machine = _machine(instance)
    overlay = picture.overlay_of(instance)
    before_svg = picture.draw(machine, lambda: overlay)
    before = leaves(instance.configuration)
    changes = [] if form.new_data is None else differences(machine, instance.data, form.new_data)
    try:
        step = step_of(instance, form, actor)
    except InvalidValue:
        raise
    except Exception as error:  # the machine's own functions may need what only the transaction has
        return Preview(before_svg, "", before, "", changes, [], [], shown.failure(machine, error))
    after: Snapshot[Any] = step.snapshot
    drawn = Overlay(
        active=frozenset(after.configuration),
        passed=(overlay.passed | overlay.active) - frozenset(after.configuration),
    )
    if form.new_data is None:
        changes = differences(machine, instance.data, _plain(machine, after.data))
    return Preview(
        before_svg=before_svg,
        after_svg=picture.draw(machine, lambda: drawn),
        before=before,
        after=leaves(list(after.configuration)),
        changes=changes,
        starts=[text for command in step.commands if (text := _starts(command))],
        stops=list(_stops(instance, step)),
        waits="" if form.cleaned_data["entering"] == ENTER else _finished(machine, after),
    )


def _finished(machine: Machine[Any], after: Snapshot[Any]) -> str:
    """Name the states inside the machine that are at their end: only entering lets what waits for that go on."""
    nodes = [machine.chart.by_path[path] for path in after.configuration]
    ended = [node.path for node in nodes if node.type == "final" and node.parent and node.parent.parent]
    return states_in_words(", ".join(ended)) if after.status != "done" else ""


def preview_data(instance: MachineInstance, form: DataForm) -> Preview:
    """Say what an edit of the data would change. Raises InvalidValue where the new data do not fit their type."""
    machine = _machine(instance)
    new = _plain(machine, typed(machine, form.typed.plain))
    state = leaves(instance.configuration)
    return Preview("", "", state, state, differences(machine, instance.data, new), [], [])


def _plain(machine: Machine[Any], data: Any) -> Any:
    return msgspec.json.decode(codec(machine.data_type, f"data of {machine.name}").encode(data))


def differences(machine: Machine[Any], old: Any, new: Any) -> list[Changed]:
    """Return the fields that differ, masked."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [] if old == new else [Changed("", old, new)]
    was, now = mask(machine.data_type, old), mask(machine.data_type, new)
    return [
        Changed(name, was.get(name), now.get(name), gone=name not in new)
        for name in dict.fromkeys((*old, *new))
        if old.get(name) != new.get(name)
    ]


def _starts(command: Any) -> str:
    match command:
        case StartEffect():
            return effect_in_words(command.effect.id)
        case SetTimer():
            return event_in_words(command.event.type)
    return ""


def _stops(instance: MachineInstance, step: Step[Any]) -> list[str]:
    timers = {command.id for command in step.commands if isinstance(command, CancelTimer)}
    invoked = {command.invocation for command in step.commands if isinstance(command, StopEffect)}
    gone = [event_in_words(timer.event) for timer in instance.timers.all() if timer.name in timers]
    open_ones = instance.effects.filter(status__in=instance.effects.model.OPEN, invocation__in=invoked)
    return gone + [effect_in_words(name) for name in open_ones.values_list("name", flat=True)]
