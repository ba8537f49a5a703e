"""What of a machine was ever done, and what never, in words: states, transitions, guards' answers, timers, outcomes.

Everything counts that the interpreter does in this process, whoever asks for it: a simulation, a test, the engine.
Limits: a guard made of others counts as one; what raised is not counted, only the guards that were asked before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Literal

import msgspec

from . import interpreter
from .chart import Chart, Edge, Node
from .events import AnyEvent, done_actor, error_actor
from .machine import Machine
from .names import edges_of
from .selection import observe_guards
from .snapshot import Microstep
from .telling import Telling
from .words import duration_in_words, phrase, state_in_words

Kind = Literal["state", "transition", "guard_true", "guard_false", "timer", "outcome"]

NEVER: dict[Kind, str] = {
    "state": "States that it was never in",
    "transition": "Transitions that were never taken",
    "guard_true": "Conditions that never held",
    "guard_false": "Conditions that always held",
    "timer": "Timers that never fired",
    "outcome": "Outcomes of effects that never came",
}
"""What it means that something is missing, by kind, in the order in which it is told."""


class Item(msgspec.Struct, frozen=True):
    """Something that a machine can do; `state` is the path of where, empty for the machine itself."""

    kind: Kind
    key: str
    state: str
    text: str


class Coverage(msgspec.Struct, frozen=True):
    """What a machine can do, and the keys, as `<kind>:<key>`, of what was done."""

    machine: str
    version: int
    items: tuple[Item, ...]
    done: frozenset[str]

    @property
    def missing(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if f"{item.kind}:{item.key}" not in self.done)

    @property
    def percent(self) -> float:
        """How much was done, of 100."""
        if not self.items:
            return 100
        return 100 * (1 - len(self.missing) / len(self.items))

    def __or__(self, other: Coverage) -> Coverage:
        """Return what both saw of one machine."""
        return msgspec.structs.replace(self, done=self.done | other.done)


class Observer:
    """Notes what is done. `wanted` says by a machine's own name whether it is of interest."""

    def __init__(self, wanted: Callable[[str], bool] = lambda name: True) -> None:
        self.wanted = wanted
        self.entered: set[tuple[Chart, str]] = set()
        self.events: set[tuple[Chart, str]] = set()
        self.taken: set[Edge] = set()
        self.answers: set[tuple[Edge, bool]] = set()

    def saw_step(self, chart: Chart, event: AnyEvent, microsteps: Sequence[Microstep]) -> None:
        """Note a macrostep."""
        if not self.wanted(chart.name):
            return
        self.events.add((chart, event.type))
        for microstep in microsteps:
            self.taken.update(microstep.plan.edges)
            self.entered.update((chart, path) for path in microstep.plan.entered)

    def saw_guard(self, edge: Edge, answer: bool) -> None:
        """Note whether a candidate may be taken."""
        if edge.check is not None and self.wanted(edge.machine):
            self.answers.add((edge, answer))

    def machines(self) -> list[Machine[Any]]:
        """Return the machines that were seen, by name."""
        seen = {chart.root.state for chart, _ in self.events}
        return sorted((one for one in seen if isinstance(one, Machine)), key=lambda one: one.name)

    def coverage(self, machine: Machine[Any], name: str = "") -> Coverage:
        """Tell what was done of a machine, under its own or another name."""
        items = tuple(_items(machine))
        return Coverage(name or machine.name, machine.version, items, frozenset(self._done(machine)))

    def _done(self, machine: Machine[Any]) -> Iterator[str]:
        chart = machine.chart
        yield from (f"state:{path}" for known, path in self.entered if known is chart)
        for known, event in self.events:
            if known is chart:
                yield from (f"timer:{event}", f"outcome:{event}")
        for edge in _edges(machine):
            yield from [f"transition:{edge!r}"] if edge in self.taken else ()
            yield from [f"guard_true:{edge!r}"] if (edge, True) in self.answers else ()
            yield from [f"guard_false:{edge!r}"] if (edge, False) in self.answers else ()


_observers: list[Observer] = []


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Have an observer told of all that machines do in this process meanwhile, with those that look on already."""
    _observers.append(observer)
    _look()
    try:
        yield
    finally:
        _observers.remove(observer)
        _look()


@contextmanager
def unobserved() -> Iterator[None]:
    """Have nobody told meanwhile: to try what could happen is no test of it."""
    looking = _observers[:]
    _observers.clear()
    _look()
    try:
        yield
    finally:
        _observers[:] = looking
        _look()


def _look() -> None:
    """Hang the observers into the interpreter, or nothing where there are none."""
    interpreter.observer = _saw_step if _observers else None
    observe_guards(_saw_guard if _observers else None)


def _saw_step(chart: Chart, event: AnyEvent, microsteps: Sequence[Microstep]) -> None:
    for observer in _observers:
        observer.saw_step(chart, event, microsteps)


def _saw_guard(edge: Edge, answer: bool) -> None:
    for observer in _observers:
        observer.saw_guard(edge, answer)


def _items(machine: Machine[Any]) -> Iterator[Item]:
    telling = Telling(machine)
    for node in machine.chart.nodes:
        if node.parent is not None and node.type != "history":
            yield Item("state", node.path, node.path, state_in_words(node.path))
        for edge in edges_of(node):
            yield from _transition(edge, telling)
        yield from _timers(node)
        yield from _outcomes(node)


def _transition(edge: Edge, telling: Telling) -> Iterator[Item]:
    where, guard = edge.source.path, edge.row.guard
    yield Item("transition", repr(edge), where, _plain(telling.sentence(edge)))
    if guard is not None:
        text = _plain(f"{telling.guard(guard, edge.source)}, {telling.occasion(edge)}")
        yield Item("guard_true", repr(edge), where, text)
        yield Item("guard_false", repr(edge), where, text)


def _timers(node: Node) -> Iterator[Item]:
    for delay in node.delays:
        name = duration_in_words(delay.value) if isinstance(delay.value, timedelta) else phrase(delay.id)
        yield Item("timer", delay.event, node.path, name)


def _outcomes(node: Node) -> Iterator[Item]:
    for invocation in node.invocations:
        effect = phrase(invocation.row.effect.id)
        yield Item("outcome", done_actor(invocation.id), node.path, f"{effect} succeeded")
        yield Item("outcome", error_actor(invocation.id), node.path, f"{effect} failed")


def _edges(machine: Machine[Any]) -> Iterator[Edge]:
    for node in machine.chart.nodes:
        yield from edges_of(node)


def _plain(text: str) -> str:
    """Leave out the marks of Markdown."""
    return re.sub(r"\*+(?=\S)(.+?)(?<=\S)\*+", r"\1", text).rstrip(".")
