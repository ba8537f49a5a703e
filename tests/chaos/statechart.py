"""What a published definition (XState JSON) allows: a small interpreter of the checker's own.

It knows no data, so a guard may hold or not: `outcomes` are all macrosteps that an event may lead to. Limits: no
history states, no events made by functions; effects are told by the names that the definition's publisher lists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any

MOST_MICROSTEPS = 40


def several(given: Any) -> list[Any]:
    """Return what JSON writes as one thing, or as a list of them, as a list."""
    return [] if given is None else given if isinstance(given, list) else [given]


class Node:
    """A state of the definition; `path` is its names from the root, joined by dots, "" for the root."""

    def __init__(self, told: dict[str, Any], parent: Node | None, name: str, machine: str) -> None:
        self.told = told
        self.parent = parent
        self.path = name if parent is None or not parent.path else f"{parent.path}.{name}"
        if parent is None:
            self.path = ""
        self.id = told.get("id") if parent is not None and told.get("id") else f"{machine}.{self.path}".rstrip(".")
        self.children = {key: Node(child, self, key, machine) for key, child in told.get("states", {}).items()}
        self.kind = told.get("type") or ("compound" if self.children else "atomic")
        if self.kind == "history":
            raise NotImplementedError("The checker interprets no history states.")
        self.invokes = [
            (invoke["src"], invoke.get("id", f"{index}.{self.id}"), invoke)
            for index, invoke in enumerate(several(told.get("invoke")))
        ]

    def __repr__(self) -> str:
        return self.path or "(root)"

    def above(self) -> Iterator[Node]:
        """Yield the ancestors, the nearest first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def inside(self, other: Node) -> bool:
        return other in self.above()

    def all(self) -> Iterator[Node]:
        yield self
        for child in self.children.values():
            yield from child.all()

    def initial(self) -> Node:
        given = self.told["initial"]
        return self.children[given if isinstance(given, str) else given["target"].removeprefix(".")]

    def timers(self) -> dict[str, str]:
        """Return the events of the timers that are set on entry, and what says their delays."""
        return {f"xstate.after.{delay}.{self.id}": delay for delay in self.told.get("after", {})}


@dataclass(frozen=True, eq=False)
class Transition:
    source: Node
    targets: tuple[Node, ...]
    told: dict[str, Any]

    @property
    def reenters(self) -> bool:
        return bool(self.told.get("reenter"))


@dataclass
class Outcome:
    """A macrostep: where it ends, what it entered and left on the way (paths), and what it asked for.

    `effects`: (function, invocation) and how often; `sends`: (timer's name, event, delay); `cancels`: timers' names.
    """

    target: frozenset[Node]
    queue: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    effects: Counter[tuple[str, str]] = field(default_factory=Counter)
    sends: tuple[tuple[str, str, Any], ...] = ()
    cancels: tuple[str, ...] = ()
    moved: bool = False
    ended: bool = False


