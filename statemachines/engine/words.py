"""Steps as history tells of them: a list of microsteps, each with its event, what it took, left, entered and did.

What a plan says is the same each time, so its text is made once. Limits: words and plain data, no decisions.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from statemachines.core.plan import Plan
from statemachines.core.snapshot import Microstep


def told(microsteps: Iterable[Microstep]) -> str:
    """Return microsteps as JSON; what there is nothing of is left out."""
    return f"[{','.join(map(_told, microsteps))}]"


def _told(microstep: Microstep) -> str:
    event = msgspec.json.encode(microstep.event.type).decode()
    return f'{{"event":{event}{_plan(microstep.plan)}}}'


def _plan(plan: Plan) -> str:
    """Return the members of a plan's object, each after a comma."""
    if plan.text is None:
        parts = {
            "transitions": [repr(edge) for edge in plan.edges],
            "exited": plan.exited,
            "entered": plan.entered,
            "actions": [repr(doing) for doing in plan.actions],
        }
        members = (f',"{name}":{msgspec.json.encode(part).decode()}' for name, part in parts.items() if part)
        plan.text = "".join(members)
    return plan.text
