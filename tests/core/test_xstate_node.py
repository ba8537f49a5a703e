"""The real XState accepts what `to_xstate` writes, and runs it as we do. Needs node and npm (see conftest)."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

from statemachines.core.events import Event, Occurrence
from statemachines.core.interpreter import start, step
from tests.conformance.runner import Player, read
from tests.conformance.test_recorded import BUILT

from . import node
from .example import Accepted, Order, Paused, PickedUp, Rejected, Resumed, order

SOME = BUILT[::3]  # each of these takes XState longer than us
RUNS: list[list[Event | Occurrence]] = [
    [Accepted(prep_minutes=5), Paused(), Resumed(), Occurrence("xstate.done.actor.charge", "r1"), PickedUp()],
    [Accepted(prep_minutes=45), Rejected(), Occurrence("xstate.after.pickup_time.waiting"), PickedUp()],
    [Accepted(prep_minutes=45), Occurrence("done.early"), Paused()],
    [Occurrence("xstate.after.1500.order.offered"), Occurrence("nudge"), Resumed()],
]


def told(event: Event | Occurrence) -> dict[str, Any]:
    """Write an event as XState has it."""
    if isinstance(event, Occurrence):
        return {"type": event.type, "output": event.value}
    return {"type": event.type, **{field: getattr(event, field) for field in event.__struct_fields__}}


def seen(step: Any) -> dict[str, Any]:
    return {"value": order.value(step.snapshot), "status": step.snapshot.status}


def test_recorded_machines() -> None:
    """Machines that were read and written again run in XState as they do here."""
    runs, ours = [], []
    for case in SOME:
        machine = read(case["config"])
        events = [given["event"] for given in case["steps"] if "event" in given]
        runs.append({"config": machine.to_xstate(), "events": events})
        player = Player(machine)
        records = [player.begin(), *(player.play({"event": event}) for event in events)]
        ours.append([{name: record[name] for name in ("value", "status", "context")} for record in records])
    theirs = node.play(json.loads(json.dumps(runs)))
    wrong = [case["name"] for case, left, right in zip(SOME, ours, theirs, strict=True) if left != right]
    assert not wrong


def test_a_machine_of_our_own() -> None:
    """A machine that uses every kind of row runs in XState as it does here, in every run of events."""
    runs, ours = [], []
    for express, events in product((False, True), RUNS):
        told_events = [told(event) for event in events]
        runs.append({"config": order.to_xstate(), "context": {"express": express}, "events": told_events})
        taken = start(order, Order(express=express))
        ours.append([seen(taken)])
        for event in events:
            taken = step(order, taken.snapshot, event)
            ours[-1].append(seen(taken))
    theirs = [[{"value": one["value"], "status": one["status"]} for one in run] for run in node.play(runs)]
    assert theirs == ours
