"""A machine as what is to be drawn: boxes in boxes, arrows between boxes, every text in words.

Made from the definition alone, so that a picture is never drawn by hand. Limits: no sizes and no places; sentences are
for tooltips and screen readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from statemachines.core.chart import Edge, Node
from statemachines.core.definition import Timer, with_result
from statemachines.core.delays import delay_id
from statemachines.core.english import upper
from statemachines.core.events import RESERVED, done_actor, done_state, error_actor
from statemachines.core.functions import (
    Assign,
    Cancel,
    Condition,
    Doing,
    Effect,
    Every,
    Guard,
    InState,
    Named,
    Not,
    Raise,
    Send,
    Some,
    spell,
)
from statemachines.core.guards import state_paths
from statemachines.core.machine import Machine
from statemachines.core.names import edges_of
from statemachines.core.sentences import say
from statemachines.core.telling import Telling
from statemachines.core.words import delay_in_words, phrase, prose

Kind = Literal["atomic", "compound", "parallel", "final", "history", "initial"]
Role = Literal[
    "event", "after", "always", "done", "failed", "guard", "do", "effect", "entry", "exit", "start", "invoke", "to"
]  # fmt: skip

WHEN: tuple[Role, ...] = ("event", "after", "always", "done", "failed")
"""The roles of a trigger's first line: what it waits for."""

OTHERWISE = "otherwise"


class Line(msgspec.Struct, frozen=True):
    """A line of text in a box; `effect` is the id of the effect that it names, `trigger` that of the inner transition
    that it belongs to."""

    role: Role
    text: str
    effect: str = ""
    trigger: str = ""


class Trigger(msgspec.Struct, frozen=True):
    """A transition's label: when, if what, and what is done. `id` is that of the chart's edge, `told` its sentence."""

    id: str
    lines: tuple[Line, ...]
    told: str = ""


class Arrow(msgspec.Struct, frozen=True):
    """An arrow between two boxes, with all transitions that lead from the one to the other; none: an initial one."""

    id: str
    source: str
    target: str
    triggers: tuple[Trigger, ...] = ()


class Box(msgspec.Struct, frozen=True):
    """A state, or the dot of an initial one. `path` is "" for the machine itself; `deep` is for history states."""

    path: str
    kind: Kind
    title: str = ""
    about: str = ""
    lines: tuple[Line, ...] = ()
    tags: tuple[str, ...] = ()
    children: tuple[Box, ...] = ()
    region: bool = False
    deep: bool = False

    def walk(self) -> Iterator[Box]:
        """Yield it and all that is inside it, outer boxes first."""
        yield self
        for child in self.children:
            yield from child.walk()


class Graph(msgspec.Struct, frozen=True):
    """What is drawn of a machine; `told` is its summary in sentences."""

    name: str
    version: int
    told: str
    root: Box
    arrows: tuple[Arrow, ...]

    def parents(self) -> dict[str, str]:
        """Return the path of what holds each box."""
        return {child.path: box.path for box in self.root.walk() for child in box.children}


def graph(machine: Machine[Any]) -> Graph:
    """Return what is drawn of a machine."""
    return _Reader(machine).graph()


def initial_path(path: str) -> str:
    """Name the initial dot inside a state; no state's path has a "#"."""
    return f"{path}#initial"


def plain(text: str) -> str:
    """Return a sentence without its marks of emphasis."""
    return text.replace("*", "")


