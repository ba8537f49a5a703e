"""What becomes of an event: it is taken, refused or consumed, and then what the instance sent to itself is taken.

The engine drives rows by it and the simulation drives values, so both decide alike.
Limits: keeps nothing itself; where facts come from and what a macrostep leaves behind is up to who derives from it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any

from .errors import EventRefused, MachineError, Refuse
from .events import INIT, Actor, AnyEvent, Moment
from .force import FORCE, force
from .interpreter import start, step
from .machine import Machine
from .rejection import possible
from .snapshot import Rejection, SetTimer, Snapshot, Step

inside: ContextVar[str] = ContextVar("inside", default="")
"""The machine whose functions run now, if any: from there nothing may be sent (nothing holds two instances at once)."""

MAX_SENT = 1_000
"""An event that makes its instance send itself more events than this never comes to an end."""


class Driver(ABC):
    """Takes events one after another; `sequence` is that of the last recorded macrostep, `now` is aware."""

    def __init__(
        self, machine: Machine[Any], name: str, snapshot: Snapshot[Any] | None, sequence: int, now: datetime
    ) -> None:
        self.machine = machine
        self.name = name
        self.snapshot = snapshot
        self.sequence = sequence
        self.now = now
        self.mailbox: list[AnyEvent] = []
        self._nameless = 0

    @abstractmethod
    def _facts(self, event_type: str, data: Any, event: AnyEvent | None) -> Mapping[str, Any]:
        """Return the facts that an event asks for, by id."""

    @abstractmethod
    def _record(
        self, before: Snapshot[Any] | None, taken: Step[Any], event: AnyEvent, moment: Moment, reason: str = ""
    ) -> None:
        """Keep a macrostep and its commands, raise the sequence, and go on from its snapshot."""

    def begin(self, input: Any, actor: Actor, origin: str) -> Step[Any]:
        """Enter the initial states. Raises EventRefused where a function refuses, and MachineError."""
        with self._functions(INIT, refusable=True):
            read = self._facts(INIT, self.machine.initial_data(input), None)
            moment = Moment(actor, origin, self.now, read)
            taken = start(self.machine, input, moment=moment)
            self._record(None, taken, taken.microsteps[0].event, moment)
        self._drain(actor)
        return taken

    def take(self, event: AnyEvent, actor: Actor, origin: str, *, refusable: bool) -> Step[Any]:
        """Take an event, then what it sent to its own instance.

        Raises EventRefused where it is `refusable` and selects nothing, or a function refuses; and MachineError.
        """
        taken = self._step(event, actor, origin, refusable=refusable)
        self._drain(actor)
        return taken

    def force(
        self, targets: Sequence[str], data: Any, actor: Actor, origin: str, reason: str, *, entering: bool
    ) -> Step[Any]:
        """Put the instance into a configuration, whatever its machine says; see `statemachines.core.force`."""
        before = self.snapshot
        assert before is not None  # begun, or loaded
        given = before.data if data is None else data
        moment = Moment(actor, origin, self.now, self._facts(FORCE, given, None))
        with self._functions(FORCE, refusable=True):
            taken = force(self.machine, before, targets, data=given, entering=entering, moment=moment)
            self._record(before, taken, taken.microsteps[0].event, moment, reason)
        self._drain(actor)
        return taken

    def _drain(self, actor: Actor) -> None:
        """Take what the instance sent to itself, each a macrostep of its own (SCXML: the external queue)."""
        sent = 0
        while self.mailbox and self.snapshot is not None and self.snapshot.status == "active":
            sent += 1
            if sent > MAX_SENT:
                problem = (
                    f"sends to itself without end: {self.mailbox[0].type!r} was the next. Give it a guard or a delay."
                )
                raise MachineError(self.name, ", ".join(self.snapshot.configuration), "send", problem)
            self._step(self.mailbox.pop(0), actor, "send", refusable=False)

    def _step(self, event: AnyEvent, actor: Actor, origin: str, *, refusable: bool) -> Step[Any]:
        before = self.snapshot
        assert before is not None  # begun, or loaded
        with self._functions(event.type, refusable=refusable):
            moment = Moment(actor, origin, self.now, self._facts(event.type, before.data, event))
            taken = step(self.machine, before, event, moment=moment)
            if taken.rejection is not None and refusable:
                raise _refused(self.name, before, taken.rejection)
            if any(not edge.forbids for microstep in taken.microsteps for edge in microstep.plan.edges):
                self._record(before, taken, event, moment)
        return taken

    def _functions(self, event_type: str, *, refusable: bool) -> _Functions:
        return _Functions(self, event_type, refusable=refusable)

    def _timer(self, command: SetTimer) -> tuple[str, datetime]:
        """Return a timer's name, unique to the instance, and when it is due; a delay below zero is none."""
        self._nameless += not command.id
        name = command.id or f"send.{self.sequence}.{self._nameless}"
        delay = command.delay
        return name, delay if isinstance(delay, datetime) else self.now + max(delay, timedelta(0))


class _Functions:
    """Marks that the machine's own functions run, and turns their `Refuse` into the refusal of the event.

    What nobody sent (a timer, a completion) cannot be refused: there it is a bug.
    """

    __slots__ = ("driver", "event_type", "refusable", "token")

    def __init__(self, driver: Driver, event_type: str, *, refusable: bool) -> None:
        self.driver = driver
        self.event_type = event_type
        self.refusable = refusable

    def __enter__(self) -> None:
        self.token = inside.set(self.driver.name)

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        inside.reset(self.token)
        if not isinstance(raised, Refuse):
            return
        name, machine, snapshot = self.driver.name, self.driver.machine, self.driver.snapshot
        state = snapshot.configuration if snapshot else ()
        if not self.refusable:
            problem = f"refused it ({raised.code}), but nobody sent it; use a guard that returns False"
            raise MachineError(name, ", ".join(state), self.event_type, problem) from raised
        takable = possible(machine, snapshot) if snapshot else ()
        names = [one.event_type for one in takable if one.verdict != "refused"]
        raise EventRefused(raised.code, raised.text, event=self.event_type, state=state, possible=names) from raised


def _refused(machine: str, snapshot: Snapshot[Any], rejection: Rejection) -> EventRefused:
    """Return the refusal of an event that selected nothing."""
    name, takable = rejection.event_type, rejection.possible
    if snapshot.status != "active":
        return EventRefused(
            "ended", f"{machine} has ended, it takes no more events.", event=name, state=rejection.state
        )
    where = ", ".join(rejection.state)
    because = f" ({', '.join(rejection.guards)} said no)" if rejection.guards else ""
    instead = f"It would take: {', '.join(takable)}." if takable else "It takes no event now."
    text = f"{machine} in {where} does not take {name!r}{because}. {instead}"
    return EventRefused(
        "not_possible", text, event=name, state=rejection.state, possible=takable, guards=rejection.guards
    )
