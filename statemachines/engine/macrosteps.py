"""The macrosteps of one transaction: pure steps, and what they ask for, gathered into one change.

Limits: runs facts and `@action`s, which read and write by the ORM; itself it writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any
from uuid import uuid4

import msgspec

from statemachines.actors import SYSTEM
from statemachines.core import facts as core_facts
from statemachines.core.codec import codec
from statemachines.core.errors import MachineError, Refuse
from statemachines.core.events import INIT, Actor, AnyEvent, Moment
from statemachines.core.force import FORCE, force
from statemachines.core.functions import Named
from statemachines.core.interpreter import start, step
from statemachines.core.snapshot import (
    CancelTimer,
    RunAction,
    SendEvent,
    SetTimer,
    Snapshot,
    StartEffect,
    Step,
    StopEffect,
)
from statemachines.exceptions import EventRefused
from statemachines.registry import Registered

from .border import payload_of
from .changes import Change, NewEffect, NewEntry, NewTimer
from .patches import patch
from .words import refused, told

inside: ContextVar[str] = ContextVar("inside", default="")
"""The machine whose functions run now, if any: from there nothing may be sent (nothing holds two instances at once)."""

MAX_SENT = 1_000
"""An event that makes its instance send itself more events than this never comes to an end."""

encode = msgspec.json.encode


class Macrosteps:
    """Takes events one after another and keeps what is to be written."""

    def __init__(
        self, registered: Registered, snapshot: Snapshot[Any] | None, pk: int, sequence: int, now: datetime
    ) -> None:
        self.registered = registered
        self.pk = pk
        self.started = perf_counter()
        self.machine = registered.machine
        self.snapshot = snapshot
        self.sequence = sequence
        self.now = now
        self.data_codec = codec(self.machine.data_type, f"data of {registered.name}")
        self.entries: list[NewEntry] = []
        self.timers: dict[str, NewTimer] = {}
        self.timers_gone: set[str] = set()
        self.effects: list[NewEffect] = []
        self.stopped: set[str] = set()
        self.mailbox: list[AnyEvent] = []
        self.encoded: tuple[Any, str] = (None, "")

    def begin(self, input: Any, actor: Actor, origin: str) -> Step[Any]:
        """Enter the initial states. Raises EventRefused where a function refuses, and MachineError."""
        with self._functions(INIT, refusable=True):
            moment = Moment(actor, origin, self.now, self._facts(INIT, input, None))
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

    def _drain(self, actor: Actor) -> None:
        """Take what the instance sent to itself, each a macrostep of its own (SCXML: the external queue)."""
        sent = 0
        while self.mailbox and self.snapshot is not None and self.snapshot.status == "active":
            sent += 1
            if sent > MAX_SENT:
                problem = (
                    f"sends to itself without end: {self.mailbox[0].type!r} was the next. Give it a guard or a delay."
                )
                raise MachineError(self.registered.name, ", ".join(self.snapshot.configuration), "send", problem)
            self._step(self.mailbox.pop(0), actor, "send", refusable=False)

    def _step(self, event: AnyEvent, actor: Actor, origin: str, *, refusable: bool) -> Step[Any]:
        before = self.snapshot
        assert before is not None  # begun, or loaded
        with self._functions(event.type, refusable=refusable):
            moment = Moment(actor, origin, self.now, self._facts(event.type, before.data, event))
            taken = step(self.machine, before, event, moment=moment)
            if taken.rejection is not None and refusable:
                raise refused(self.registered.name, before, taken.rejection)
            if any(not edge.forbids for microstep in taken.microsteps for edge in microstep.plan.edges):
                self._record(before, taken, event, moment)
        return taken

    def force(
        self, targets: Sequence[str], data: Any, actor: Actor, origin: str, reason: str, *, entering: bool
    ) -> Step[Any]:
        """Put the instance into a configuration, whatever its machine says; see `statemachines.core.force`."""
        before = self.snapshot
        assert before is not None  # loaded
        given = before.data if data is None else data
        moment = Moment(actor, origin, self.now, self._facts(FORCE, given, None))
        with self._functions(FORCE, refusable=True):
            taken = force(self.machine, before, targets, data=given, entering=entering, moment=moment)
            self._record(before, taken, taken.microsteps[0].event, moment, reason)
        self._drain(actor)
        return taken

    def note(self, event: str, payload: Mapping[str, Any], actor: Actor, origin: str, reason: str) -> None:
        """Add an entry for an operator's act that moves nothing."""
        snapshot = self.snapshot
        assert snapshot is not None  # loaded
        self.sequence += 1
        where = encode(snapshot.configuration).decode()
        self.entries.append(
            NewEntry(
                sequence=self.sequence,
                event=event,
                payload=encode(payload).decode(),
                facts="{}",
                source=where,
                target=where,
                microsteps="[]",
                patch="{}",
                actor=actor,
                origin=origin,
                reason=reason,
                version=self.machine.version,
                at=self.now,
            )
        )

    def change(self) -> Change:
        """Return everything that is to be written."""
        snapshot = self.snapshot
        assert snapshot is not None  # begun, or loaded
        done = snapshot.status == "done"
        for entry in self.entries:
            entry.duration_ms = (perf_counter() - self.started) * 1000
        return Change(
            pk=self.pk,
            state=", ".join(self.machine.chart.configuration(snapshot.configuration).leaves),
            configuration=encode(snapshot.configuration).decode(),
            data=self._data(snapshot.data),
            history_states=encode(snapshot.history).decode(),
            status=snapshot.status,
            output=None if snapshot.output is None else codec(Any, "output").encode(snapshot.output).decode(),
            sequence=self.sequence,
            at=self.now,
            entries=self.entries,
            timers={} if done else self.timers,
            timers_gone=self.timers_gone - self.timers.keys(),
            all_timers_gone=done,
            effects=self.effects,
            stopped=self.stopped,
        )

    def _data(self, data: Any) -> str:
        """Encode the data, once for the same value."""
        if self.encoded[0] is not data:
            self.encoded = (data, self.data_codec.encode(data).decode())
        return self.encoded[1]

    def _facts(self, event_type: str, data: Any, event: AnyEvent | None) -> Mapping[str, Any]:
        """Read the facts that the event asks for."""
        asked = core_facts.asked(self.machine, self.snapshot, event_type)
        found = {id: self._call("fact", fact, data, event) for id, fact in asked.items()}
        if found:
            codec(Any, f"facts of {self.registered.name}").encode(found)
        return found

    def _call(self, kind: str, function: Named, data: Any, event: AnyEvent | None, moment: Moment | None = None) -> Any:
        """Run a fact or an action; a bug in it is a MachineError."""
        try:
            return function.bound()(data, event, moment)
        except (Refuse, MachineError):
            raise
        except Exception as error:
            where = ", ".join(self.snapshot.configuration) if self.snapshot else "(start)"
            raise MachineError(self.registered.name, where, f"{kind} {function.id}", f"raised {error!r}") from error

    @contextmanager
    def _functions(self, event_type: str, *, refusable: bool) -> Iterator[None]:
        """Mark that the machine's own functions run, and turn their `Refuse` into the refusal of the event.

        What nobody sent (a timer, a completion) cannot be refused: there it is a bug.
        """
        token = inside.set(self.registered.name)
        try:
            yield
        except Refuse as refusal:
            state = self.snapshot.configuration if self.snapshot else ()
            if not refusable:
                problem = f"refused it ({refusal.code}), but nobody sent it; use a guard that returns False"
                raise MachineError(self.registered.name, ", ".join(state), event_type, problem) from refusal
            raise EventRefused(refusal.code, refusal.text, event=event_type, state=state) from refusal
        finally:
            inside.reset(token)

    def _record(
        self, before: Snapshot[Any] | None, taken: Step[Any], event: AnyEvent, moment: Moment, reason: str = ""
    ) -> None:
        self.sequence += 1
        self.entries.append(
            NewEntry(
                sequence=self.sequence,
                event=event.type,
                payload=encode(payload_of(event)).decode() if before is not None else "{}",
                facts=encode(moment.facts).decode(),
                source=encode(before.configuration if before else ()).decode(),
                target=encode(taken.snapshot.configuration).decode(),
                microsteps=encode([told(microstep) for microstep in taken.microsteps]).decode(),
                patch=patch(before, taken.snapshot),
                actor=moment.actor or SYSTEM,
                origin=moment.origin,
                reason=reason,
                version=self.machine.version,
                at=self.now,
            )
        )
        for command in taken.commands:
            self._obey(command, moment)
        self.snapshot = taken.snapshot

    def _obey(self, command: Any, moment: Moment) -> None:
        match command:
            case SetTimer():
                name = command.id or f"send.{self.sequence}.{len(self.timers)}"
                due = command.delay if isinstance(command.delay, datetime) else self.now + _not_negative(command.delay)
                payload = payload_of(command.event)
                self.timers[name] = NewTimer(
                    name=name,
                    event=command.event.type,
                    payload=encode(payload).decode() if payload else None,
                    state=command.state,
                    due_at=due,
                    armed=self.sequence,
                )
            case CancelTimer():
                self.timers.pop(command.id, None)
                self.timers_gone.add(command.id)
            case StartEffect():
                self.effects.append(self._effect(command))
            case StopEffect():
                self.effects = [one for one in self.effects if one.invocation != command.invocation]
                self.stopped.add(command.invocation)
            case RunAction():
                self._call("action", command.action, command.data, command.event, moment)
            case SendEvent():
                self.mailbox.append(command.event)

    def _effect(self, command: StartEffect) -> NewEffect:
        return NewEffect(
            sequence=self.sequence,
            key=uuid4(),
            name=self.registered.effect_name(command.effect),
            invocation=command.invocation,
            state=command.state,
            version=self.machine.version,
            input=self._data(command.data),
            due_at=self.now,
        )


def _not_negative(delay: timedelta) -> timedelta:
    return max(delay, timedelta(0))
