"""Try what a form asks for, and say what became of it: done, done before, refused, stale.

Limits: nothing is decided here; the engine and the machine decide.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from statemachines import shown
from statemachines.core.errors import EventRefused, InvalidValue, MachineError
from statemachines.core.machine import Machine
from statemachines.exceptions import (
    IdempotencyConflict,
    InstanceBusy,
    NotAllowed,
    OperationRefused,
    SequenceMismatch,
    UnknownEvent,
    UnknownMachine,
    UnknownVersion,
)
from statemachines.models import HistoryEntry, MachineInstance

from .offered import refusal_in_words
from .permissions import trace
from .words import event_in_words, leaves

MEANWHILE = 10
"""How many entries a stale form is told of."""


class Asked(Protocol):
    """A form of an act."""

    cleaned_data: dict[str, Any]

    def put(self, error: InvalidValue) -> None: ...
    def again(self, instance: MachineInstance) -> None: ...
    def add_error(self, field: str | None, error: Any) -> None: ...


class Since(NamedTuple):
    """What happened while a form was open."""

    entry: HistoryEntry
    words: str
    target: str


class Tried(NamedTuple):
    """`meanwhile`: what happened since the form was made, where that is why nothing was done."""

    done: bool
    meanwhile: list[Since]


def attempt(
    request: HttpRequest,
    instance: MachineInstance,
    machine: Machine[Any] | None,
    form: Asked,
    event: str,
    do: Callable[[], bool],
    success: str,
    *,
    own_trace: bool = False,
) -> Tried:
    """Do what a valid form asks for; where it cannot be done, the form says why. `do` returns False for a repetition.

    `own_trace`: what is done leaves a trace of its refusal by itself.
    """
    try:
        first = do()
    except SequenceMismatch as stale:
        instance.refresh_from_db()
        form.again(instance)
        form.add_error(None, _("It has moved while this page was open. Nothing was done: look again, then decide."))
        return Tried(False, since(instance, stale.expected))
    except InvalidValue as error:
        form.put(error)
    except NotAllowed as denied:
        form.add_error(None, str(denied))
        if not own_trace:
            trace(request, instance, event, "not_allowed", str(denied))
    except (EventRefused, OperationRefused) as refusal:
        text = str(refusal)
        if isinstance(refusal, EventRefused) and machine is not None:
            text = refusal_in_words(machine, refusal)
        if not own_trace:
            trace(request, instance, event, refusal.code, str(refusal))
        form.add_error(None, text)
    except MachineError as error:
        form.add_error(None, shown.failure(machine, error))
    except (
        IdempotencyConflict, InstanceBusy, UnknownEvent, UnknownMachine, UnknownVersion,
    ) as error:  # fmt: skip
        form.add_error(None, str(error))
    else:
        if first:
            messages.success(request, success)
        else:
            messages.info(request, _("This was done already; it was not done again."))
        return Tried(True, [])
    return Tried(False, [])


def since(instance: MachineInstance, sequence: int) -> list[Since]:
    """Return the first entries after a sequence."""
    entries = instance.entries.filter(sequence__gt=sequence).order_by("sequence")[:MEANWHILE]
    return [Since(entry, event_in_words(entry.event), leaves(entry.target)) for entry in entries]
