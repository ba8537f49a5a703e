"""Run one instance without a database: a virtual clock, timers, effects that wait for their outcome, and a way back.

It decides as the engine does: both drive the machine by `driver`. What it keeps is a list of immutable scenes.
Limits: facts are given, `@action`s are noted and not run, effects end only when they are told to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from .border import failed, failure_of, incoming, plain_result, starting, succeeded
from .codec import codec
from .driver import MAX_SENT, Driver
from .errors import MachineError
from .events import SYSTEM, Actor, AnyEvent, Moment, Occurrence
from .facts import asked
from .functions import Doing, Effect, Fact, Named
from .machine import Machine
from .rejection import Possible, possible
from .snapshot import CancelTimer, Command, SendEvent, SetTimer, Snapshot, StartEffect, Step, StopEffect

FIRST_MOMENT = datetime(2030, 1, 1, 12, tzinfo=UTC)
"""What the virtual clock shows at first, unless it is told."""

Facts = Mapping[Fact[Any, Any], Any] | Mapping[str, Any] | Callable[[str, Any], Any]
"""By fact or its name, a value or a function as the fact's own; or one function of `(name, data)` for all."""

ByName = dict[str, Any] | Callable[[str, Any], Any]


class Armed(msgspec.Struct, frozen=True):
    """A timer that runs; `state` is the one whose exit cancels it, `armed` the sequence at which it was set."""

    name: str
    event: AnyEvent
    due: datetime
    state: str
    armed: int


class Asked(msgspec.Struct, frozen=True):
    """An effect that waits for its outcome: who asked for it, with which data. `invocation`: a state waits for it."""

    effect: Effect[Any, Any]
    data: Any
    event: AnyEvent
    state: str
    invocation: str
    sequence: int
    at: datetime

    @property
    def name(self) -> str:
        return self.effect.id


class Happened(msgspec.Struct, frozen=True):
    """One macrostep, as a history entry tells it: `source` and `target` are active paths, empty before the start."""

    sequence: int
    event: AnyEvent
    actor: Actor
    origin: str
    at: datetime
    source: tuple[str, ...]
    target: tuple[str, ...]
    step: Step[Any]
    facts: Mapping[str, Any]
    reason: str = ""

    @property
    def actions(self) -> tuple[Doing, ...]:
        """What was done, in order."""
        return tuple(doing for microstep in self.step.microsteps for doing in microstep.plan.actions)


class Scene(msgspec.Struct, frozen=True):
    """Everything that a simulation is at one moment. `timers` stand in the order of firing, `effects` of asking."""

    snapshot: Snapshot[Any] | None
    now: datetime
    sequence: int = 0
    timers: tuple[Armed, ...] = ()
    effects: tuple[Asked, ...] = ()
    journal: tuple[Happened, ...] = ()


