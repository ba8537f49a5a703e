"""Rows to chart: makes the nodes, resolves targets and functions, and reports every error at once.

Errors are what cannot be interpreted. What is merely suspect (an unreachable state, a shadowed guard) is no error.
Limits: builds once, when the machine is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from . import resolve
from .chart import Chart, Delay, Edge, Invocation, Node
from .definition import After, Always, Done, Entry, Exit, History, Initial, Invoke, On, State, Timer, Transition
from .delays import delay_id, key_order
from .errors import DefinitionError
from .events import RESERVED, after, done_actor, done_state, error_actor
from .functions import Bound, Named, named
from .guards import compile_guard
from .hints import mismatches
from .names import Names
from .operations import compile_delay, compile_doing

if TYPE_CHECKING:
    from .machine import Machine

ROWS = (On, Always, After, Timer, Done, Entry, Exit, Initial, Invoke, State)


def build(machine: Machine[Any]) -> Chart:
    """Compile a machine. Raises DefinitionError with all problems."""
    builder = _Builder(machine)
    chart = builder.chart()
    if builder.problems:
        raise DefinitionError(machine.name, list(dict.fromkeys(builder.problems)))
    return chart


class _Builder:
    """Collects problems while it builds, so that all are told."""

    def __init__(self, machine: Machine[Any]) -> None:
        self.machine = machine
        self.problems: list[str] = []
        self.nodes: list[Node] = []
        self.paths: dict[str, str] = {}

    def tell(self, node: Node, problem: object) -> None:
        self.problems.append(f"state {node.path!r}: {problem}" if node.path else f"machine: {problem}")

    def chart(self) -> Chart:
        root = self._node(self.machine, None)
        chart = Chart(self.machine.name, tuple(self.nodes))
        for node in self.nodes:
            self._defaults(node, chart)
        for node in self.nodes:
            self._fill(node, chart)
        self.problems += Names(root).problems()
        self.problems += mismatches(self.machine, self.nodes)
        return chart

    def _node(self, state: State[Any], parent: Node | None) -> Node:
        node = Node(state, parent, len(self.nodes), self.machine.name, _type(state))
        if parent is not None:
            node.id = state.id or f"{self.machine.name}.{node.path}"
        if self.paths.setdefault(node.id, node.path) != node.path:
            self.tell(node, f"its id {node.id!r} is another state's too; every id is used once")
        self.nodes.append(node)
        if parent is not None and (not state.name or "." in state.name or state.name.startswith("#")):
            self.tell(node, f"{state.name!r} is no name for a state; write one without dots that does not begin with #")
        for row in state.rows:
            if not isinstance(row, ROWS):
                self.tell(node, f"{row!r} is no row; write On, Always, After, Entry, Exit, Invoke, Done or a State")
        keys = [child.name for child in state.of(State)]
        for key in dict.fromkeys(key for key in keys if keys.count(key) > 1):
            self.tell(node, f"it holds two states named {key!r}; rename one")
        node.children = tuple(self._node(child, node) for child in state.of(State))
        if isinstance(state, History):
            node.history = state
        return node

    def _attempt(self, node: Node, find: Callable[[], Any]) -> Any:
        """Return what is found, or tell why it is not and return None."""
        try:
            return find()
        except (LookupError, TypeError, ValueError) as problem:
            self.tell(node, problem.args[0])
            return None

    def _defaults(self, node: Node, chart: Chart) -> None:
        rows = node.state.of(Initial)
        node.initial_row = rows[0] if rows else None
        if len(rows) > 1:
            self.tell(node, "it has two Initial rows; keep one")
        named = rows[0].target if rows else None
        if node.type == "compound":
            node.initial = self._attempt(node, lambda: resolve.initial(node, named))
        elif rows and node.type == "parallel":
            self._attempt(node, lambda: resolve.initial(node, named))
        elif rows:
            self.tell(node, "an Initial row needs states inside; add them, or drop the row")
        if node.type == "parallel" and not node.regions:
            self.tell(node, "a parallel state holds regions; add states to it, or make it a State")

    def _fill(self, node: Node, chart: Chart) -> None:
        state = node.state
        if node.history is not None:
            default = node.history.default
            found = self._attempt(node, lambda: resolve.history_default(node, chart.by_id, default))
            node.history_default = found or ()
        node.entry = tuple(doing for row in state.of(Entry) for doing in row.actions)
        node.exit = tuple(doing for row in state.of(Exit) for doing in row.actions)
        for doing in (*node.entry, *node.exit, *(node.initial_row.actions if node.initial_row else ())):
            self._attempt(node, lambda doing=doing: compile_doing(doing, node.path))  # type: ignore[misc]
        if state.output is not None:
            node.output = self._attempt(node, lambda: _output(state.output))
        node.invocations = tuple(
            Invocation(row.id or f"{index}.{node.id}", row) for index, row in enumerate(state.of(Invoke))
        )
        node.always = tuple(self._edge(chart, node, row, "always", index) for index, row in enumerate(state.of(Always)))
        for descriptor, transitions in self._descriptors(node):
            edges = node.edges.setdefault(descriptor, [])
            edges += [
                self._edge(chart, node, row, descriptor, index) for index, row in enumerate(transitions, len(edges))
            ]

    def _descriptors(self, node: Node) -> Iterator[tuple[str, list[Transition[Any]]]]:
        """Yield what reacts to which descriptor, in XState's order: on, done, invoked, after."""
        own: dict[str, list[Transition[Any]]] = {}
        for row in node.state.of(On):
            own.setdefault(row.descriptor, []).append(row)
            if row.event is not None and row.descriptor.startswith(RESERVED):
                self.tell(node, f"an event may not be named {row.descriptor!r}: {' and '.join(RESERVED)} are reserved")
        done = node.state.of(Done)
        if done:
            own[done_state(node.id)] = list(done)
        for invocation in node.invocations:
            if invocation.row.done:
                own[done_actor(invocation.id)] = list(invocation.row.done)
            if invocation.row.failed:
                own[error_actor(invocation.id)] = list(invocation.row.failed)
        yield from own.items()
        delays: dict[str, list[Timer[Any]]] = {}
        for timed in node.state.of(Timer):
            found = self._attempt(node, lambda timed=timed: delay_id(timed))  # type: ignore[misc]
            if found is not None:
                delays.setdefault(found, []).append(timed)
        node.delays = tuple(self._delay(node, id, delays[id][0]) for id in sorted(delays, key=key_order))
        for delay in node.delays:
            yield delay.event, [row for row in delays[delay.id] if isinstance(row, After)]

    def _delay(self, node: Node, id: str, row: Timer[Any]) -> Delay:
        given = row.delay
        assert given is not None  # delay_id tells
        return Delay(id, after(id, node.id), self._attempt(node, lambda: compile_delay(given)))

    def _edge(self, chart: Chart, node: Node, row: Transition[Any], descriptor: str, index: int) -> Edge:
        edge = Edge(self.machine.name, node, row, descriptor, index)
        found = [
            self._attempt(node, lambda one=one: resolve.target(node, one, chart.by_id))  # type: ignore[misc]
            for one in row.targets
        ]
        edge.targets = tuple(one for one in found if one is not None)
        for doing in row.actions:
            self._attempt(node, lambda doing=doing: compile_doing(doing, node.path))  # type: ignore[misc]
        if row.guard is not None:
            given = row.guard
            edge.check = self._attempt(
                node, lambda: compile_guard(given, lambda id: resolve.by_id(id, chart.by_id).path)
            )
        return edge


def _type(state: State[Any]) -> str:
    if state.type != "state":
        return state.type
    return "compound" if state.of(State) else "atomic"


def _output(output: Any) -> Bound:
    if callable(output) or isinstance(output, Named):
        return named(output).bound()
    return lambda data, event, moment: output
