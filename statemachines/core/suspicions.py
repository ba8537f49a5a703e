"""What is suspect in a machine that can be interpreted all the same: each finding with an id, a reason and a way out.

Limits: looks at the chart, not at what guards answer: a state that only an impossible guard leads to counts as reached.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from .chart import Node
from .definition import Done
from .functions import Every, Guard, InState, Not, Some
from .guards import state_paths
from .machine import Machine
from .names import edges_of


class Suspicion(msgspec.Struct, frozen=True):
    """`id` is stable ("W101"); `state` is a path, empty for the machine itself."""

    id: str
    state: str
    text: str
    hint: str


def suspicions(machine: Machine[Any]) -> list[Suspicion]:
    """Return what is suspect, in document order."""
    reached = _reached(machine.chart.root)
    return [found for node in machine.chart.nodes for found in _of(node, machine, reached)]


def _of(node: Node, machine: Machine[Any], reached: set[Node]) -> Iterator[Suspicion]:
    if node not in reached and (node.parent is None or node.parent in reached):
        hint = "Lead a transition to it, or remove it."
        yield Suspicion("W101", node.path, "nothing leads to it", hint)
    if node.type == "atomic" and not any(_leads_out(one) for one in (node, *node.ancestors())):
        hint = "Give it a transition, or make it Final where it is an end."
        yield Suspicion("W102", node.path, "nothing leads out of it, and it is no final state", hint)
    if node.type in ("atomic", "final") and node.parent is not None and node.state.of(Done):
        hint = "Put the row into the compound or parallel state that ends, or into Invoke."
        yield Suspicion("W103", node.path, "its Done rows can never be taken: it holds no states", hint)
    yield from _shadowed(node)
    for path in _unknown_states(node, machine):
        hint = "Write the path from the root, as in 'standard.order_ready', or the state's '#id'."
        yield Suspicion("W105", node.path, f"a guard asks for the state {path!r}, which does not exist", hint)


def _reached(root: Node) -> set[Node]:
    """Return the nodes that entering the root, and then any transition from what is reached, may enter."""
    reached: set[Node] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node in reached:
            continue
        reached.add(node)
        waiting += node.ancestors()
        waiting += node.history_default
        if node.initial is not None:
            waiting.append(node.initial)
        if node.type == "parallel":
            waiting += node.regions
        waiting += [target for edge in edges_of(node) for target in edge.targets]
    return reached


def _leads_out(node: Node) -> bool:
    return any(edge.targets for edge in edges_of(node))


def _shadowed(node: Node) -> Iterator[Suspicion]:
    """Yield candidates that stand after one without a guard, which is always taken before them."""
    for candidates in (*node.edges.values(), list(node.always)):
        open_at = next((edge.index for edge in candidates if edge.row.guard is None), None)
        for edge in candidates:
            if open_at is not None and edge.index > open_at:
                text = f"{edge!r} can never be taken: candidate {open_at} before it has no guard"
                yield Suspicion("W104", node.path, text, "Give the earlier one a guard, or put it last.")


def _unknown_states(node: Node, machine: Machine[Any]) -> Iterator[str]:
    for edge in edges_of(node):
        for asked in _in_states(edge.row.guard):
            for path in state_paths(asked.state, lambda id: ""):  # an unknown id is an error of building
                if path not in machine.chart.by_path:
                    yield path


def _in_states(guard: Guard[Any, Any] | None) -> Iterator[InState]:
    match guard:
        case InState():
            yield guard
        case Not():
            yield from _in_states(guard.guard)
        case Every() | Some():
            for one in guard.guards:
                yield from _in_states(one)