class Simulation:
    """One instance in play. Each act is done wholly, or raises and leaves everything as it was.

    `facts`: see `Facts`; those that are given by name may be changed between acts. `actor`: who sends, where `send`
    does not say. `now`: aware; where the clock begins.
    """

    def __init__(
        self,
        machine: Machine[Any],
        *,
        facts: Facts | None = None,
        actor: Actor = SYSTEM,
        now: datetime = FIRST_MOMENT,
    ) -> None:
        self.machine = machine
        self.facts = _by_name({} if facts is None else facts)
        self.actor = actor
        self.scenes = [Scene(None, now)]

    @property
    def scene(self) -> Scene:
        return self.scenes[-1]

    @property
    def snapshot(self) -> Snapshot[Any]:
        """Where it is. Raises RuntimeError before the start."""
        if self.scene.snapshot is None:
            raise RuntimeError("The simulation has not begun: call start() first.")
        return self.scene.snapshot

    @property
    def leaves(self) -> tuple[str, ...]:
        """The paths of the active leaves, as an instance's `state` has them."""
        return self.machine.chart.configuration(self.snapshot.configuration).leaves

    def possible(self) -> tuple[Possible, ...]:
        """Say for each event that a client may send whether it would be taken now."""
        return possible(self.machine, self.snapshot)

    def start(self, input: Any = None, *, actor: Actor | None = None) -> Step[Any]:
        """Enter the initial states with this data. Raises EventRefused, InvalidValue, MachineError."""
        if self.scene.snapshot is not None:
            raise RuntimeError("The simulation has begun already: make another one, or undo() to the beginning.")
        turn = _Turn(self)
        step = turn.begin(starting(self.machine, self.machine.name, input), actor or self.actor, "simulation")
        self._keep(turn)
        return step

    def send(self, event: AnyEvent | str, *, actor: Actor | None = None) -> Step[Any]:
        """Send an event as a client does. Raises EventRefused, UnknownEvent, InvalidValue, MachineError."""
        turn = _Turn(self)
        step = turn.take(incoming(self.machine, event), actor or self.actor, "simulation", refusable=True)
        self._keep(turn)
        return step

    def force(
        self, *targets: str, reason: str = "", data: Any = None, entering: bool = False, actor: Actor | None = None
    ) -> Step[Any]:
        """Put it into a configuration, as an operator does; see `statemachines.core.force`."""
        turn = _Turn(self)
        checks = codec(self.machine.data_type, f"data of {self.machine.name}")
        data = None if data is None else checks.convert(msgspec.to_builtins(data))
        step = turn.force(targets, data, actor or self.actor, "simulation", reason, entering=entering)
        self._keep(turn)
        return step

    def advance(self, by: timedelta = timedelta(0), **given: float) -> int:
        """Let time pass (`minutes=20` and such): each timer that comes due fires at its time, in order.

        Return how many fired. Raises MachineError.
        """
        length = by + timedelta(**given)
        if length < timedelta(0):
            raise ValueError(f"advance({length}) goes backwards; time only passes. undo() takes back what was done.")
        turn = _Turn(self)
        fired = turn.pass_time(self.scene.now + length)
        self._keep(turn)
        return fired

    def complete(self, effect: Effect[Any, Any] | Asked | str, result: Any = None) -> Asked:
        """End an effect with its result; where several of that name wait, the oldest. Return what was asked.

        A result is handed on as JSON holds it, as by the engine. Raises LookupError where none waits, MachineError.
        """
        one = self._waiting(effect)
        plain = plain_result(one.effect, result)
        return self._end(one, succeeded(one.effect, one.invocation, plain))

    def fail(self, effect: Effect[Any, Any] | Asked | str, error: BaseException | str = "it failed") -> Asked:
        """End an effect as failed for good, after all its tries. Raises LookupError where none waits, MachineError."""
        one = self._waiting(effect)
        raised = RuntimeError(error) if isinstance(error, str) else error
        return self._end(one, failed(one.invocation, failure_of(raised)))

    def undo(self) -> None:
        """Take back the last act. Raises RuntimeError where nothing was done."""
        if len(self.scenes) == 1:
            raise RuntimeError("There is nothing to undo.")
        self.scenes.pop()

    def copy(self) -> Simulation:
        """Return a simulation that goes on from here by itself."""
        made = Simulation(self.machine, facts=self.facts, actor=self.actor)
        made.scenes = list(self.scenes)
        return made

    def _keep(self, turn: _Turn) -> None:
        self.scenes.append(turn.scene())

    def _waiting(self, effect: Effect[Any, Any] | Asked | str) -> Asked:
        name = effect if isinstance(effect, str) else effect.id if isinstance(effect, Effect) else effect.name
        for one in self.scene.effects:
            if one is effect or (not isinstance(effect, Asked) and name in (one.name, one.invocation)):
                return one
        known = ", ".join(one.name for one in self.scene.effects) or "none"
        raise LookupError(f"No effect {name!r} waits for an outcome; waiting: {known}.")

    def _end(self, one: Asked, event: Occurrence) -> Asked:
        turn = _Turn(self)
        turn.effects.remove(one)
        if one.invocation:
            turn.take(event, Actor("effect", one.name), "effect", refusable=False)
        self._keep(turn)
        return one


def _by_name(facts: Facts) -> ByName:
    if not isinstance(facts, Mapping):
        return facts
    return {key.id if isinstance(key, Fact) else key: value for key, value in facts.items()}


