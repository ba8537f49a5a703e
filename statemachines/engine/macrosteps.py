"""The macrosteps of one transaction: pure steps, and what they ask for, gathered into one change.

Limits: runs facts and `@action`s, which read and write by the ORM; itself it writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from time import perf_counter
from typing import Any
from uuid import uuid4

import msgspec

from statemachines.actors import SYSTEM
from statemachines.core import facts as core_facts
from statemachines.core.border import payload_of
from statemachines.core.codec import codec
from statemachines.core.driver import Driver
from statemachines.core.errors import MachineError, Refuse
from statemachines.core.events import Actor, AnyEvent, Moment
from statemachines.core.functions import Named
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
from statemachines.registry import Registered

from .changes import Change, NewEffect, NewEntry, NewInstance, NewTimer
from .patches import patch
from .words import told

encode = msgspec.json.encode


class Macrosteps(Driver):
    """Takes events one after another and keeps what is to be written; `written` is set once it is."""

    def __init__(
        self,
        registered: Registered,
        snapshot: Snapshot[Any] | None,
        pk: int,
        sequence: int,
        now: datetime,
        new: NewInstance | None = None,
    ) -> None:
        super().__init__(registered.machine, registered.name, snapshot, sequence, now)
        self.registered = registered
        self.pk = pk
        self.new = new
        self.started = perf_counter()
        self.written: Change | None = None
        self.data_codec = codec(self.machine.data_type, f"data of {registered.name}")
        self.entries: list[NewEntry] = []
        self.timers: dict[str, NewTimer] = {}
        self.timers_gone: set[str] = set()
        self.effects: list[NewEffect] = []
        self.stopped: set[str] = set()
        self.encoded: tuple[Any, str] = (None, "")
        self.lifecycle = "active"

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
                patch=patch(snapshot, snapshot),  # that it has ended stands in every entry from then on
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
        configuration = self.machine.chart.configuration(snapshot.configuration)
        for entry in self.entries:
            entry.duration_ms = (perf_counter() - self.started) * 1000
        return Change(
            pk=self.pk,
            state=", ".join(configuration.leaves),
            configuration=configuration.json,
            data=self._data(snapshot.data),
            history_states=encode(snapshot.history).decode() if snapshot.history else "{}",
            status=self._status(snapshot.status),
            output=None if snapshot.output is None else codec(Any, "output").encode(snapshot.output).decode(),
            sequence=self.sequence,
            version=self.machine.version,
            at=self.now,
            new=self.new,
            entries=self.entries,
            timers={} if done else self.timers,
            timers_gone=self.timers_gone - self.timers.keys(),
            all_timers_gone=done,
            effects=self.effects,
            stopped=self.stopped,
        )

    def _status(self, core: str) -> str:
        """Return what is stored: operators pause and cancel, of which the core knows nothing."""
        if core == "done":
            return "cancelled" if self.lifecycle == "cancelled" else "done"
        return "paused" if self.lifecycle == "paused" else "active"

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

    def _record(
        self, before: Snapshot[Any] | None, taken: Step[Any], event: AnyEvent, moment: Moment, reason: str = ""
    ) -> None:
        self.sequence += 1
        self.entries.append(
            NewEntry(
                sequence=self.sequence,
                event=event.type,
                payload=encode(payload_of(event)).decode() if before is not None else "{}",
                facts=encode(moment.facts).decode() if moment.facts else "{}",
                source=self.machine.chart.configuration(before.configuration).json if before else "[]",
                target=self.machine.chart.configuration(taken.snapshot.configuration).json,
                microsteps=told(taken.microsteps),
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
                name, due = self._timer(command)
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
        input, limit_key = self._input(command)
        return NewEffect(
            sequence=self.sequence,
            key=uuid4(),
            name=self.registered.effect_name(command.effect),
            invocation=command.invocation,
            state=command.state,
            version=self.machine.version,
            input=input,
            limit_key=limit_key,
            due_at=self.now,
        )

    def _input(self, command: StartEffect) -> tuple[str, str]:
        """Return an effect's input as JSON, and what limits it."""
        effect = command.effect
        if effect.input is None and effect.limit is None:
            return self._data(command.input), ""
        try:
            type = effect.input_type(self.machine.data_type)
            encoded = codec(type, f"input of {effect.id}").encode(command.input).decode()
            return encoded, effect.limited_by(command.input)
        except Exception as error:
            problem = f"cannot be stored: {error}"
            raise MachineError(self.registered.name, command.state, f"effect {effect.id}", problem) from error
