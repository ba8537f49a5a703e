"""Steps as history tells of them.

Limits: words and plain data, no decisions.
"""

from __future__ import annotations

from typing import Any

from statemachines.core.snapshot import Microstep


def told(microstep: Microstep) -> dict[str, Any]:
    """Return a microstep as history keeps it: its event and, where there are any, what it took, left, entered, did."""
    plan = microstep.plan
    parts = {
        "event": microstep.event.type,
        "transitions": [repr(edge) for edge in plan.edges],
        "exited": plan.exited,
        "entered": plan.entered,
        "actions": [repr(doing) for doing in plan.actions],
    }
    return {name: part for name, part in parts.items() if part}
