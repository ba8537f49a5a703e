"""The simulation decides as the engine: the same acts lead both to the same place, or are refused alike."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest

from statemachines.core.events import Occurrence
from statemachines.core.simulation import Simulation
from statemachines.engine import create, force
from statemachines.exceptions import EventRefused, MachineError
from statemachines.models import MachineInstance
from statemachines.registry import Registered
from statemachines.testing.travel import Clock
from tests.examples.machines import door, note, notes, regions, sender, wanderer

pytestmark = pytest.mark.django_db
MACHINES: dict[str, tuple[Registered, dict[str, Any] | None]] = {
    "door": (door, {}),
    "notes": (notes, {"seconds": 90}),
    "sender": (sender, {}),
    "regions": (regions, None),
    "wanderer": (wanderer, {"a": 1, "b": 2}),
}


class Twins:
    """An instance and a simulation of the same machine, at the same time."""

    def __init__(self, machines: Clock, registered: Registered, data: Any) -> None:
        self.clock = machines
        self.machine = registered.machine
        self.instance = create(registered.machine, data=data, system=True)
        self.simulation = Simulation(registered.machine, now=machines.now)
        self.simulation.start(data)

    def acts(self, random: Random) -> tuple[Callable[[], Any], Callable[[], Any]]:
        """Choose something that can be done to both, and return how."""
        kind = random.choice(["event", "event", "event", "time", "complete", "fail", "force"])
        if kind == "time":
            seconds = random.choice([0, 30, 90, 4000])
            return lambda: self.clock.advance(seconds=seconds), lambda: self.simulation.advance(seconds=seconds)
        if kind == "force":
            path = random.choice([node.path for node in self.machine.chart.nodes if node.leaf])
            entering = random.random() < 0.5
            real = {"reason": "test", "entering": entering}
            return (
                lambda: force(self.instance, path, system=True, **real),
                lambda: self.simulation.force(path, entering=entering),
            )
        if kind == "event" or not self.simulation.scene.effects:
            event = Occurrence(random.choice(self.names()), None)
            return lambda: self.instance.send(event, system=True), lambda: self.simulation.send(event)
        if kind == "complete":
            return lambda: self.end(fails=False), lambda: self.simulation.complete("note", "done")
        return lambda: self.end(fails=True), lambda: self.simulation.fail("note", ValueError("no"))

    def names(self) -> list[str]:
        keys = {key for node in self.machine.chart.nodes for key in node.edges}
        return sorted(key for key in keys if not key.startswith("xstate.") and key != "lock")

    def end(self, *, fails: bool) -> None:
        if fails:
            self.clock.effects.fail(note, ValueError("no"))
        else:
            self.clock.effects.fake(note, "done")
        self.clock.effects.end(self.clock.effects.waiting[0])
        self.clock.effects._told.clear()

    def real(self) -> dict[str, Any]:
        made = MachineInstance.objects.get(pk=self.instance.pk)
        return {
            "configuration": tuple(made.configuration),
            "data": made.data,
            "history": made.history_states,
            "status": made.status,
            "output": made.output,
            "sequence": made.sequence,
            "timers": [(one.name, one.event, one.state, one.due_at) for one in made.timers.order_by("due_at", "armed")],
            "effects": [(one.name, one.invocation, one.input) for one in self.clock.effects.waiting],
            "entries": [(one.event, one.source, one.target, one.origin, one.at) for one in made.entries.all()],
        }

    def simulated(self) -> dict[str, Any]:
        scene, snapshot = self.simulation.scene, self.simulation.snapshot
        return {
            "configuration": snapshot.configuration,
            "data": as_json(snapshot.data),
            "history": {path: list(paths) for path, paths in snapshot.history.items()},
            "status": snapshot.status,
            "output": snapshot.output,
            "sequence": scene.sequence,
            "timers": [(one.name, one.event.type, one.state, one.due) for one in scene.timers],
            "effects": [(f"examples.{one.name}", one.invocation, as_json(one.data)) for one in scene.effects],
            "entries": [
                (one.event.type, list(one.source), list(one.target), one.origin.replace("simulation", "python"), one.at)
                for one in scene.journal
            ],
        }


def as_json(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def outcome(act: Callable[[], Any]) -> tuple[Any, ...]:
    """Return what came of an act: a refusal or an error, as plain values, or nothing."""
    try:
        act()
    except EventRefused as refused:
        return refused.code, refused.event, refused.state, refused.possible, refused.guards
    except MachineError as error:
        return (error.problem,)
    return ()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", MACHINES)
def test_the_same_acts_have_the_same_outcome(machines: Clock, name: str, seed: int) -> None:
    """Events, time, outcomes of effects and force: state, data, timers, effects, history and refusals are the same."""
    random = Random(f"{name} {seed}")
    twins = Twins(machines, *MACHINES[name])
    assert twins.simulated() == twins.real()
    for _ in range(15):
        real, simulated = twins.acts(random)
        assert outcome(simulated) == outcome(real)
        assert twins.simulated() == twins.real()
