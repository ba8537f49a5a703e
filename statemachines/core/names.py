"""Every function that a machine names, by kind and id, so that a definition is told without its code.

Limits: two functions under one id cannot be told apart in JSON, in history or on a picture: that is an error here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .chart import Edge, Node
from .definition import After
from .functions import Action, Assign, Condition, Doing, Effect, Every, Fact, Guard, Named, Not, Some


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
    """The named functions below a node: `guards`, `actions`, `effects`, `facts`, `delays`, each by id."""

    def __init__(self, root: Node) -> None:
        self.guards: dict[str, Condition[Any, Any]] = {}
        self.actions: dict[str, Assign[Any, Any] | Action[Any]] = {}
        self.effects: dict[str, Effect[Any, Any]] = {}
        self.facts: dict[str, Fact[Any, Any]] = {}
        self.delays: dict[str, Named] = {}
        self._problems: list[str] = []
        self._visit(root)

    def problems(self) -> list[str]:
        """Return a sentence for each function that has no stable id of its own."""
        return self._problems

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
        for row in node.state.of(After):
            if callable(row.delay):
                self._put(self.delays, "delay", Named(row.delay, row.id), node)
        for child in node.children:
            self._visit(child)

    def _doing(self, doing: Doing, node: Node) -> None:
        if isinstance(doing, Effect):
            self._put(self.effects, "effect", doing, node)
        elif isinstance(doing, Assign | Action):
            self._put(self.actions, "action", doing, node)

    def _put(self, known: dict[str, Any], kind: str, named: Named, node: Node) -> None:
        where = f"state {node.path!r}" if node.path else "machine"
        if named.id == "<lambda>":
            self._problems.append(f"{where}: a lambda has no name; give the {kind} one with id=, or write a def")
        elif known.setdefault(named.id, named).function is not named.function:
            self._problems.append(f"{where}: two different functions are the {kind} {named.id!r}; give one an id=")


def edges_of(node: Node) -> Iterator[Edge]:
    """Yield a node's transitions, eventless ones last."""
    for edges in node.edges.values():
        yield from edges
    yield from node.always
