"""Edit what an instance owns, without moving it: an operator's repair, with a reason and in the history.

Limits: the value is checked by its type alone; timers and effects go on with what they have.
"""

from __future__ import annotations

from typing import Any

import msgspec

from statemachines.core.events import Actor, Moment, Occurrence
from statemachines.core.snapshot import Step
from statemachines.models import MachineInstance

from . import allowed
from .asking import located, reasoned, who
from .transaction import Driven, drive
from .verbs import expect, fresh

EDIT_DATA = "statemachines.data"


def edit_data(
    instance: MachineInstance | int,
    data: Any,
    *,
    reason: str,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    expected_sequence: int | None = None,
    using: str | None = None,
) -> MachineInstance:
    """Give an instance other data, typed or as plain JSON data; states, timers and effects stay as they are.

    Raises InvalidValue where it does not fit the type, NotAllowed, InstanceNotFound, InstanceBusy, SequenceMismatch.
    """
    by, why = who(actor, system=system), reasoned("edit_data", reason)
    given, alias = located(instance, using)

    def work(driven: Driven) -> Driven:
        expect(driven, expected_sequence)
        allowed.operates(driven, by, "edit the data of", system=system)
        assert driven.snapshot is not None  # loaded
        new = driven.data_codec.convert(msgspec.to_builtins(data))
        edited: Step[Any] = Step(msgspec.structs.replace(driven.snapshot, data=new))
        driven._record(driven.snapshot, edited, Occurrence(EDIT_DATA), Moment(by, origin, driven.now), why)
        return driven

    driven = drive(given.pk, alias, work)
    given.key, given.created_at = driven.row.key, driven.row.created_at
    return fresh(given, driven, alias)
