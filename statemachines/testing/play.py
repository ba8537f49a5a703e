"""Play an instance in a test, without a database: send events, let time pass, end effects, assert.

Whatever fails, an assertion or the machine itself, tells the journey so far and what would be taken now.
Neither pytest nor Django is needed.
Limits: those of `statemachines.core.simulation`, which it wraps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from statemachines.core.errors import EventRefused
from statemachines.core.events import SYSTEM, Actor, AnyEvent
from statemachines.core.functions import Effect, Fact
from statemachines.core.journey import journey, timer_names
from statemachines.core.machine import Machine
from statemachines.core.simulation import FIRST_MOMENT, Asked, Facts, Happened, Simulation

D = TypeVar("D")


def play(
    machine: Machine[D],
    data: Any = None,
    *,
    facts: Facts | None = None,
    actor: Actor = SYSTEM,
    now: datetime = FIRST_MOMENT,
) -> Run[D]:
    """Create an instance with this data, and return it in play.

    `facts`: by fact or its name, a value or a function as the fact's own. `actor`: who sends where `send` does not say.
    """
    made: Run[D] = Run(Simulation(machine, facts=facts, actor=actor, now=now))
    made.simulation.start(data)
    return made


class Told:
    """A value of a run that can tell how it came about: the pytest plugin does where an assertion on it fails."""

    simulation: Simulation

    @property
    def journey(self) -> str:
        return journey(self.simulation)


class Text(Told, str):
    pass


class Names(Told, list[str]):
    pass


class Times(Told, dict[str, timedelta]):
    pass


T = TypeVar("T", bound=Told)


class Run(Generic[D]):
    """An instance in play. Its verbs raise what the engine's do, with the journey as a note."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    def __repr__(self) -> str:
        return f"<Run of {self.simulation.machine.name} in {self.state}>"

    @property
    def state(self) -> str:
        """The active leaves, joined by ", " where there are several."""
        return self._told(Text(", ".join(self.simulation.leaves)))

    @property
    def data(self) -> D:
        """What the instance owns."""
        data: D = self.simulation.snapshot.data
        return data

    @property
    def effects(self) -> list[str]:
        """The names of the effects that wait for their outcome, in the order in which they were asked for."""
        return self._told(Names(one.name for one in self.simulation.scene.effects))

    @property
    def timers(self) -> dict[str, timedelta]:
        """How long each timer still has, by its delay ("prep_time", "30 days"), the next one first."""
        return self._told(Times(timer_names(self.simulation)))

    @property
    def possible(self) -> list[str]:
        """The names of the events that would be taken now, or may be, by their payload."""
        return self._told(Names(one.event_type for one in self.simulation.possible() if one.verdict != "refused"))

    @property
    def history(self) -> tuple[Happened, ...]:
        """What happened, one entry per macrostep, as the history of an instance has it."""
        return self.simulation.scene.journal

    @property
    def now(self) -> datetime:
        """What the virtual clock shows."""
        return self.simulation.scene.now

    @property
    def ended(self) -> bool:
        return self.simulation.snapshot.status == "done"

    def send(self, event: AnyEvent | str, *, actor: Actor | None = None) -> None:
        """Send an event. Raises EventRefused, UnknownEvent, InvalidValue, MachineError."""
        with self._noted():
            self.simulation.send(event, actor=actor)

    def advance(self, by: timedelta = timedelta(0), **given: float) -> None:
        """Let time pass (`minutes=20` and such); what comes due fires at its time, in order."""
        with self._noted():
            self.simulation.advance(by, **given)

    def elapse(self, timer: str) -> None:
        """Let time pass until this timer fires, and others that are due before it."""
        timers = self.timers
        if timer not in timers:
            raise AssertionError(self._because(f"No timer {timer!r} runs."))
        self.advance(timers[timer])

    def complete(self, effect: Effect[Any, Any] | Asked | str, result: Any = None) -> None:
        """End an effect with its result; of several alike, the oldest. Raises LookupError where none waits."""
        with self._noted():
            self.simulation.complete(effect, result)

    def fail(self, effect: Effect[Any, Any] | Asked | str, error: BaseException | str = "it failed") -> None:
        """End an effect as failed after all its tries. Raises LookupError where none waits."""
        with self._noted():
            self.simulation.fail(effect, error)

    def force(self, *targets: str, data: Any = None, entering: bool = False) -> None:
        """Put it into a configuration, as an operator does: a short way to where a test begins."""
        with self._noted():
            self.simulation.force(*targets, data=data, entering=entering)

    def give(self, fact: Fact[Any, Any] | str, value: Any) -> None:
        """Give a fact from now on: a value, or a function as the fact's own."""
        if not isinstance(self.simulation.facts, dict):
            raise TypeError("This run's facts= is a function, which gives them all; pass a dict to change one by one.")
        self.simulation.facts[fact if isinstance(fact, str) else fact.id] = value

    def undo(self) -> None:
        """Take back the last verb."""
        self.simulation.undo()

    def is_in(self, *states: str) -> bool:
        """Assert that all these states are active, by their paths. Raises LookupError for a path that is none."""
        __tracebackhide__ = True
        for path in states:
            self._exists(path)
            if path not in self.simulation.snapshot.configuration:
                raise AssertionError(self._because(f"It is not in {path!r}."))
        return True

    def refuses(self, event: AnyEvent | str, code: str | None = None, *, actor: Actor | None = None) -> EventRefused:
        """Assert that an event is refused now, for the reason `code` where it is given; return the refusal.

        `code`: that of a `Refuse`, "not_possible" where nothing takes the event, "ended".
        """
        __tracebackhide__ = True
        name = event if isinstance(event, str) else event.type
        try:
            self.send(event, actor=actor)
        except EventRefused as refusal:
            if code is None or refusal.code == code:
                return refusal
            text = f"{name!r} is refused as {refusal.code!r}, not as {code!r}: {refusal.text}"
            raise AssertionError(self._because(text)) from None
        text = self._because(f"{name!r} is taken, not refused.")
        self.undo()
        raise AssertionError(text)

    def asked(self, effect: Effect[Any, Any] | str) -> Asked:
        """Assert that an effect waits for its outcome; return the latest of that name, with the data it was given."""
        __tracebackhide__ = True
        name = effect if isinstance(effect, str) else effect.id
        for one in reversed(self.simulation.scene.effects):
            if one.name == name:
                return one
        raise AssertionError(self._because(f"Nothing asks for the effect {name!r} now."))

    def journey(self) -> str:
        """Tell in words what happened, where it is, what it waits for and what it would take."""
        return journey(self.simulation)

    def _exists(self, path: str) -> None:
        paths = self.simulation.machine.chart.by_path
        if path not in paths:
            near = get_close_matches(path, paths, n=1) or [one for one in paths if one.endswith(f".{path}")]
            hint = f"; is it {near[0]!r}?" if near else f"; it has: {', '.join(filter(None, paths))}."
            raise LookupError(f"{self.simulation.machine.name} has no state {path!r}{hint}")

    def _because(self, text: str) -> str:
        return f"{text}\n{self.journey()}"

    def _told(self, value: T) -> T:
        value.simulation = self.simulation.copy()
        return value

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            error.add_note(self.journey())
            raise
