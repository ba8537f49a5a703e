"""Behind the scenes of an instance: its machine's picture, the last event and what that caused, and what comes next.

Limits: reads.
"""

from __future__ import annotations

import re
from typing import Any

from statemachines import picture
from statemachines.core.rejection import possible
from statemachines.core.words import phrase
from statemachines.models import Effect, MachineInstance

MARGIN = 14
ENTRIES = 6
AFTER = "xstate.after."
SIZE = re.compile(r'viewBox="[^"]*" width="\d+" height="\d+"')


def behind(instance: MachineInstance) -> dict[str, Any]:
    """Return what the panel shows."""
    machine = instance.registered.machine
    entries = list(instance.entries.order_by("-sequence")[:ENTRIES])
    effects = list(instance.effects.order_by("-pk")[:ENTRIES])
    return {
        "instance": instance,
        "picture": drawn(instance),
        "last": entries[0] if entries else None,
        "event": event_of(entries[0].event) if entries else "",
        "caused": [(one.name.rpartition(".")[2], one) for one in effects if one.sequence == instance.sequence],
        "earlier": [(event_of(one.event), one) for one in entries[1:]],
        "busy": any(one.status in Effect.OPEN for one in effects),
        "timers": [(timer, event_of(timer.event)) for timer in instance.timers.order_by("due_at")],
        "possible": possible(machine, instance.snapshot()),
        "refusals": instance.refusals.order_by("-last_at")[:2],
    }


def event_of(name: str) -> str:
    """Name an event for people; a timer's by its delay."""
    if name == "xstate.init":
        return "created"
    if name.startswith(AFTER):
        return f"after {phrase(name.removeprefix(AFTER).partition('.')[0])}"
    return phrase(name)


def drawn(instance: MachineInstance) -> str:
    """Draw an instance: of a machine of several flows, the one that it is in, or was, and where it stands."""
    svg, machine = picture.instance_svg(instance), instance.registered.machine
    paths = [path for entry in instance.entries.all() for path in (*entry.source, *entry.target)]
    flow = next((path for path in paths if machine.chart.by_path[path].children), None)
    if flow is None:
        return svg
    boxes = picture.layout_of(picture.graph_of(machine)).boxes
    shown = [boxes[path] for path in {flow, *instance.configuration}]
    x, y = min(box.x for box in shown) - MARGIN, min(box.y for box in shown) - MARGIN
    wide, high = max(box.right for box in shown) + MARGIN - x, max(box.bottom for box in shown) + MARGIN - y
    size = f'viewBox="{x:.0f} {y:.0f} {wide:.0f} {high:.0f}" width="{wide:.0f}" height="{high:.0f}"'
    return SIZE.sub(size, svg, count=1)
