"""Which transitions an event, or none, enables in a configuration (SCXML 3.13: selectTransitions).

XState v5's variant: for an event a parallel state and its ancestors are asked only where no region answers; eventless
transitions are selected per leaf. Guards see the data and the configuration from before the microstep.
Limits: selects; conflicts between what is selected are resolved where the plan is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .chart import Configuration, Edge, Node
from .errors import MachineError, Refuse
from .events import AnyEvent, Moment

Line = tuple[Edge, ...]
"""Candidates in order, from a leaf to the root."""


class Branch:
    """Regions that are asked one by one, and the candidates that are asked where none of them answers."""

    __slots__ = ("own", "regions")

    def __init__(self, regions: tuple[Line | Branch, ...], own: Line) -> None:
        self.regions = regions
        self.own = own


def selector(configuration: Configuration, event_type: str) -> Line | Branch | None:
    """Work out what a configuration can take for an event, whatever its guards say; None where nothing can be."""

    def of(node: Node) -> Line | Branch | None:
        asked = (of(child) for child in node.children if child in configuration.active)
        regions = tuple(region for region in asked if region is not None)
        own = node.candidates(event_type)
        if not regions:
            return own or None
        if len(regions) == 1 and isinstance(regions[0], tuple):
            return regions[0] + own
        return Branch(regions, own)

    return of(configuration.nodes[0])


def eventless(configuration: Configuration) -> tuple[Line, ...]:
    """Work out for each active leaf, in node order, its eventless candidates from the leaf to the root."""
    leaves = (node for node in configuration.nodes if node.leaf)
    lines = (tuple(edge for node in (leaf, *leaf.ancestors()) for edge in node.always) for leaf in leaves)
    return tuple(line for line in lines if line)


def _first(line: Line, data: Any, event: AnyEvent, moment: Moment, configuration: Configuration) -> Edge | None:
    """Return the first candidate whose guard holds.

    Raises MachineError where a guard fails; a `Refuse` passes through.
    """
    for edge in line:
        check = edge.check
        try:
            if check is None or check(data, event, moment, configuration):
                return edge
        except (Refuse, MachineError):
            raise
        except Exception as error:
            where = edge.source.path or "(root)"
            raise MachineError(edge.machine, where, f"guard {edge.row.guard!r}", f"raised {error!r}") from error
    return None


first: Callable[[Line, Any, AnyEvent, Moment, Configuration], Edge | None] = _first
"""What selects by; another function only while somebody looks on, so that otherwise it costs nothing."""


def observe_guards(told: Callable[[Edge, bool], None] | None) -> None:
    """Tell from now on of each candidate that was asked whether it may be taken; None: no longer."""
    global first
    first = _first if told is None else _telling(told)


def _telling(told: Callable[[Edge, bool], None]) -> Callable[[Line, Any, AnyEvent, Moment, Configuration], Edge | None]:
    def watched(line: Line, data: Any, event: AnyEvent, moment: Moment, configuration: Configuration) -> Edge | None:
        found = _first(line, data, event, moment, configuration)
        for edge in line:
            told(edge, edge is found)
            if edge is found:
                break
        return found

    return watched


def select(
    asked: Line | Branch, data: Any, event: AnyEvent, moment: Moment, configuration: Configuration
) -> tuple[Edge, ...]:
    """Return the transitions that an event enables, in document order of the regions that answer."""
    if isinstance(asked, tuple):
        edge = first(asked, data, event, moment, configuration)
        return () if edge is None else (edge,)
    found = [edge for region in asked.regions for edge in select(region, data, event, moment, configuration)]
    return tuple(found) or select(asked.own, data, event, moment, configuration)


def select_eventless(
    lines: Iterable[Line], data: Any, event: AnyEvent, moment: Moment, configuration: Configuration
) -> tuple[Edge, ...]:
    """Return the eventless transitions that are enabled, one per active leaf at most, each once."""
    found = (first(line, data, event, moment, configuration) for line in lines)
    return tuple(dict.fromkeys(edge for edge in found if edge is not None))
