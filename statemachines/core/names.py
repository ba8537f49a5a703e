"""Every function that a machine names, by kind and id, so that a definition is told without its code.

Limits: two functions under one id cannot be told apart in JSON, in history or on a picture: that is an error here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .chart import Edge, Node
from .definition import On, Timer
from .events import Event, event_type
from .functions import (
    Action,
    Assign,
    Condition,
    Doing,
    Effect,
    Every,
    Fact,
    Guard,
    Named,
    Not,
    Raise,
    Send,
    Some,
    named,
)

WORDS = {
    "guard": ("and", "or", "not", "in"),
    "action": ("raise", "send", "cancel"),
    "effect": ("raise", "send", "cancel"),
}
"""Ids that mean something else where a definition is told as JSON."""


def guards_of(guard: Guard[Any, Any] | None) -> Iterator[Condition[Any, Any]]:
    """Yield the conditions inside a guard."""
    match guard:
        case Condition():
            yield guard
        case Not():
            yield from guards_of(guard.guard)
        case Every() | Some():
            for one in guard.guards:
                yield from guards_of(one)


class Names:
    """The named functions below a node, each by id.

    `guards`, `actions` (assigns and actions), `effects`, `facts`, `delays`; `makers`, which make the event of a raise
    or a send; `outputs`, of final states and the machine.
    """

    def __init__(self, root: Node) -> None:
        self.guards: dict[str, Condition[Any, Any]] = {}
        self.actions: dict[str, Assign[Any, Any] | Action[Any]] = {}
        self.effects: dict[str, Effect[Any, Any]] = {}
        self.facts: dict[str, Fact[Any, Any]] = {}
        self.delays: dict[str, Named] = {}
        self.makers: dict[str, Named] = {}
        self.outputs: dict[str, Named] = {}
        self._problems: list[str] = []
        self._visit(root)

    def functions(self) -> dict[str, dict[str, Any]]:
        """Return all, by kind: what `Machine.from_xstate` takes as keywords."""
        kinds = ("guards", "actions", "effects", "facts", "delays", "makers", "outputs")
        return {kind: getattr(self, kind) for kind in kinds}

    def problems(self) -> list[str]:
        """Return a sentence for each function that has no stable id of its own."""
        shared = self.actions.keys() & self.effects.keys()
        both = [f"{id!r} is both an action and an effect; rename one" for id in sorted(shared)]
        return self._problems + [f"machine: {problem}" for problem in both]

    def _visit(self, node: Node) -> None:
        initial = node.initial_row.actions if node.initial_row else ()
        for doing in (*node.entry, *node.exit, *initial):
            self._doing(doing, node)
        for invocation in node.invocations:
            self._put(self.effects, "effect", invocation.row.effect, node)
        for edge in edges_of(node):
            for condition in guards_of(edge.row.guard):
                self._put(self.guards, "guard", condition, node)
            for doing in edge.row.actions:
                self._doing(doing, node)
            for fact in edge.row.facts:
                self._put(self.facts, "fact", fact, node)
        for row in node.state.of(Timer):
            if callable(row.delay):
                self._put(self.delays, "delay", Named(row.delay, row.id), node)
        output = node.state.output
        if callable(output) or isinstance(output, Named):
            self._put(self.outputs, "output", named(output), node)
        for child in node.children:
            self._visit(child)

    def _doing(self, doing: Doing, node: Node) -> None:
        if isinstance(doing, Effect):
            self._put(self.effects, "effect", doing, node)
        elif isinstance(doing, Assign | Action):
            self._put(self.actions, "action", doing, node)
        elif isinstance(doing, Raise | Send):
            if callable(doing.event) or isinstance(doing.event, Named):
                self._put(self.makers, "maker", named(doing.event), node)
            if isinstance(doing, Send) and (callable(doing.delay) or isinstance(doing.delay, Named)):
                self._put(self.delays, "delay", named(doing.delay), node)

    def _put(self, known: dict[str, Any], kind: str, function: Named, node: Node) -> None:
        where = f"state {node.path!r}" if node.path else "machine"
        if function.id == "<lambda>":
            self._problems.append(f"{where}: a lambda has no name; give the {kind} one with id=, or write a def")
        elif function.id in WORDS.get(kind, ()):
            self._problems.append(
                f"{where}: {function.id!r} is no name for the {kind}, it is a word of XState's; rename it"
            )
        elif known.setdefault(function.id, function).function is not function.function:
            self._problems.append(f"{where}: two different functions are the {kind} {function.id!r}; give one an id=")


def edges_of(node: Node) -> Iterator[Edge]:
    """Yield a node's transitions, eventless ones last."""
    for edges in node.edges.values():
        yield from edges
    yield from node.always


def event_classes(nodes: Iterable[Node], more: Iterable[type[Event]]) -> tuple[dict[str, type[Event]], list[str]]:
    """Return the typed events by name, and a sentence for each name that two classes claim."""
    rows = (row.event for node in nodes for row in node.state.of(On) if row.event is not None)
    classes: dict[str, type[Event]] = {}
    problems = []
    for one in (*rows, *more):
        name = event_type(one)
        if classes.setdefault(name, one) is not one:
            problems.append(
                f"the event {name!r} is both {classes[name].__qualname__} and {one.__qualname__}; set tag= on one"
            )
    return classes, problems
