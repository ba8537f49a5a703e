"""The compiled chart: nodes in document order, and everything that can be known without a snapshot.

Configurations are interned: what follows from the set of active nodes alone (candidates, plans of microsteps) is worked
out once and kept with it, so that a running machine walks a graph that it has already drawn.
Limits: nothing here depends on data or time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from .events import matches
from .functions import Bound, Doing

if TYPE_CHECKING:
    from .definition import History, Initial, Invoke, State, Transition
    from .plan import Plan
    from .selection import Branch, Line

KEPT_CONFIGURATIONS = 10_000
"""How many configurations a chart remembers; a machine that visits more starts remembering anew."""

Check = Callable[[Any, Any, Any, "Configuration"], bool]
"""A compiled guard: `(data, event, moment, configuration)`."""


class Edge:
    """A transition between nodes, told as `<source>|<descriptor>|<index>`; without targets it stays where it is."""

    __slots__ = ("check", "descriptor", "index", "machine", "reenter", "row", "source", "targets")

    def __init__(self, machine: str, source: Node, row: Transition[Any], descriptor: str, index: int) -> None:
        self.machine = machine
        self.source = source
        self.row = row
        self.descriptor = descriptor
        self.index = index
        self.reenter = row.reenter
        self.targets: tuple[Node, ...] = ()
        self.check: Check | None = None

    @property
    def forbids(self) -> bool:
        """Whether it only hides the event from ancestors."""
        return not self.targets and not self.row.actions

    def __repr__(self) -> str:
        return f"{self.source.path or '(root)'}|{self.descriptor}|{self.index}"


class Delay:
    """A timer that a node starts when it is entered; `value` is fixed or computed from data, event and moment."""

    __slots__ = ("event", "id", "value")

    def __init__(self, id: str, event: str, value: timedelta | Bound) -> None:
        self.id = id
        self.event = event
        self.value = value


class Invocation:
    """An effect that runs while a node is active."""

    __slots__ = ("id", "row")

    def __init__(self, id: str, row: Invoke[Any]) -> None:
        self.id = id
        self.row = row


class Node:
    """A state in the tree; `order` is its place in document order (SCXML 3.13), `path` its keys without the root."""

    __slots__ = (
        "always",
        "children",
        "delays",
        "edges",
        "entry",
        "exit",
        "history",
        "history_default",
        "id",
        "initial",
        "initial_row",
        "invocations",
        "key",
        "order",
        "output",
        "parent",
        "path",
        "state",
        "type",
    )

    def __init__(self, state: State[Any], parent: Node | None, order: int, id: str, type: str) -> None:
        self.state = state
        self.key = state.name
        self.parent = parent
        self.order = order
        self.id = id
        self.type = type
        self.path: str = f"{parent.path}.{state.name}" if parent and parent.path else (state.name if parent else "")
        self.children: tuple[Node, ...] = ()
        self.initial: Node | None = None
        self.initial_row: Initial[Any] | None = None
        self.history: History[Any] | None = None
        self.history_default: tuple[Node, ...] = ()
        self.entry: tuple[Doing, ...] = ()
        self.exit: tuple[Doing, ...] = ()
        self.edges: dict[str, list[Edge]] = {}
        self.always: tuple[Edge, ...] = ()
        self.delays: tuple[Delay, ...] = ()
        self.invocations: tuple[Invocation, ...] = ()
        self.output: Bound | None = None

    def __repr__(self) -> str:
        return self.path or "(root)"

    @property
    def leaf(self) -> bool:
        return self.type in ("atomic", "final")

    @property
    def regions(self) -> tuple[Node, ...]:
        """Its children that can be active."""
        return tuple(child for child in self.children if child.type != "history")

    def ancestors(self) -> Iterator[Node]:
        """Yield its proper ancestors, nearest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def inside(self, other: Node) -> bool:
        """Say whether it is a proper descendant of `other`."""
        return any(ancestor is other for ancestor in self.ancestors())

    def candidates(self, event_type: str) -> tuple[Edge, ...]:
        """Return its transitions for an event in order: exact ones, then wildcards by length of their descriptor."""
        wild = [key for key in self.edges if key != event_type and matches(key, event_type)]
        keys = [event_type, *sorted(wild, key=len, reverse=True)]
        return tuple(edge for key in keys for edge in self.edges.get(key, ()))


class Configuration:
    """A set of active nodes in node order, and what follows from it."""

    __slots__ = ("active", "always", "json", "leaves", "names", "nodes", "on", "paths", "plans")

    def __init__(self, nodes: tuple[Node, ...]) -> None:
        self.nodes = nodes
        self.active = frozenset(nodes)
        self.paths = tuple(node.path for node in nodes if node.parent is not None)
        self.names = frozenset(self.paths)
        self.json = msgspec.json.encode(self.paths).decode()
        self.leaves = tuple(sorted(node.path for node in nodes if node.leaf))
        self.on: dict[str, Line | Branch | None] = {}
        self.always: tuple[Line, ...] | None = None
        self.plans: dict[tuple[Edge, ...], Plan] = {}


class Chart:
    """A machine's nodes, by path and by id, and its configurations."""

    def __init__(self, name: str, nodes: tuple[Node, ...]) -> None:
        self.name = name
        self.nodes = nodes
        self.root = nodes[0]
        self.by_path = {node.path: node for node in nodes}
        self.by_id = {node.id: node for node in nodes}
        self._known: dict[tuple[str, ...], Configuration] = {}

    def configuration(self, paths: tuple[str, ...]) -> Configuration:
        """Return the configuration of these paths (all active ones, in node order).

        Raises KeyError where a path is not a state of this machine.
        """
        known = self._known.get(paths)
        return known or self.intern((self.root, *(self.by_path[path] for path in paths)))

    def clash(self, nodes: tuple[Node, ...]) -> tuple[Node, list[str]] | None:
        """Return a compound state that would not be in exactly one of its states, and those that it would be in."""
        active = set(nodes)
        for node in active:
            below = [child.path for child in node.children if child in active]
            if node.type == "compound" and len(below) != 1:
                return node, below
        return None

    def intern(self, nodes: tuple[Node, ...]) -> Configuration:
        """Return the one configuration of these nodes."""
        paths = tuple(node.path for node in nodes if node.parent is not None)
        known = self._known.get(paths)
        if known is None:
            if len(self._known) >= KEPT_CONFIGURATIONS:
                self._known.clear()
            known = self._known[paths] = Configuration(nodes)
        return known
