"""Hold the annotations of a machine's functions against its types: a second net below the type checker.

Limits: only plain classes are compared; what is not annotated, or more than a class, is trusted.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, get_type_hints

from .chart import Node
from .definition import Invoke, On
from .events import Event
from .functions import POSITIONAL, Action, Assign, Effect, Named
from .names import edges_of, guards_of

if TYPE_CHECKING:
    from .machine import Machine


def mismatches(machine: Machine[Any], nodes: Iterable[Node]) -> list[str]:
    """Return a sentence for each function whose annotations do not fit where it stands."""
    found = (problem for node in nodes for problem in _of_node(node, machine.data_type))
    return list(found)


def _of_node(node: Node, data: Any) -> Iterator[str]:
    where = f"state {node.path!r}" if node.path else "machine"
    for doing in (*node.entry, *node.exit):
        if isinstance(doing, Named):
            yield from _of(doing, where, data, None)
    for edge in edges_of(node):
        event = edge.row.event if isinstance(edge.row, On) else None
        for named in (*guards_of(edge.row.guard), *(one for one in edge.row.actions if isinstance(one, Named))):
            yield from _of(named, where, data, event)
    for row in node.state.of(Invoke):
        yield from _of(row.effect, where, data, None)
        if row.update is not None:
            yield from _result(row, where)


def _annotations(function: Any) -> tuple[list[Any], Any]:
    """Return the annotations of a function's positional parameters (None where absent) and of what it returns."""
    try:
        hints = get_type_hints(function)
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError, NameError, AttributeError):
        return [], None
    return [hints.get(p.name) for p in parameters if p.kind in POSITIONAL], hints.get("return")


def _clash(expected: Any, annotated: Any) -> bool:
    """Say whether a value of the class `expected` does not fit a parameter annotated with another class."""
    told = all(isinstance(one, type) and one is not Any for one in (expected, annotated))
    return told and not issubclass(expected, annotated)


def _of(named: Named, where: str, data: Any, event: type[Event] | None) -> Iterator[str]:
    parameters, returned = _annotations(named.function)
    if isinstance(named, Effect) and named.input is not None:
        yield from _of(named.input, where, data, event)
        given, told = named.input_type(data), f"its input {named.input.id!r} returns"
    else:
        given, told = data, "the machine's data is"
    if parameters and _clash(given, parameters[0]):
        yield f"{where}: {named.id!r} takes {parameters[0].__name__}, {told} {given.__name__}"
    if event is not None and not isinstance(named, Effect | Action) and _clash(event, (*parameters, None, None)[1]):
        yield f"{where}: {named.id!r} takes {parameters[1].__name__}, but stands in On({event.__name__})"
    if isinstance(named, Assign) and _clash(returned, data):
        yield f"{where}: {named.id!r} returns {returned.__name__}, an assign returns {data.__name__}"


def _result(row: Invoke[Any], where: str) -> Iterator[str]:
    _, result = _annotations(row.effect.function)
    parameters, _ = _annotations(row.update)
    if len(parameters) > 1 and _clash(result, parameters[1]):
        name = getattr(row.update, "__name__", "do=")
        yield f"{where}: {name!r} takes {parameters[1].__name__}, {row.effect.id!r} returns {result.__name__}"
