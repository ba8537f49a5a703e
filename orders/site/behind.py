"""Behind the scenes of an instance: its machine's picture, the last event and what that caused, and what comes next.

Limits: reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.utils.timezone import now

from statemachines import picture, registry
from statemachines.core.events import INIT, done_actor, error_actor
from statemachines.core.machine import Machine
from statemachines.core.rejection import possible
from statemachines.core.words import phrase
from statemachines.models import Effect, HistoryEntry, MachineInstance

from .cards import knows

MARGIN = 14
ENTRIES = 6
SIZE = re.compile(r'viewBox="[^"]*" width="\d+" height="\d+"')


def behind(instance: MachineInstance) -> dict[str, Any]:
    """Return what the panel shows; of an instance that this code does not have the version of, only that."""
    if not knows(instance):
        return {"instance": instance, "current": registry.find(instance.machine).version}
    machine = instance.registered.machine
    entries = told(machine, instance.entries.order_by("-sequence")[:ENTRIES])
    effects = list(instance.effects.order_by("-pk")[:ENTRIES])
    return {
        "instance": instance,
        "picture": drawn(instance),
        "last": entries[:1],
        "earlier": entries[1:],
        "caused": [(phrase(one.name.rpartition(".")[2]), one) for one in effects if one.sequence == instance.sequence],
        "busy": any(one.status in Effect.OPEN for one in effects),
        "timers": [
            (named(machine).get(one.event), one, one.armed == instance.sequence, picture.remaining(one.due_at - now()))
            for one in instance.timers.order_by("due_at")
        ],
        "possible": [(phrase(one.event_type), one.verdict) for one in possible(machine, instance.snapshot())],
        "refusals": instance.refusals.order_by("-last_at")[:2],
    }


def named(machine: Machine[Any]) -> dict[str, str]:
    """Name the events that a machine has of its own: its beginning, its timers, its effects' ends."""
    found = {INIT: "created"}
    for node in machine.chart.nodes:
        found |= {delay.event: f"{phrase(delay.id)} over" for delay in node.delays}
        for invocation in node.invocations:
            does = phrase(invocation.row.effect.id)
            found |= {done_actor(invocation.id): f"done: {does}", error_actor(invocation.id): f"failed: {does}"}
    return found


def told(machine: Machine[Any], entries: Iterable[HistoryEntry]) -> list[tuple[str, HistoryEntry]]:
    """Return history entries, each with its event in words."""
    words = named(machine)
    return [(words.get(entry.event) or phrase(entry.event), entry) for entry in entries]


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
