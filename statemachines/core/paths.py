"""Ways through a machine: to every state, to every transition, shortest or simple, as moves that can be played.

A move is whatever can happen next: a start, an event, the next timer, the outcome of what a state invoked. Examples of
payloads, starts and results are given, else they are made (see `examples`).
Limits: finds what the examples and facts that it is given lead to; time passes only to the next timer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

import msgspec

from .chart import Edge
from .errors import EventRefused, MachineError
from .events import RESERVED, SYSTEM, Actor, AnyEvent, Event, Occurrence, event_type
from .examples import example, result_of
from .functions import Effect
from .journey import timer_names
from .machine import Machine
from .names import edges_of
from .simulation import FIRST_MOMENT, Asked, Facts, Happened, Scene, Simulation
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
    all of it; configuration, timers and what is invoked always count.
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
        self.facts = facts
        self.identity = identity
        self.actor = actor
        self.most = most

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
        """Return the simulation after a move, or None where that is refused. Raises MachineError with the move."""
        after = simulation.copy()
        try:
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

    def shortest(self) -> Iterator[tuple[Moves, Simulation]]:
        """Yield the shortest way to each scene, and every further way that a move from there is, nearest first.

        Ends when nothing new is found, or `most` scenes were seen.
        """
        seen: set[bytes] = set()
        waiting: deque[tuple[Moves, Simulation]] = deque([((), self.simulation())])
        while waiting:
            way, simulation = waiting.popleft()
            for move in self.moves(simulation):
                after = self.take(simulation, move)
                if after is None:
                    continue
                yield (*way, move), after
                key = self.scene_key(after)
                if key not in seen:
                    seen.add(key)
                    waiting.append(((*way, move), after))
                if len(seen) >= self.most:
                    return

    def simple(self) -> Iterator[Path]:
        """Yield every way that comes to no scene twice, `most` at most."""
        waiting: list[tuple[Moves, Simulation, frozenset[bytes]]] = [((), self.simulation(), frozenset())]
        found = 0
        while waiting and found < self.most:
            way, simulation, seen = waiting.pop()
            if way:
                found += 1
                yield Path(self, way, ", ".join(simulation.leaves))
            after = ((move, self.take(simulation, move)) for move in self.moves(simulation))
            further = [(move, one, self.scene_key(one)) for move, one in after if one is not None]
            waiting += [((*way, move), one, seen | {key}) for move, one, key in reversed(further) if key not in seen]

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


def shortest_paths(machine: Machine[Any], **given: Any) -> list[Path]:
    """Return the shortest path to each scene: to each configuration with each data; keywords as of `Model`."""
    model = Model(machine, **given)
    found: dict[bytes, Path] = {}
    for way, simulation in model.shortest():
        found.setdefault(model.scene_key(simulation), Path(model, way, ", ".join(simulation.leaves)))
    return list(found.values())


def simple_paths(machine: Machine[Any], **given: Any) -> Iterator[Path]:
    """Yield all paths that come to no scene twice; keywords as of `Model`. There may be very many."""
    return Model(machine, **given).simple()


def all_states(machine: Machine[Any], **given: Any) -> list[Path]:
    """Return a shortest path to each state, to parametrise tests; keywords as of `Model`.

    For a state to which none was found, there is a path whose `play` fails and says so.
    """
    wanted = [node.path for node in machine.chart.nodes if node.parent and node.type != "history"]
    return _to(Model(machine, **given), wanted, _entered)


def all_transitions(machine: Machine[Any], **given: Any) -> list[Path]:
    """Return a shortest path to each transition, which its last move takes; as `all_states`.

    What only forbids an event is no transition.
    """
    edges = (edge for node in machine.chart.nodes for edge in edges_of(node))
    return _to(Model(machine, **given), [repr(edge) for edge in edges if not edge.forbids], _taken)


def _to(model: Model, wanted: list[str], passed: Callable[[Happened], Iterator[str]]) -> list[Path]:
    found: dict[str, Path] = {}
    for way, simulation in model.shortest():
        before = simulation.scenes[-2].journal
        for happened in simulation.scene.journal[len(before) :]:
            for target in passed(happened):
                found.setdefault(target, Path(model, way, target))
        if all(target in found for target in wanted):
            break
    return [found.get(target) or Path(model, (), target) for target in wanted]


def _entered(happened: Happened) -> Iterator[str]:
    for microstep in happened.step.microsteps:
        yield from microstep.plan.entered


def _taken(happened: Happened) -> Iterator[str]:
    edges: Iterable[Edge] = (edge for microstep in happened.step.microsteps for edge in microstep.plan.edges)
    yield from map(repr, edges)


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
