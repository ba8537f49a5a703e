"""Which facts an event asks for, so that they can be read before the step.

Limits: looks at rows, not at guards' answers: what is read may turn out not to be needed.
"""

from __future__ import annotations

from typing import Any

from .chart import Chart
from .events import matches
from .functions import Fact, Raise
from .machine import Machine
from .names import edges_of
from .snapshot import Snapshot


def asked(machine: Machine[Any], snapshot: Snapshot[Any] | None, event_type: str) -> dict[str, Fact[Any, Any]]:
    """Return by id the facts of the active states' candidates for an event, and of all that may follow without one.

    What may follow are eventless transitions, completions and raised events, anywhere in the machine. `snapshot` is
    None at the start.
    """
    if not machine.names.facts:
        return {}
    found = {fact.id: fact for fact in _following(machine.chart)}
    if snapshot is not None:
        for node in machine.chart.configuration(snapshot.configuration).nodes:
            found |= {fact.id: fact for edge in node.candidates(event_type) for fact in edge.row.facts}
    return found


def _following(chart: Chart) -> list[Fact[Any, Any]]:
    edges = [edge for node in chart.nodes for edge in edges_of(node)]
    doings = [doing for node in chart.nodes for doing in (*node.entry, *node.exit)]
    doings += [doing for edge in edges for doing in edge.row.actions]
    raised = {getattr(doing.event, "type", "") for doing in doings if isinstance(doing, Raise)}
    names = [*raised, *(f"xstate.done.state.{node.id}" for node in chart.nodes)]
    return [
        fact
        for edge in edges
        if edge.descriptor == "always" or any(matches(edge.descriptor, name) for name in names)
        for fact in edge.row.facts
    ]
