"""The page of an instance: where it is, what it may be told, what waits and fails, what happened; and how it once was.

Limits: shows; what can be done from here is in `operating`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from statemachines import engine, picture, shown
from statemachines.core.codec import codec
from statemachines.core.diagram.overlay import Overlay
from statemachines.core.machine import Machine
from statemachines.core.privacy import MASK, mask
from statemachines.core.words import phrase
from statemachines.engine import clock
from statemachines.exceptions import HistoryIncomplete, InvalidValue
from statemachines.models import HistoryEntry, MachineInstance

from . import acts, permissions
from .changelist import InstanceList
from .offered import Offered, offered
from .pages import unheld
from .timeline import differences, known_data, timeline
from .typed import in_order
from .waiting import effects_of, timers_of
from .words import event_in_words, lasted, leaves, states_in_words

REFUSALS = 5


class InstancePages(InstanceList):
    """The list, and what there is to look at of each instance."""

    @unheld
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show an instance; nothing is changed by posting to this address."""
        instance = self.found(request, object_id)
        if request.method not in ("GET", "HEAD"):
            text = _("Nothing is changed by this address: use the buttons of the page.")
            return self.page(request, "denied.html", {"title": _("Not permitted"), "text": text, "instance": None}, 403)
        return self.page(request, "instance.html", self.told(request, instance) | (extra_context or {}))

    def told(self, request: HttpRequest, instance: MachineInstance) -> dict[str, Any]:
        """Return what the page shows."""
        now = clock.now(instance._state.db or "default")
        machine = machine_of(instance)
        may = {name: machine is not None and permissions.may(request, name, instance) for name in permissions.ACTS}
        timers = timers_of(instance, now, operate=may[permissions.EFFECTS])
        effects = effects_of(instance, operate=may[permissions.EFFECTS])
        events = self.events(request, machine, instance, sending=may[permissions.SEND])
        before = request.GET.get("before", "")
        return {
            "title": f"{capfirst(phrase(instance.machine.rpartition('.')[2]))} {instance.key}",
            "instance": instance,
            "original": instance,
            "machine": machine,
            "state": states_in_words(instance.state),
            "since": lasted(max(now - instance.updated_at, timedelta())),
            "svg": picture.instance_svg(instance) if machine else "",
            "data": in_order(machine.data_type, shown.data(instance)) if machine else MASK,
            "taken": [one for one in events if one.verdict != "refused"],
            "refused": [one for one in events if one.verdict == "refused"],
            "timers": timers,
            "effects": effects,
            "attention": [one for one in effects if one.row.needs_attention],
            "timeline": timeline(
                instance, [one.row for one in timers], now, int(before) if before.isdecimal() else None
            ),
            "refusals": list(instance.refusals.order_by("-pk")[:REFUSALS]),
            "acts": [one for one in acts.ON_INSTANCE.items() if may[permissions.OPERATE] and one[1].possible(instance)],
            "may_force": may[permissions.FORCE],
            "may_edit": may[permissions.EDIT],
            "may_operate": may[permissions.EFFECTS],
        }

    def events(
        self, request: HttpRequest, machine: Machine[Any] | None, instance: MachineInstance, *, sending: bool
    ) -> list[Offered]:
        """Return the events that the states name; of those who may send, the ones that the policy lets them send."""
        events = offered(machine, instance, sending=sending) if machine else []
        allowed = permissions.sendable(request, instance) if events and sending else None
        return [one for one in events if allowed is None or one.name in allowed]

    @unheld
    def entry_view(self, request: HttpRequest, object_id: str, sequence: int) -> HttpResponse:
        """Show an instance as it was after an entry of its history."""
        instance = self.found(request, object_id)
        entry = instance.entries.filter(sequence=sequence).first()
        if entry is None:
            raise Http404(_("There is no such history entry."))
        entry.instance = instance
        machine = shown.machine_of(instance.machine, entry.version)
        try:
            data, missing = data_at(instance, entry, machine), ""
        except (HistoryIncomplete, InvalidValue) as error:
            data, missing = None, str(error)
        context = {
            "title": _("As of entry %(sequence)s") % {"sequence": sequence},
            "instance": instance,
            "entry": entry,
            "words": event_in_words(entry.event),
            "state": leaves(entry.target),
            "svg": drawn_at(machine, entry) if machine else "",
            "data": data,
            "missing": missing,
            "payload": shown.payload(entry),
            "changes": differences(instance, [entry], known_data(instance, sequence))[sequence],
            "newest": instance.sequence,
        }
        return self.page(request, "entry.html", context)


def machine_of(instance: MachineInstance) -> Machine[Any] | None:
    """Return an instance's machine; None where this code does not have it."""
    return shown.machine_of(instance.machine, instance.version)


def data_at(instance: MachineInstance, entry: HistoryEntry, machine: Machine[Any] | None) -> Any:
    """Return the data after an entry, masked. Raises HistoryIncomplete, InvalidValue where the type is another."""
    if machine is None:
        return MASK
    data = engine.snapshot_at(instance, entry.sequence).data
    encoded = codec(machine.data_type, f"data of {instance.machine}").encode(data)
    return mask(machine.data_type, msgspec.json.decode(encoded))


def drawn_at(machine: Machine[Any], entry: HistoryEntry) -> str:
    """Draw where an entry had put its instance, by which transitions, and what it left."""
    taken = frozenset(one for microstep in entry.microsteps for one in microstep.get("transitions", ()))
    left = frozenset(entry.source) - frozenset(entry.target)
    return picture.draw(machine, lambda: Overlay(active=frozenset(entry.target), passed=left, last=taken))
