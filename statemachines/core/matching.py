"""Which transition of an old definition is which one of the new: by what they react to, then by how alike they are.

Limits: for two states that are known to be the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from .chart import Edge, Node
from .definition import Timer
from .events import done_actor, done_state, error_actor
from .functions import Every, Guard, InState, Not, Some
from .guards import state_paths
from .names import edges_of


class Mark(NamedTuple):
    """What a transition is, apart from its occasion; states by their paths in the new machine."""

    leads: tuple[object, ...]
    guard: str
    actions: tuple[str, ...]


Marked = tuple[Mark, Edge]


ALIKE: tuple[Callable[[Marked], object], ...] = (
    lambda marked: marked[0],
    lambda marked: marked[0].leads,
    lambda marked: marked[0].guard,
    lambda marked: True,
)
"""What candidates for one occasion have in common, the most telling first."""


def timer(marked: Marked) -> object:
    """Alike are timers whose delay alone differs; other transitions are alike to none."""
    return marked[0] if isinstance(marked[1].row, Timer) else marked[1]


def matched(
    old: list[Marked], new: list[Marked], ways: Iterable[Callable[[Marked], object]]
) -> Iterator[tuple[Marked, Marked]]:
    """Take pairs out of both lists, the most alike ones first: `ways` are asked one after another."""
    for way in ways:
        for one in list(old):
            other = next((other for other in new if way(other) == way(one)), None)
            if other is not None:
                old.remove(one)
                new.remove(other)
                yield one, other


def candidates(node: Node, paths: Mapping[str, str]) -> dict[str, list[Marked]]:
    """Return a state's transitions by what they react to; `paths` maps paths to those of the new machine."""
    found: dict[str, list[Marked]] = {}
    for edge in edges_of(node):
        leads = (edge.reenter, *(paths.get(target.path, target.path) for target in edge.targets))
        mark = Mark(leads, _guard_mark(edge.row.guard, paths), tuple(map(repr, edge.row.actions)))
        found.setdefault(_occasion(edge), []).append((mark, edge))
    return found


def _occasion(edge: Edge) -> str:
    """Name what a transition reacts to without the path of its state, which may have moved."""
    node = edge.source
    own = {done_state(node.id): "done"}
    own |= {delay.event: f"after {delay.id}" for delay in node.delays}
    for index, invocation in enumerate(node.invocations):
        own[done_actor(invocation.id)] = f"done {index} {invocation.row.effect.id}"
        own[error_actor(invocation.id)] = f"failed {index} {invocation.row.effect.id}"
    return own.get(edge.descriptor, edge.descriptor)


def _guard_mark(guard: Guard[Any, Any] | None, paths: Mapping[str, str]) -> str:
    match guard:
        case None:
            return ""
        case InState():
            return f"in {sorted(paths.get(path, path) for path in state_paths(guard.state, str))}"
        case Not():
            return f"not {_guard_mark(guard.guard, paths)}"
        case Every() | Some():
            return f"{type(guard).__name__} {[_guard_mark(one, paths) for one in guard.guards]}"
    return repr(guard)
