"""Put an instance into a configuration by hand: an operator's repair, not a transition of the machine.

What the targets leave open is entered by default, so the result is always legal. Exit actions never run, the timers and
invocations of the states that are left are always cancelled.
Limits: makes a plan like any other; guards are not asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from . import resolve
from .chart import Edge, Node
from .definition import Transition
from .errors import InvalidValue
from .events import NO_MOMENT, Moment, Occurrence
from .interpreter import perform, rest
from .machine import Machine
from .operations import Run
from .plan import forced_plan
from .snapshot import Microstep, Snapshot, Step

D = TypeVar("D")

FORCE = "statemachines.force"
"""The name of the event that history gets."""


def force(
    machine: Machine[D],
    snapshot: Snapshot[D],
    targets: Sequence[str],
    *,
    data: D,
    entering: bool,
    moment: Moment = NO_MOMENT,
) -> Step[D]:
    """Return the step into `targets` (paths or "#id"s, one per region where several) with `data`.

    `entering`: run entry actions and effects, start timers and invocations, and take what is eventless then; without
    it nothing starts. Raises InvalidValue where the targets name no state, or exclude each other.
    """
    if not targets:
        raise InvalidValue("force", field="targets", expected="at least one state", received="none")
    chart = machine.chart
    configuration = chart.configuration(snapshot.configuration)
    edge = Edge(chart.name, chart.root, Transition(), FORCE, 0)
    edge.targets = tuple(_found(machine, target) for target in targets)
    planned = forced_plan(chart, configuration, edge, snapshot.history, entering=entering)
    if clash := chart.clash(planned.then.nodes):
        node, below = clash
        expected = f"states that can be active together; of {node.path or 'the machine'} only one can"
        raise InvalidValue("force", field="targets", expected=expected, received=", ".join(below))
    run = Run(data, Occurrence(FORCE, {"targets": list(targets), "entering": entering}), moment)
    perform(chart, run, planned)
    history = {**snapshot.history, **planned.recorded}
    microsteps = [Microstep(run.event, planned)]
    if not entering:
        run.queue.clear()  # completions would move it on: nothing starts
    return rest(chart, run, planned.then, history, microsteps, ask_eventless=entering)


def _found(machine: Machine[Any], target: str) -> Node:
    try:
        chart = machine.chart
        found = resolve.by_id(target, chart.by_id) if target.startswith("#") else chart.by_path[target]
    except LookupError:
        known = ", ".join(node.path for node in machine.chart.nodes if node.leaf)
        raise InvalidValue("force", field="targets", expected=f"a state, one of: {known}", received=target) from None
    if found.parent is None:
        raise InvalidValue("force", field="targets", expected="a state inside the machine", received=target)
    return found
