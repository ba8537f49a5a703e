"""Which nodes a set of transitions leaves and enters: domain, exit set, entry set (SCXML 3.13).

XState v5's variant, oddities included: a domain may be a parallel state, an internal transition may start anywhere,
regions added on the way up run no initial actions.
Limits: reads nodes and recorded history, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .chart import Chart, Edge, Node
from .errors import MachineError


class Recorded:
    """The recorded history, and whether anybody asked for it."""

    def __init__(self, history: Mapping[str, tuple[str, ...]], chart: Chart) -> None:
        self.history = history
        self.chart = chart
        self.asked = False

    def get(self, node: Node) -> tuple[Node, ...] | None:
        """Return what a history node recorded, or None."""
        self.asked = True
        paths = self.history.get(node.path)
        return None if paths is None else tuple(self.chart.by_path[path] for path in paths)


def effective_targets(targets: Iterable[Node], recorded: Recorded) -> list[Node]:
    """Resolve history nodes among the targets to what they stand for (SCXML: getEffectiveTargetStates)."""
    found: dict[Node, None] = {}
    for target in targets:
        if target.type != "history":
            found[target] = None
            continue
        known = recorded.get(target)
        for node in effective_targets(target.history_default, recorded) if known is None else known:
            found[node] = None
    return list(found)


def domain(edge: Edge, recorded: Recorded) -> Node | None:
    """Return the node below which a transition leaves and enters (SCXML: getTransitionDomain); None: above the root."""
    source = edge.source
    targets = effective_targets(edge.targets, recorded)
    if not edge.reenter and all(target is source or target.inside(source) for target in targets):
        return source
    head, *rest = [*targets, source]
    for ancestor in head.ancestors():
        if all(node.inside(ancestor) for node in rest):
            return ancestor
    return None if edge.reenter else [source, *source.ancestors()][-1]


def exit_set(edges: Iterable[Edge], active: Iterable[Node], recorded: Recorded) -> set[Node]:
    """Return the active nodes that the transitions leave (SCXML: computeExitSet)."""
    nodes = tuple(active)
    left: set[Node] = set()
    for edge in edges:
        if edge.targets:
            top = domain(edge, recorded)
            left.update(nodes if top is None else (node for node in nodes if node.inside(top)))
    return left


def without_conflicts(edges: Iterable[Edge], active: Iterable[Node], recorded: Recorded) -> list[Edge]:
    """Drop those whose exit sets meet (SCXML: removeConflictingTransitions): a descendant's wins, else the first."""
    nodes = tuple(active)
    kept: dict[Edge, set[Node]] = {}
    for edge in edges:
        left = exit_set([edge], nodes, recorded)
        rivals = [other for other, others in kept.items() if left & others]
        if all(edge.source.inside(rival.source) for rival in rivals):
            for rival in rivals:
                del kept[rival]
            kept[edge] = left
    return list(kept)


class EntrySet:
    """Collects the nodes to enter, and those among them that are entered by default (SCXML: computeEntrySet)."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.nodes: set[Node] = set()
        self.by_default: set[Node] = set()

    def add(self, edge: Edge) -> None:
        """Add what a transition enters."""
        top = domain(edge, self.recorded)
        for target in edge.targets:
            stays = target is edge.source and edge.source is top and not edge.reenter
            if target.type != "history" and not stays:
                self._enter(target, by_default=True)
            self._down(target)
        above_root = edge.source.parent is None and edge.reenter
        for target in effective_targets(edge.targets, self.recorded):
            way = _until(target, top)
            if top is not None and top.type == "parallel":
                way.append(top)
            self._up(way, None if above_root else top)

    def _enter(self, node: Node, *, by_default: bool) -> None:
        self.nodes.add(node)
        if by_default:
            self.by_default.add(node)

    def _down(self, node: Node) -> None:
        if node.type == "history":
            self._restore(node)
        elif node.type == "compound":
            initial = node.initial
            assert initial is not None  # a compound state without one is not built
            if initial.type != "history":
                self._enter(initial, by_default=True)
            self._down(initial)
        elif node.type == "parallel":
            self._regions(node, by_default=True)

    def _restore(self, node: Node) -> None:
        parent = node.parent
        assert parent is not None  # the root is no history state
        known = self.recorded.get(node)
        restored = node.history_default if known is None else known
        if known is None and parent.initial is node and not restored:
            raise MachineError(
                self.recorded.chart.name,
                parent.path or "(root)",
                node.key,
                f"its initial state {node.key!r} is a history state, and nothing is recorded yet; give it a default",
            )
        for target in restored:
            self.nodes.add(target)
            if known is None and not _names_default(node):
                self.by_default.add(parent)
            self._down(target)
        for target in restored:
            self._up(_until(target, parent), None)

    def _up(self, way: Iterable[Node], limit: Node | None) -> None:
        for node in way:
            if limit is None or node.inside(limit):
                self.nodes.add(node)
            if node.type == "parallel":
                self._regions(node, by_default=False)

    def _regions(self, node: Node, *, by_default: bool) -> None:
        for region in node.regions:
            if not any(entered.inside(region) for entered in self.nodes):
                self._enter(region, by_default=by_default)
                self._down(region)


def _names_default(node: Node) -> bool:
    """Say whether a history node names its default itself, or stands in a parallel state that needs none."""
    assert node.history is not None
    assert node.parent is not None
    return bool(node.history.default) or node.parent.type == "parallel"


def _until(node: Node, top: Node | None) -> list[Node]:
    """Return a node's proper ancestors below `top`, nearest first."""
    way: list[Node] = []
    if node is top:
        return way
    for ancestor in node.ancestors():
        if ancestor is top:
            break
        way.append(ancestor)
    return way