class _Reader:
    def __init__(self, machine: Machine[Any]) -> None:
        self.machine = machine
        self.telling = Telling(machine)
        self.occasions = dict(_occasions(machine))
        self.arrows: dict[tuple[str, str], list[Trigger]] = {}
        invoked = (one.row for node in machine.chart.nodes for one in node.invocations)
        self.updates = {with_result(row.update): row.update for row in invoked if row.update}

    def graph(self) -> Graph:
        root = self._box(self.machine.chart.root)
        arrows = tuple(
            Arrow(f"{source}->{target}", source, target, tuple(triggers))
            for (source, target), triggers in self.arrows.items()
        )
        return Graph(self.machine.name, self.machine.version, self._told(), root, arrows)

    def _told(self) -> str:
        root = self.machine.chart.root
        ends = [node for node in root.children if node.type == "final"]
        told = [f"{upper(prose(self.machine.description))}."] if self.machine.description else []
        told.append(say("version", version=self.machine.version))
        if root.initial is not None:
            told.append(say("starts_as", state=self.telling.state(root.initial, root)))
        if ends:
            told.append(say("ends_in", states=self.telling.states(ends, root, "or")))
        return plain(" ".join(told))

    def _box(self, node: Node) -> Box:
        initial: tuple[Box, ...] = ()
        if node.initial is not None:
            initial = (Box(initial_path(node.path), "initial"),)
            self.arrows[initial_path(node.path), node.initial.path] = []
        for target in node.history_default:
            self.arrows.setdefault((node.path, target.path), [])
        inner = [*self._inner(node)]
        parent = node.parent
        return Box(
            path=node.path,
            kind=node.type,  # type: ignore[arg-type]  # the chart's words are ours
            title=phrase(node.key),
            about=prose(node.state.description),
            lines=(*self._doings(node), *inner),
            tags=tuple(map(phrase, node.state.tags)),
            children=(*initial, *map(self._box, node.children)),
            region=parent is not None and parent.type == "parallel" and node.history is None,
            deep=node.history is not None and node.history.deep,
        )

    def _doings(self, node: Node) -> Iterator[Line]:
        """Yield what a state does when it is entered, started, active and left."""
        yield from (self._doing("entry", one) for one in node.entry)
        if node.initial_row is not None:
            yield from (self._doing("start", one) for one in node.initial_row.actions)
        for invocation in node.invocations:
            yield Line("invoke", phrase(invocation.row.effect.id), invocation.row.effect.id)
        yield from (self._doing("exit", one) for one in node.exit)

    def _inner(self, node: Node) -> Iterator[Line]:
        """Sort a state's transitions: those that lead somewhere are arrows, the others lines of its box."""
        guarded: set[str] = set()
        for edge in edges_of(node):
            trigger = self._trigger(edge, edge.descriptor in guarded)
            if edge.row.guard is not None:
                guarded.add(edge.descriptor)
            for target in edge.targets:
                self.arrows.setdefault((node.path, target.path), []).append(trigger)
            if not edge.targets:
                yield from (msgspec.structs.replace(line, trigger=trigger.id) for line in trigger.lines)

    def _trigger(self, edge: Edge, after_a_guard: bool) -> Trigger:
        lines = [Line(*self._when(edge))]
        guard = edge.row.guard
        if guard is not None:
            lines.append(Line("guard", guard_label(guard)))
        elif after_a_guard:
            lines.append(Line("guard", OTHERWISE))
        lines += (self._doing("do", one) for one in edge.row.actions)
        if edge.forbids:
            lines.append(Line("do", "ignored"))
        return Trigger(repr(edge), tuple(lines), plain(self.telling.sentence(edge)))

    def _when(self, edge: Edge) -> tuple[Role, str]:
        if isinstance(edge.row, Timer) and edge.row.delay is not None:
            return "after", delay_in_words(edge.row.delay, edge.row.id)
        if edge.descriptor in self.occasions:
            return self.occasions[edge.descriptor]
        if edge.descriptor == "always":
            return "always", "at once"
        if edge.descriptor == "*":
            return "event", "anything else"
        if edge.descriptor.endswith(".*"):
            return "event", f"any {phrase(edge.descriptor[:-2])}"
        return "event", phrase(edge.descriptor)

    def _doing(self, role: Role, doing: Doing) -> Line:
        if isinstance(doing, Effect):
            return Line("effect" if role == "do" else role, phrase(doing.id), doing.id)
        update = self.updates.get(doing) if isinstance(doing, Assign) else None
        return Line(role, doing_label(doing if update is None else Named(update)))


def _occasions(machine: Machine[Any]) -> Iterator[tuple[str, tuple[Role, str]]]:
    """Yield the events that the machine makes for itself: timers, completions, failures."""
    for node in machine.chart.nodes:
        yield done_state(node.id), ("done", f"{phrase(node.key)} has ended")
        for invocation in node.invocations:
            effect = phrase(invocation.row.effect.id)
            yield done_actor(invocation.id), ("done", prose(invocation.row.label) or f"{effect}: done")
            yield error_actor(invocation.id), ("failed", f"{effect}: failed")
        words = {
            delay_id(row): delay_in_words(row.delay, row.id) for row in node.state.of(Timer) if row.delay is not None
        }
        for delay in node.delays:
            if delay.event.startswith(RESERVED):
                yield delay.event, ("after", words[delay.id])


def guard_label(guard: Guard[Any, Any]) -> str:
    """Name a guard in a few words."""
    match guard:
        case Condition():
            return _named(guard)
        case Not():
            return f"not {_inside(guard.guard)}"
        case Every():
            return " and ".join(map(_inside, guard.guards)) or say("always_holds")
        case Some():
            return " or ".join(map(_inside, guard.guards)) or say("never_holds")
        case InState():
            paths = state_paths(guard.state, lambda id: id.removeprefix("#"))
            return f"in {' and '.join(phrase(path.rpartition('.')[2]) for path in paths)}"
    raise TypeError(f"{guard!r} is no guard")


def _inside(guard: Guard[Any, Any]) -> str:
    text = guard_label(guard)
    return f"({text})" if isinstance(guard, Every | Some) else text


def doing_label(doing: Doing | Named) -> str:
    """Name what is done in a few words."""
    match doing:
        case Raise():
            return f"raise {phrase(spell(doing.event))}"
        case Send():
            delay = "" if doing.delay is None else f" {delay_in_words(doing.delay)}"
            return f"send {phrase(spell(doing.event))}{delay}"
        case Cancel():
            return f"cancel {phrase(doing.id)}"
    return _named(doing)


def _named(function: Named) -> str:
    given = ", ".join(f"{phrase(name)} {value}" for name, value in function.params.items())
    return phrase(function.id) + (f" ({given})" if given else "")
