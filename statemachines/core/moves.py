"""What can happen next to an instance, as moves that can be played, and paths, which are moves one after another.

Examples of payloads, starts and results are given, else they are made (see `examples`).
Limits: time passes only to the next timer; facts are the same for the whole way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

import msgspec

from .coverage import unobserved
from .errors import EventRefused, MachineError, UnknownEvent
from .events import RESERVED, SYSTEM, Actor, AnyEvent, Event, Occurrence, event_type
from .examples import example, result_of
from .functions import Effect
from .journey import timer_names
from .machine import Machine
from .simulation import FIRST_MOMENT, Asked, Facts, Scene, Simulation
from .snapshot import Snapshot

Examples = Mapping[Any, Any] | Callable[[Snapshot[Any]], Iterable[AnyEvent]]
"""Events by their name or class, as a list or as a function of the snapshot that returns one; or such a function."""

Results = Mapping[Any, Sequence[Any]]
"""By effect or its name, the results that it may have."""

MOST = 2_000
"""How many scenes are looked at, unless more are asked for; data that grow with each round would never end."""


class Move(msgspec.Struct, frozen=True):
    """One thing that happens. `name` is that of an event, a timer or an effect; `value` what it carries."""

    kind: Literal["start", "event", "timer", "done", "error"]
    name: str
    value: Any = None

    def __str__(self) -> str:
        if self.kind == "event":
            payload = msgspec.to_builtins(self.value) if isinstance(self.value, Event) else {}
            given = ", ".join(f"{name}={value!r}" for name, value in payload.items() if name != "type")
            return f"{self.name}({given})" if given else self.name
        words = {"start": "start", "timer": f"after {self.name}", "done": f"{self.name} succeeded"}
        return words.get(self.kind, f"{self.name} failed")

    def play(self, simulation: Simulation) -> None:
        """Do it. Raises what the simulation raises, and LookupError where the timer or effect is not there."""
        match self.kind:
            case "start":
                simulation.start(self.value)
            case "event":
                simulation.send(self.value)
            case "timer":
                simulation.advance(_left(simulation, self.name))
            case "done":
                simulation.complete(self.name, self.value)
            case "error":
                simulation.fail(self.name)


Moves = tuple[Move, ...]


class Path(msgspec.Struct, frozen=True):
    """Moves from nothing to a `target`: a state, or a transition as `<source>|<event>|<index>`.

    Without moves, no way was found.
    """

    model: Model
    moves: Moves
    target: str = ""

    def __str__(self) -> str:
        way = " → ".join(map(str, self.moves[1:] or self.moves))
        return f"{self.target}: {way or 'no way found'}" if self.target else way

    def play(self) -> Simulation:
        """Return a simulation in which the moves were made. Raises LookupError where no way was found."""
        if not self.moves:
            hint = "give examples that do (starts=, events=, results=, facts=), or look at more scenes (most=)"
            raise LookupError(f"No way leads to {self.target!r}; {hint}.")
        simulation = self.model.simulation()
        for move in self.moves:
            move.play(simulation)
        return simulation


class Model:
    """A machine with examples of all that may happen to it.

    `starts`: what instances are created from. `identity`: what of the data tells one scene from another, by default
    all of it; configuration, timers and what is invoked always count. `most`: how many scenes are looked at.
    Raises UnknownEvent and LookupError for examples of what the machine does not have.
    """

    def __init__(
        self,
        machine: Machine[Any],
        *,
        starts: Sequence[Any] | None = None,
        events: Examples | None = None,
        results: Results | None = None,
        facts: Facts | None = None,
        identity: Callable[[Any], Any] | None = None,
        actor: Actor = SYSTEM,
        most: int = MOST,
    ) -> None:
        self.machine = machine
        self.starts = [_start(machine)] if starts is None else list(starts)
        self.events = events if callable(events) else {_event_name(key): made for key, made in (events or {}).items()}
        self.results = {key.id if isinstance(key, Effect) else key: made for key, made in (results or {}).items()}
        self._check()
        self.facts = facts
        self.identity = identity
        self.actor = actor
        self.most = most

    def _check(self) -> None:
        """Refuse examples that nothing would ever ask for."""
        known = self.event_names()
        for name in () if callable(self.events) else self.events:
            if name not in known and not any(node.candidates(name) for node in self.machine.chart.nodes):
                raise UnknownEvent(self.machine.name, name, known)
        for name in self.results:
            if name not in self.machine.names.effects:
                effects = ", ".join(self.machine.names.effects) or "none"
                raise LookupError(f"{self.machine.name} has no effect {name!r}, it has: {effects}.")

    def simulation(self) -> Simulation:
        """Return a simulation that has not begun."""
        return Simulation(self.machine, facts=self.facts, actor=self.actor, now=FIRST_MOMENT)

    def moves(self, simulation: Simulation) -> Iterator[Move]:
        """Yield what could happen next; an event may still be refused."""
        if simulation.scene.snapshot is None:
            yield from (Move("start", self.machine.name, one) for one in self.starts)
            return
        yield from (Move("event", event.type, event) for event in self._events(simulation))
        for timer in list(timer_names(simulation))[:1]:
            yield Move("timer", timer)
        for one in _invoked(simulation.scene):
            yield from (Move("done", one.name, result) for result in self.results_of(one.effect))
            yield Move("error", one.name)

    def event_names(self) -> list[str]:
        """Return the names of all events that a client may send."""
        keys = {key for node in self.machine.chart.nodes for key in node.edges if "*" not in key}
        return sorted({key for key in keys if not key.startswith(RESERVED)} | set(self.machine.events))

    def results_of(self, effect: Effect[Any, Any]) -> Sequence[Any]:
        """Return what an effect may end with."""
        return self.results.get(effect.id) or [result_of(effect.function)]

    def take(self, simulation: Simulation, move: Move) -> Simulation | None:
        """Return the simulation after a move, or None where that is refused; that it was tried is not observed.

        Raises MachineError with the move.
        """
        after = simulation.copy()
        try:
            with unobserved():
                move.play(after)
        except EventRefused:
            return None
        except MachineError as error:
            error.add_note(f"This came of {move}.")
            raise
        return after

    def scene_key(self, simulation: Simulation) -> bytes:
        """Return what tells a scene from others."""
        scene, snapshot = simulation.scene, simulation.snapshot
        data = snapshot.data if self.identity is None else self.identity(snapshot.data)
        timers = [timer.name for timer in scene.timers]
        invoked = [one.invocation for one in _invoked(scene)]
        history = dict(snapshot.history)
        return msgspec.json.encode([snapshot.configuration, history, data, timers, invoked], order="deterministic")

    def _events(self, simulation: Simulation) -> Iterator[AnyEvent]:
        if callable(self.events):
            yield from self.events(simulation.snapshot)
            return
        for one in simulation.possible():
            given = self.events.get(one.event_type)
            if callable(given):
                yield from given(simulation.snapshot)
            elif given is not None:
                yield from given
            elif one.verdict != "refused":
                yield _event(self.machine, one.event_type)


def _invoked(scene: Scene) -> list[Asked]:
    """Return the effects whose outcome a state waits for."""
    return [one for one in scene.effects if one.invocation]


def _left(simulation: Simulation, timer: str) -> timedelta:
    timers = timer_names(simulation)
    if timer not in timers:
        raise LookupError(f"No timer {timer!r} runs; running: {', '.join(timers) or 'none'}.")
    return timers[timer]


def _start(machine: Machine[Any]) -> Any:
    """Return an example of what an instance is created from; None where its data need nothing."""
    try:
        machine.initial_data()
    except TypeError:
        return example(machine.input_type)
    return None


def _event(machine: Machine[Any], name: str) -> AnyEvent:
    known = machine.events.get(name)
    made: AnyEvent = Occurrence(name) if known is None else example(known)
    return made


def _event_name(event: Any) -> str:
    return event if isinstance(event, str) else event_type(event)
