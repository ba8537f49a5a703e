"""The plan of a microstep: what is left, done and entered, in order, once the transitions are known (SCXML 3.13).

A plan depends on the configuration, the transitions, and on recorded history where a history state is involved; never
on data. So it is made once and kept with its configuration, unless history was asked.
Limits: the interpreter runs what is planned here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from .chart import Chart, Configuration, Edge, Node
from .definition import Transition
from .operations import (
    Operation,
    cancel_delay,
    compile_doing,
    finish,
    raise_done,
    start_delay,
    start_invocation,
    stop_invocation,
)
from .sets import EntrySet, Recorded, exit_set, without_conflicts

History = Mapping[str, tuple[str, ...]]


class Plan:
    """One microstep, ready to run.

    `exited` and `entered`: paths in the order in which it happens (the root is ""); `recorded`: the history that it
    writes; `then`: the configuration after it; `idle`: it leaves the snapshot as it was. `text` is whatever the one who
    tells of it made of it, kept for the next time.
    """

    __slots__ = ("actions", "edges", "entered", "exited", "idle", "operations", "recorded", "text", "then")

    def __init__(
        self,
        edges: Iterable[Edge],
        exited: Iterable[Node],
        entered: Iterable[Node],
        operations: Iterable[Operation],
        recorded: History,
        then: Configuration,
        *,
        stays: bool,
    ) -> None:
        self.edges = tuple(edges)
        self.exited = tuple(node.path for node in exited)
        self.entered = tuple(node.path for node in entered)
        self.operations = tuple(operations)
        self.actions = tuple(operation.doing for operation in self.operations if operation.doing is not None)
        self.recorded = recorded
        self.then = then
        self.text: str | None = None
        self.idle = stays and not any(operation.changes for operation in self.operations)


def plan(chart: Chart, configuration: Configuration, edges: tuple[Edge, ...], history: History) -> Plan:
    """Return the plan for these transitions, made or remembered."""
    known = configuration.plans.get(edges)
    if known is not None:
        return known
    before = Recorded(history, chart)
    kept = without_conflicts(edges, configuration.nodes, before)
    exited = sorted(exit_set(kept, configuration.nodes, before), key=lambda node: -node.order)
    recorded = _record(exited, configuration)
    after = Recorded({**history, **recorded}, chart)
    entry = EntrySet(after)
    for edge in kept:
        entry.add(edge)
    made = _assemble(chart, configuration, kept, exited, entry, recorded)
    if not (before.asked or after.asked):
        configuration.plans[edges] = made
    return made


def start_plan(chart: Chart) -> Plan:
    """Return the plan of the first microstep: the root and what it enters by default."""
    targets = tuple(_initial_nodes(chart.root))
    edge = Edge(chart.name, chart.root, Transition(reenter=True), "", 0)
    edge.targets = targets
    entry = EntrySet(Recorded({}, chart))
    entry.add(edge)
    entry.by_default.add(chart.root)
    return _assemble(chart, Configuration((chart.root,)), [edge], [], entry, {})


def forced_plan(chart: Chart, configuration: Configuration, edge: Edge, history: History, *, entering: bool) -> Plan:
    """Return the plan that puts a machine into an edge's targets: nothing is done on exit, on entry only if said."""
    recorded_before = Recorded(history, chart)
    exited = sorted(exit_set([edge], configuration.nodes, recorded_before), key=lambda node: -node.order)
    recorded = _record(exited, configuration)
    entry = EntrySet(Recorded({**history, **recorded}, chart))
    entry.add(edge)
    return _assemble(chart, configuration, [edge], exited, entry, recorded, exiting=False, entering=entering)


def _initial_nodes(node: Node) -> Iterator[Node]:
    yield node
    below = node.regions if node.type == "parallel" else (node.initial,) if node.initial else ()
    for child in below:
        yield from _initial_nodes(child)


def _record(exited: Collection[Node], configuration: Configuration) -> dict[str, tuple[str, ...]]:
    """Return what the history states of the exited nodes remember (SCXML 3.10), in node order."""
    recorded = {}
    for node in exited:
        for child in node.children:
            if child.history is not None:
                deep = child.history.deep
                fits = (n for n in configuration.nodes if (n.leaf and n.inside(node) if deep else n.parent is node))
                recorded[child.path] = tuple(n.path for n in fits)
    return recorded


def _assemble(
    chart: Chart,
    configuration: Configuration,
    edges: Collection[Edge],
    exited: Collection[Node],
    entry: EntrySet,
    recorded: History,
    *,
    exiting: bool = True,
    entering: bool = True,
) -> Plan:
    leaving = _leaving if exiting else _stopping
    entered = sorted(entry.nodes, key=lambda node: node.order)
    gone = set(exited)
    nodes = [node for node in configuration.nodes if node not in gone]
    operations = [operation for node in exited for operation in leaving(node)]
    operations += [compile_doing(doing, edge.source.path) for edge in edges for doing in edge.row.actions]
    completed: set[Node] = set()
    done = False
    for node in entered:
        if node not in nodes:
            nodes.append(node)
        if entering:
            operations += entering_operations(node, by_default=node in entry.by_default)
        if node.type == "final":
            completions, done_now = _completions(node, set(nodes), completed, chart.root)
            operations += completions
            done = done or done_now
    if done:
        for node in sorted(nodes, key=lambda node: -node.order):
            operations += leaving(node)
    stays = not recorded and set(nodes) == configuration.active
    then = configuration if stays else chart.intern(tuple(nodes))
    return Plan(edges, exited, entered, operations, recorded, then, stays=stays)


def _leaving(node: Node) -> Iterator[Operation]:
    yield from (compile_doing(doing, node.path) for doing in node.exit)
    yield from _stopping(node)


def _stopping(node: Node) -> Iterator[Operation]:
    yield from (cancel_delay(node, delay) for delay in node.delays)
    yield from (stop_invocation(node, invocation) for invocation in node.invocations)


def entering_operations(node: Node, *, by_default: bool) -> Iterator[Operation]:
    """Return what entering a node does: its entry actions, its timers, what it invokes."""
    yield from (compile_doing(doing, node.path) for doing in node.entry)
    yield from (start_delay(node, delay) for delay in node.delays)
    yield from (start_invocation(node, invocation) for invocation in node.invocations)
    if by_default and node.initial_row is not None:
        yield from (compile_doing(doing, node.path) for doing in node.initial_row.actions)


def _completions(
    node: Node, active: Collection[Node], completed: set[Node], root: Node
) -> tuple[list[Operation], bool]:
    """Return what entering a final node completes, and whether that ends the machine (SCXML 3.13: enterStates)."""
    parent = node.parent
    assert parent is not None  # the root is not final
    operations = []
    if parent.type == "compound":
        operations.append(raise_done(parent, node.output))
    above = parent if parent.type == "parallel" else parent.parent
    last = above or node
    while above is not None and above.type == "parallel" and above not in completed and _is_final(above, active):
        completed.add(above)
        operations.append(raise_done(above, None))
        last = above
        above = above.parent
    if above is None:
        operations.append(finish(root, last))
    return operations, above is None


def _is_final(node: Node, active: Collection[Node]) -> bool:
    """Say whether a node is in a final state (SCXML 3.13: isInFinalState)."""
    if node.type == "compound":
        return any(child.type == "final" and child in active for child in node.children)
    if node.type == "parallel":
        return all(_is_final(region, active) for region in node.regions)
    return node.type == "final"
