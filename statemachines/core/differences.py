"""What changed between two definitions of a machine: plain values, in document order of the new one.

States are the same where their paths are; else where one of the same name came and one went, the most alike first.
Functions are compared by their ids. Limits: a renamed state is one gone and one new; what a function computes and which
facts it asks for is not compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from .chart import Node
from .events import RESERVED
from .functions import Named, named
from .machine import Machine
from .matching import ALIKE, Marked, candidates, matched, timer
from .names import edges_of
from .shapes import Shape, shapes

Kind = Literal[
    "state_added",
    "state_removed",
    "state_moved",
    "state_type",
    "state_initial",
    "description",
    "tag_added",
    "tag_removed",
    "entry_added",
    "entry_removed",
    "exit_added",
    "exit_removed",
    "start_added",
    "start_removed",
    "invoke_added",
    "invoke_removed",
    "output_added",
    "output_removed",
    "transition_added",
    "transition_removed",
    "transition_target",
    "transition_guard",
    "transition_actions",
    "transition_delay",
    "transition_order",
    "event_added",
    "event_removed",
    "field_added",
    "field_removed",
    "field_type",
    "field_default",
]


class Difference(msgspec.Struct, frozen=True):
    """`state` is its path, in the old machine where it is gone; `before` and `after` are paths, ids or texts.

    A transition is written as in history (`<source>|<descriptor>|<index>`). A field is one of the data, or with `event`
    of that event's payload; `name` is its path, "a.b" inside a structure; a new field's default stands in `before`.
    """

    kind: Kind
    state: str = ""
    event: str = ""
    name: str = ""
    before: str = ""
    after: str = ""


def differences(old: Machine[Any], new: Machine[Any], same: Mapping[str, str] | None = None) -> tuple[Difference, ...]:
    """Return what changed from one definition to another; `same`: which old state is which new one, where it is known.

    See `same_states`, which is asked otherwise.
    """
    return tuple(_Comparison(old, new, same_states(old, new) if same is None else same).differences())


def same_states(old: Machine[Any], new: Machine[Any]) -> dict[str, str]:
    """Return which old state is which new one, by path; states that are gone are left out."""
    return {before.path: after.path for before, after in _pairs(old, new).items()}


def _pairs(old: Machine[Any], new: Machine[Any]) -> dict[Node, Node]:
    known = new.chart.by_path
    pairs = {node: known[node.path] for node in old.chart.nodes if node.path in known}
    free = [node for node in new.chart.nodes if node.path not in old.chart.by_path]
    for node in (node for node in old.chart.nodes if node not in pairs):
        parent = pairs.get(node.parent) if node.parent else None
        alike = [other for other in free if other.key == node.key]
        if alike:
            best = max(alike, key=lambda other: (other.parent is parent, _likeness(node, other)))
            pairs[node] = best
            free.remove(best)
    return pairs


def _likeness(one: Node, other: Node) -> int:
    """Count what two states have in common."""
    return (_marks(one) & _marks(other)).total()


def _marks(node: Node) -> Counter[str]:
    return Counter([node.type, *node.edges, *map(repr, (*node.entry, *node.exit)), *(one.key for one in node.children)])


class _Comparison:
    """Goes through both machines; `paths` maps those of the old one to those of the new one."""

    def __init__(self, old: Machine[Any], new: Machine[Any], paths: Mapping[str, str]) -> None:
        self.old, self.new = old, new
        self.paths = paths
        self.pairs = {old.chart.by_path[before]: new.chart.by_path[after] for before, after in paths.items()}
        self.origins = {after: before for before, after in self.pairs.items()}

    def differences(self) -> Iterator[Difference]:
        for node in self.old.chart.nodes:
            if node not in self.pairs and node.parent in self.pairs:
                yield Difference("state_removed", node.path)
        for node in self.new.chart.nodes:
            yield from self._state(self.origins.get(node), node)
        yield from _events(self.old, self.new)
        yield from _fields(shapes(self.old)[""], shapes(self.new)[""])

    def _state(self, before: Node | None, after: Node) -> Iterator[Difference]:
        path = after.path
        if before is None:
            if after.parent in self.origins:
                yield Difference("state_added", path)
            return
        if before.parent and self.pairs.get(before.parent) is not after.parent:
            yield Difference("state_moved", path, before=before.path, after=path)
        if before.type != after.type:
            yield Difference("state_type", path, before=before.type, after=after.type)
        if before.initial and after.initial and self.pairs.get(before.initial) is not after.initial:
            yield Difference("state_initial", path, before=before.initial.path, after=after.initial.path)
        if before.state.description != after.state.description:
            yield Difference("description", path, before=before.state.description, after=after.state.description)
        for kind, of in LISTS.items():
            yield from _listed(kind, path, of(before), of(after))
        yield from self._transitions(before, after)

    def _transitions(self, before: Node, after: Node) -> Iterator[Difference]:
        """Compare the candidates for each occasion; where a delay alone is another, the timer has changed."""
        gone: list[Marked] = []
        come: list[Marked] = []
        was, now = candidates(before, self.paths), candidates(after, {})
        for occasion in dict.fromkeys((*now, *was)):
            old, new = was.get(occasion, []), now.get(occasion, [])
            marks = [mark for mark, _ in old], [mark for mark, _ in new]
            if marks[0] != marks[1] and Counter(marks[0]) == Counter(marks[1]):
                yield Difference("transition_order", after.path, before=repr(old[0][1]), after=repr(new[0][1]))
            for one, other in matched(old, new, ALIKE):
                yield from _changed(after.path, one, other)
            gone += old
            come += new
        for one, other in matched(gone, come, (timer,)):
            yield Difference("transition_delay", after.path, before=repr(one[1]), after=repr(other[1]))
        yield from (Difference("transition_removed", after.path, before=repr(edge)) for _, edge in gone)
        yield from (Difference("transition_added", after.path, after=repr(edge)) for _, edge in come)


def _changed(state: str, one: Marked, other: Marked) -> Iterator[Difference]:
    (was, before), (now, after) = one, other
    kinds: tuple[tuple[Kind, bool], ...] = (
        ("transition_target", was.leads != now.leads),
        ("transition_guard", was.guard != now.guard),
        ("transition_actions", was.actions != now.actions),
    )
    return (Difference(kind, state, before=repr(before), after=repr(after)) for kind, differs in kinds if differs)


LISTS: dict[str, Callable[[Node], list[str]]] = {
    "tag": lambda node: list(node.state.tags),
    "entry": lambda node: [repr(doing) for doing in node.entry],
    "exit": lambda node: [repr(doing) for doing in node.exit],
    "start": lambda node: [repr(doing) for doing in node.initial_row.actions] if node.initial_row else [],
    "invoke": lambda node: [one.row.effect.id for one in node.invocations],
    "output": lambda node: [] if node.output is None else [_output(node.state.output)],
}
"""What a state has lists of."""


def _output(output: Any) -> str:
    return named(output).id if callable(output) or isinstance(output, Named) else repr(output)


def _listed(kind: str, state: str, old: list[str], new: list[str]) -> Iterator[Difference]:
    gone, come = Counter(old) - Counter(new), Counter(new) - Counter(old)
    yield from (Difference(f"{kind}_removed", state, before=one) for one in gone.elements())  # type: ignore[arg-type]
    yield from (Difference(f"{kind}_added", state, after=one) for one in come.elements())  # type: ignore[arg-type]


def _events(old: Machine[Any], new: Machine[Any]) -> Iterator[Difference]:
    was, now = _event_shapes(old), _event_shapes(new)
    yield from (Difference("event_removed", event=name) for name in was if name not in now)
    for name in now:
        if name not in was:
            yield Difference("event_added", event=name)
        else:
            yield from _fields(was[name], now[name], name)


def _event_shapes(machine: Machine[Any]) -> dict[str, Shape]:
    """Return the events that a machine names, with the fields of their payloads."""
    named = (edge.descriptor for node in machine.chart.nodes for edge in edges_of(node))
    plain = (name for name in named if name != "always" and "*" not in name and not name.startswith(RESERVED))
    return {**{name: {} for name in plain}, **{name: shape for name, shape in shapes(machine).items() if name}}


def _fields(old: Shape, new: Shape, event: str = "") -> Iterator[Difference]:
    for name, field in old.items():
        if name not in new and (name.rpartition(".")[0] in new or "." not in name):
            yield Difference("field_removed", event=event, name=name, before=field.type)
    for name, field in new.items():
        before = old.get(name)
        if before is None:
            if name.rpartition(".")[0] in old or "." not in name:
                yield Difference("field_added", event=event, name=name, before=field.default or "", after=field.type)
        elif before.type != field.type:
            yield Difference("field_type", event=event, name=name, before=before.type, after=field.type)
        elif before.default != field.default:
            was, now = before.default or "", field.default or ""
            yield Difference("field_default", event=event, name=name, before=was, after=now)