class Statechart:
    def __init__(self, published: dict[str, Any]) -> None:
        self.name = published["machine"]
        self.effects = published["effects"]
        definition = published["definition"]
        self.root = Node(definition, None, "", definition["id"])
        self.nodes = list(self.root.all())
        self.by_path = {node.path: node for node in self.nodes}
        self.by_id = {node.id: node for node in self.nodes}
        self.order = {node: number for number, node in enumerate(self.nodes)}
        self.outcomes = cache(self._outcomes)

    def leaves(self, paths: Iterable[str]) -> frozenset[str]:
        """Return the innermost of the active paths."""
        named = frozenset(paths) - {""}
        return frozenset(path for path in named if not any(other.startswith(f"{path}.") for other in named))

    def _outcomes(self, source: frozenset[str], event: str) -> list[Outcome]:
        """Return every macrostep that the event may be, from the active leaves `source`; none at the start."""
        if not source:
            first = Outcome(frozenset(), moved=True)
            self._enter(first, self._down(self.root))
            return list(self._rest(first, 0))
        active = frozenset(node for path in source for node in (self.by_path[path], *self.by_path[path].above()))
        at = Outcome(active)
        found = (self._taken(at, edges) for edges in self._options(self.root, active, event) if edges)
        return [rested for taken in found for rested in self._rest(taken, 0)]

    def _rest(self, at: Outcome, depth: int) -> Iterator[Outcome]:
        """Go on with eventless transitions and raised events until none is left."""
        if depth > MOST_MICROSTEPS:
            raise RecursionError(f"{self.name}: a macrostep does not come to rest")
        if at.ended:
            yield at
            return
        rounds = [self._line([leaf, *leaf.above()], at.target, None) for leaf in self._leaves(at.target)]
        for chosen in product(*rounds):
            edges = tuple(dict.fromkeys(edge for one in chosen for edge in one))
            if edges:
                yield from self._rest(self._taken(at, edges), depth + 1)
            elif not at.queue:
                yield at
            else:
                event, rest = at.queue[0], at.queue[1:]
                popped = Outcome(**{**vars(at), "queue": rest, "effects": at.effects.copy()})
                for taken in self._options(self.root, at.target, event):
                    yield from self._rest(self._taken(popped, taken) if taken else popped, depth + 1)

    def _leaves(self, active: frozenset[Node]) -> list[Node]:
        return sorted((node for node in active if not node.children), key=self.order.__getitem__)

    # which transitions

    def _options(self, node: Node, active: frozenset[Node], event: str) -> list[tuple[Transition, ...]]:
        """Return every selection that is possible below a node; an empty one where nothing is taken."""
        regions = [self._options(child, active, event) for child in node.children.values() if child in active]
        own = self._line([node], active, event)
        found: dict[tuple[Transition, ...], None] = {}
        for chosen in product(*regions):
            below = tuple(edge for one in chosen for edge in one)
            for edges in [below] if below else own:
                found[edges] = None
        return list(found)

    def _line(self, nodes: list[Node], active: frozenset[Node], event: str | None) -> list[tuple[Transition, ...]]:
        """Return what may be taken of a line of candidates: each one before which all may be refused."""
        options: list[tuple[Transition, ...]] = []
        for node in nodes:
            for edge in self._candidates(node, event):
                holds = self._holds(edge.told.get("guard"), active)
                if holds is not False:
                    options.append((edge,))
                if holds is True:
                    return options
        return [*options, ()]

    def _candidates(self, node: Node, event: str | None) -> list[Transition]:
        told = node.told
        if event is None:
            rows = several(told.get("always"))
        elif event.startswith("xstate.after."):
            delays = node.timers()
            rows = several(told.get("after", {}).get(delays[event])) if event in delays else []
        elif event == f"xstate.done.state.{node.id}":
            rows = several(told.get("onDone"))
        elif event.startswith(("xstate.done.actor.", "xstate.error.actor.")):
            kind, _, id = event.removeprefix("xstate.").partition(".actor.")
            rows = [
                row
                for _, invocation, invoke in node.invokes
                if invocation == id
                for row in several(invoke.get("onDone" if kind == "done" else "onError"))
            ]
        else:
            rows = several(told.get("on", {}).get(event)) + several(told.get("on", {}).get("*"))
        return [self._transition(node, row if isinstance(row, dict) else {"target": row}) for row in rows]

    def _transition(self, node: Node, told: dict[str, Any]) -> Transition:
        return Transition(node, tuple(self._target(node, key) for key in several(told.get("target"))), told)

    def _target(self, node: Node, key: str) -> Node:
        if key.startswith("#"):
            return self.by_id[key[1:]]
        start = node if key.startswith(".") or node.parent is None else node.parent
        for name in key.removeprefix(".").split("."):
            start = start.children[name]
        return start

    def _holds(self, guard: Any, active: frozenset[Node]) -> bool | None:
        """Decide a guard as far as the configuration decides it; None where it may be either."""
        if guard is None:
            return True
        kind, params = (guard, {}) if isinstance(guard, str) else (guard["type"], guard.get("params", {}))
        if kind == "in":
            return self.by_path[params["state"]] in active
        if kind == "not":
            held = self._holds(params["guard"], active)
            return None if held is None else not held
        if kind in ("and", "or"):
            parts = {self._holds(one, active) for one in params["guards"]}
            decisive = kind == "or"
            return decisive if decisive in parts else None if None in parts else not decisive
        return None

    # what they do

    def _taken(self, at: Outcome, edges: tuple[Transition, ...]) -> Outcome:
        """Take transitions: leave, act, enter."""
        new = Outcome(**{**vars(at), "effects": at.effects.copy(), "moved": True})
        kept: dict[Transition, set[Node]] = {}
        for edge in edges:  # of two that leave the same states the inner one is taken, else the first
            gone = self._gone(edge, at.target)
            rivals = [other for other, left in kept.items() if left & gone]
            if all(edge.source.inside(other.source) for other in rivals):
                for other in rivals:
                    del kept[other]
                kept[edge] = gone
        for node in sorted(set().union(*kept.values()), key=self.order.__getitem__, reverse=True):
            self._leave(new, node)
        entering: set[Node] = set()
        for edge in kept:
            self._do(new, edge.told.get("actions"))
            entering |= self._entering(edge, new.target)
        self._enter(new, sorted(entering - new.target, key=self.order.__getitem__))
        return new

    def _domain(self, edge: Transition) -> Node | None:
        source, targets = edge.source, edge.targets
        if not edge.reenters and all(target is source or target.inside(source) for target in targets):
            return source
        head, *rest = [*targets, source]
        return next((node for node in head.above() if all(one.inside(node) for one in rest)), None)

    def _gone(self, edge: Transition, active: frozenset[Node]) -> set[Node]:
        if not edge.targets:
            return set()
        top = self._domain(edge)
        return {node for node in active if top is None or node.inside(top)}

    def _entering(self, edge: Transition, active: frozenset[Node]) -> set[Node]:
        found: set[Node] = set()
        top = self._domain(edge) if edge.targets else None
        for target in edge.targets:
            found.add(target)
            for node in target.above():
                if node is top:
                    break
                found.add(node)
        for node in list(found):
            below = {one for one in found if one.inside(node)}
            if not below or node.kind == "parallel":
                found |= set(self._down(node, found))
        return found

    def _down(self, node: Node, wanted: Iterable[Node] = ()) -> list[Node]:
        """Return a node and what is entered below it by default, beside what is wanted there anyway."""
        found = [node]
        if node.kind == "compound" and not any(one.inside(node) for one in wanted):
            found += self._down(node.initial())
        elif node.kind == "parallel":
            for region in node.children.values():
                if not any(one is region or one.inside(region) for one in wanted):
                    found += self._down(region)
        return found

    def _leave(self, new: Outcome, node: Node) -> None:
        new.target -= {node}
        new.left += (node.path,)
        self._do(new, node.told.get("exit"))
        for source, invocation, _ in node.invokes:
            new.effects.pop((source, invocation), None)

    def _enter(self, new: Outcome, nodes: Iterable[Node]) -> None:
        for node in nodes:
            new.target |= {node}
            new.entered += (node.path,)
            self._do(new, node.told.get("entry"))
            new.effects.update((source, invocation) for source, invocation, _ in node.invokes)
            if node.kind == "final":
                self._ended(new, node)

    def _ended(self, new: Outcome, node: Node) -> None:
        parent = node.parent
        assert parent is not None  # a root is not final
        if parent is self.root:
            new.ended = True
            return
        new.queue += (f"xstate.done.state.{parent.id}",)
        around = parent.parent
        if around is not None and around.kind == "parallel" and self._done(around, new.target):
            new.queue += (f"xstate.done.state.{around.id}",)

    def _done(self, node: Node, active: frozenset[Node]) -> bool:
        if node.kind == "parallel":
            return all(self._done(region, active) for region in node.children.values())
        return any(child in active and child.kind == "final" for child in node.children.values())

    def _do(self, new: Outcome, actions: Any) -> None:
        for action in several(actions):
            kind, params = (action, {}) if isinstance(action, str) else (action["type"], action.get("params", {}))
            if kind in self.effects:
                new.effects[kind, ""] += 1
            elif kind == "raise":
                new.queue += (params["event"]["type"],)
            elif kind == "send":
                event = params["event"]["type"]
                new.sends += ((params.get("id", event), event, params.get("delay")),)
            elif kind == "cancel":
                new.cancels += (params["id"],)