class _Turn(Driver):
    """One act of a simulation: changes copies, which become the next scene."""

    def __init__(self, simulation: Simulation) -> None:
        scene, machine = simulation.scene, simulation.machine
        super().__init__(machine, machine.name, scene.snapshot, scene.sequence, scene.now)
        self.given = simulation.facts
        self.timers = {timer.name: timer for timer in scene.timers}
        self.effects = list(scene.effects)
        self.journal = list(scene.journal)

    def scene(self) -> Scene:
        snapshot = self.snapshot
        assert snapshot is not None  # begun
        codec(self.machine.data_type, f"data of {self.name}").encode(snapshot.data)
        timers = () if snapshot.status == "done" else tuple(self._in_order())
        return Scene(snapshot, self.now, self.sequence, timers, tuple(self.effects), tuple(self.journal))

    def pass_time(self, until: datetime) -> int:
        """Fire what comes due until a moment, and go there; return how many fired."""
        fired = at_once = 0
        while self.timers and self.snapshot is not None and self.snapshot.status == "active":
            timer = self._in_order()[0]
            if timer.due > until:
                break
            at_once = at_once + 1 if timer.due <= self.now else 1
            if at_once > MAX_SENT:
                problem = "is due at once again and again, so time never passes. Give it a guard or a longer delay."
                raise MachineError(self.name, timer.state, f"timer {timer.name}", problem)
            self.now = max(self.now, timer.due)
            del self.timers[timer.name]
            self.take(timer.event, Actor("timer", label=timer.name), "timer", refusable=False)
            fired += 1
        self.now = until
        return fired

    def _in_order(self) -> list[Armed]:
        """Return the timers by due time; of those due together the one that was set first comes first."""
        return sorted(self.timers.values(), key=lambda timer: (timer.due, timer.armed))

    def _facts(self, event_type: str, data: Any, event: AnyEvent | None) -> Mapping[str, Any]:
        return _Given(self.name, asked(self.machine, self.snapshot, event_type), self.given, data, event)

    def _record(
        self, before: Snapshot[Any] | None, taken: Step[Any], event: AnyEvent, moment: Moment, reason: str = ""
    ) -> None:
        self.sequence += 1
        for command in taken.commands:
            self._obey(command)
        self.journal.append(
            Happened(
                sequence=self.sequence,
                event=event,
                actor=moment.actor or SYSTEM,
                origin=moment.origin,
                at=self.now,
                source=before.configuration if before else (),
                target=taken.snapshot.configuration,
                step=taken,
                facts=dict(moment.facts),
                reason=reason,
            )
        )
        self.snapshot = taken.snapshot

    def _obey(self, command: Command) -> None:
        match command:
            case SetTimer():
                name, due = self._timer(command)
                self.timers.pop(name, None)  # armed anew, it comes after those that are due together with it
                self.timers[name] = Armed(name, command.event, due, command.state, self.sequence)
            case CancelTimer():
                self.timers.pop(command.id, None)
            case StartEffect(effect=effect, input=data, event=event, state=state, invocation=invocation):
                self.effects.append(Asked(effect, data, event, state, invocation, self.sequence, self.now))
            case StopEffect():
                self.effects = [one for one in self.effects if one.invocation != command.invocation]
            case SendEvent():
                self.mailbox.append(command.event)


class _Given(Mapping[str, Any]):
    """The facts that an event asks for, looked up when a function looks: what nobody needs need not be given.

    Iterating yields those that were looked at.
    """

    def __init__(
        self, machine: str, asked: Mapping[str, Fact[Any, Any]], given: ByName, data: Any, event: AnyEvent | None
    ) -> None:
        self.machine = machine
        self.asked = asked
        self.given = given
        self.data = data
        self.event = event
        self.known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.known:
            self.known[name] = self._value(self.asked[name])
            codec(Any, f"facts of {self.machine}").encode(self.known)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)

    def _value(self, fact: Fact[Any, Any]) -> Any:
        if not isinstance(self.given, dict):
            return self.given(fact.id, self.data)
        if fact.id not in self.given:
            problem = f"asked for, and not given; pass facts={{{fact.id!r}: …}}"
            raise MachineError(self.machine, "", f"fact {fact.id}", problem)
        value = self.given[fact.id]
        return Named(value).bound()(self.data, self.event, None) if callable(value) else value
