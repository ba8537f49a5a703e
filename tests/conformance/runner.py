"""Run one recorded case, and say where the first difference is.

A case holds an XState machine, its first record and a list of steps with theirs; see `record` for what one compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from statemachines.core.errors import DefinitionError, MachineError
from statemachines.core.events import AnyEvent, Occurrence
from statemachines.core.interpreter import start, step
from statemachines.core.machine import Machine
from statemachines.core.snapshot import SendEvent, Snapshot, Step

from .clock import Clock
from .vocabulary import ACTIONS, GUARDS, trace

Case = dict[str, Any]
Record = dict[str, Any]


def cases(path: Path) -> Iterator[Case]:
    """Yield the cases of a .jsonl file, or of all of them in a folder."""
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    for file in files:
        with file.open(encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines if line.strip())


def difference(case: Case) -> str | None:
    """Run a case; return the first difference in words, or None where it passes."""
    try:
        machine = read(case["config"])
    except DefinitionError as refused:
        fails = any(record["status"] == "error" for record in (case["initial"], *case["steps"]))
        return None if fails else f"refused when built: {refused}"
    return compare(machine, case)


def read(config: dict[str, Any]) -> Machine[Any]:
    """Make the machine of a case."""
    return Machine.from_xstate(config, guards=GUARDS, actions=ACTIONS)


def compare(machine: Machine[Any], case: Case) -> str | None:
    """Run a case on this machine. What XState calls the status `error` is a MachineError here, and ends the case."""
    player = Player(machine)
    for number, expected in enumerate([case["initial"], *case["steps"]]):
        place = f"step {number}" if number else "initial"
        try:
            found = player.play(expected) if number else player.begin()
        except MachineError as error:
            return None if expected["status"] == "error" else f"{place}: raised {error}"
        for name in ("value", "configuration", "context", "status", "trace", "state_tags", "meta", "output"):
            if found.get(name) != expected.get(name):
                want, got = json.dumps(expected.get(name)), json.dumps(found.get(name))
                return f"{place}, {name}: expected {want}, received {got}"
    return None


class Player:
    """Drives a machine as the recorder drove XState: to quiescence before each record."""

    def __init__(self, machine: Machine[Any]) -> None:
        self.machine = machine
        self.clock = Clock()
        self.trace: list[str] = []
        self.snapshot: Snapshot[Any] | None = None

    def begin(self) -> Record:
        """Start the machine and return the first record."""
        self._take(start(self.machine))
        return self._record()

    def play(self, given: dict[str, Any]) -> Record:
        """Advance the clock, then send the event, as a recorded step says; return the record."""
        if "advance_ms" in given:
            until = self.clock.now + timedelta(milliseconds=given["advance_ms"])
            while (event := self.clock.next_due(until)) is not None:
                self._send(event)
            self.clock.now = until
        if "event" in given:
            event = given["event"]
            self._send(Occurrence(event["type"], event))
        return self._record()

    def _send(self, event: AnyEvent) -> None:
        assert self.snapshot is not None
        self._take(step(self.machine, self.snapshot, event))

    def _take(self, taken: Step[Any]) -> None:
        self.snapshot = taken.snapshot
        ran = (trace(doing) for microstep in taken.microsteps for doing in microstep.plan.actions)
        self.trace += [entry for entry in ran if entry is not None]
        self.clock.obey(taken.commands)
        if taken.snapshot.status == "done":
            self.clock.clear()
        for command in taken.commands:
            if isinstance(command, SendEvent):
                self._send(command.event)

    def _record(self) -> Record:
        snapshot = self.snapshot
        assert snapshot is not None
        active = self.machine.chart.configuration(snapshot.configuration).nodes
        record: Record = {
            "value": self.machine.value(snapshot),
            "configuration": sorted(snapshot.configuration),
            "context": snapshot.data,
            "status": snapshot.status,
            "trace": self.trace,
        }
        if tags := self.machine.tags_of(snapshot):
            record["state_tags"] = sorted(tags)
        if meta := {node.id: node.state.meta for node in active if node.state.meta is not None}:
            record["meta"] = meta
        if snapshot.output is not None:
            record["output"] = snapshot.output
        self.trace = []
        return record
