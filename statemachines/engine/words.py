"""Steps and refusals as history and clients are told of them.

Limits: words and plain data, no decisions.
"""

from __future__ import annotations

from typing import Any

from statemachines.core.snapshot import Microstep, Rejection, Snapshot
from statemachines.exceptions import EventRefused


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


def refused(machine: str, snapshot: Snapshot[Any], rejection: Rejection) -> EventRefused:
    """Return the refusal of an event that selected nothing."""
    name, possible = rejection.event_type, rejection.possible
    if snapshot.status != "active":
        return EventRefused(
            "ended", f"{machine} has ended, it takes no more events.", event=name, state=rejection.state
        )
    where = ", ".join(rejection.state)
    because = f" ({', '.join(rejection.guards)} said no)" if rejection.guards else ""
    instead = f"It would take: {', '.join(possible)}." if possible else "It takes no event now."
    text = f"{machine} in {where} does not take {name!r}{because}. {instead}"
    return EventRefused(
        "not_possible", text, event=name, state=rejection.state, possible=possible, guards=rejection.guards
    )
