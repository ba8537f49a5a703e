"""The events that an instance may be sent now, each with a form made from its payload; the refused ones with why.

Limits: what depends on the payload is decided only when it is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from statemachines.core.events import AnyEvent, Event, Occurrence
from statemachines.core.functions import Guard
from statemachines.core.machine import Machine
from statemachines.core.rejection import possible
from statemachines.core.words import event_meaning, guard_in_words, phrase, state_in_words
from statemachines.exceptions import EventRefused, InvalidValue
from statemachines.models import MachineInstance

from .once import OnceForm
from .typed import TypedForm


class Offered(NamedTuple):
    """An event: its name on the wire and in words, what it means, whether it would be taken, and its form."""

    name: str
    words: str
    about: str
    verdict: str
    guards: list[str]
    form: SendForm | None


class SendForm(OnceForm):
    """An event's payload."""

    def __init__(self, machine: Machine[Any], event: str, instance: MachineInstance, data: Any = None) -> None:
        self.event = event
        known = machine.events.get(event)
        # The fields' ids have the event's name in them, as several such forms stand on one page.
        super().__init__(instance, data, auto_id=f"id_{event}_%s")
        self.payload = TypedForm(known or dict, data, prefix="payload", auto_id=f"id_{event}_%s")
        if known is None:
            self.payload.fields.clear()  # an event without a type is its name

    def is_valid(self) -> bool:
        return super().is_valid() & self.payload.is_valid()

    def occurrence(self) -> AnyEvent:
        return Occurrence(self.event, self.payload.plain if self.payload.fields else None)

    def put(self, error: InvalidValue) -> None:
        self.payload.put(error)


def offered(machine: Machine[Any], instance: MachineInstance, *, sending: bool) -> list[Offered]:
    """Return the events that the active states name. `sending`: with forms."""
    if instance.status == MachineInstance.Status.PAUSED:
        return []
    guards = known_guards(machine)
    found = []
    for one in possible(machine, instance.snapshot()):
        known: type[Event] | None = machine.events.get(one.event_type)
        form = SendForm(machine, one.event_type, instance) if sending and one.verdict != "refused" else None
        said = [guard_in_words(guards[name], state_in_words) if name in guards else phrase(name) for name in one.guards]
        words = phrase(one.event_type)
        found.append(
            Offered(one.event_type, words[:1].upper() + words[1:], event_meaning(known), one.verdict, said, form)
        )
    return found


def known_guards(machine: Machine[Any]) -> Mapping[str, Guard[Any, Any]]:
    """Return the guards of a machine's transitions by the names that refusals give them."""
    return dict(_guards(machine))


def _guards(machine: Machine[Any]) -> Iterator[tuple[str, Guard[Any, Any]]]:
    for node in machine.chart.nodes:
        for edges in (*node.edges.values(), node.always):
            yield from ((repr(edge.row.guard), edge.row.guard) for edge in edges if edge.row.guard is not None)


def refusal_in_words(machine: Machine[Any], refusal: EventRefused) -> str:
    """Say why an event was refused: in its machine's words where that said it, else by the guards."""
    if refusal.code != "not_possible" or not refusal.guards:
        return refusal.text
    guards = known_guards(machine)
    said = (guard_in_words(guards[one], state_in_words) if one in guards else phrase(one) for one in refusal.guards)
    return f"{refusal.text} {'; '.join(said)}."
