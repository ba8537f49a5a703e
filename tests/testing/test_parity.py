"""The simulation decides as the engine: the same acts lead both to the same place, or are refused alike."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest

from statemachines import Failed, InvalidValue, Invoke, Machine, State, effect, pending
from statemachines.core.effects import TimedOut
from statemachines.core.events import Occurrence
from statemachines.core.simulation import Simulation
from statemachines.engine import complete, create, force
from statemachines.exceptions import EventRefused, MachineError
from statemachines.models import MachineInstance
from statemachines.registry import Registered, register
from statemachines.testing.travel import Clock
from tests.examples.jobs import Job, jobs
from tests.examples.machines import door, note, notes, regions, sender, wanderer

pytestmark = pytest.mark.django_db
MACHINES: dict[str, tuple[Registered, dict[str, Any] | None]] = {
    "door": (door, {}),
    "notes": (notes, {"seconds": 90}),
    "sender": (sender, {}),
    "regions": (regions, None),
    "wanderer": (wanderer, {"a": 1, "b": 2}),
}


@effect
def breaks(data: dict[str, str]) -> str:
    return ""


def tell(data: dict[str, str], event: Occurrence) -> dict[str, str]:
    return {"told": f"{type(event.value).__name__} {event.value.type}: {event.value.message}"}


teller = register(
    Machine("teller", State("a", Invoke(breaks, Failed("b", do=tell))), State("b"), data=dict), app_label="examples"
)


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


def pair(machines: Clock, account: str = "a") -> tuple[MachineInstance, Simulation]:
    """Return an instance and a simulation that wait for an effect which is completed from outside."""
    made = create(jobs.machine, data=Job(account=account), system=True)
    made.send("invoke_asks", system=True)
    machines.effects.run()
    simulation = Simulation(jobs.machine, now=machines.now)
    simulation.start(Job(account=account))
    simulation.send("invoke_asks")
    return made, simulation


def place(made: MachineInstance) -> tuple[str, Any]:
    made.refresh_from_db()
    return made.state, made.data


def test_what_is_pending_is_completed_alike(machines: Clock) -> None:
    """Both wait until somebody completes it; the result leads to the same place."""
    made, simulation = pair(machines)
    machines.advance(minutes=59)
    simulation.advance(minutes=59)
    assert place(made) == (simulation.leaves[0], as_json(simulation.snapshot.data)) == ("with_asks", place(made)[1])
    assert complete("asks", "token a", "paid", system=True) is True
    simulation.complete("asks", "paid")
    assert place(made) == (simulation.leaves[0], as_json(simulation.snapshot.data))
    assert made.data["answer"] == "paid"


def test_what_is_pending_fails_alike(machines: Clock) -> None:
    """By an error from outside, or as its deadline passes: the kit's clock knows it, a simulation is told."""
    made, simulation = pair(machines)
    complete("asks", "token a", error=LookupError("no such account"), system=True)
    simulation.fail("asks", LookupError("no such account"))
    assert place(made) == (simulation.leaves[0], as_json(simulation.snapshot.data))
    late, simulation = pair(machines, "b")
    machines.advance(hours=1)
    simulation.fail("asks", TimedOut("Nobody completed it in time."))
    assert place(late) == (simulation.leaves[0], as_json(simulation.snapshot.data))
    payloads = [made.entries.get(sequence=3).payload, late.entries.get(sequence=3).payload]
    assert payloads == [
        {"type": "LookupError", "message": "no such account"},
        {"type": "TimedOut", "message": "Nobody completed it in time."},
    ]


def test_pending_is_no_result(machines: Clock) -> None:
    """Neither in a simulation nor from outside: the sentence says what is awaited."""
    made, simulation = pair(machines)
    with pytest.raises(InvalidValue, match="the result that it is completed with"):
        simulation.complete("asks", pending("b"))
    with pytest.raises(InvalidValue, match="the result that it is completed with"):
        complete("asks", "token a", pending("b"), system=True)
    assert place(made)[0] == simulation.leaves[0] == "with_asks"


@pytest.mark.parametrize(
    "error", [ValueError("plain"), KeyError("k"), LookupError("a\x00b \ud800"), OSError("x" * 9000)]
)
def test_a_failure_is_told_alike(machines: Clock, error: Exception) -> None:
    """A function of the machine gets the same `Failure`, whatever the exception's text."""
    made = create(teller.machine, system=True)
    machines.effects.fail(breaks, error)
    machines.effects.run()
    simulation = Simulation(teller.machine, now=machines.now)
    simulation.start({})
    simulation.fail(breaks, error)
    assert place(made) == (simulation.leaves[0], as_json(simulation.snapshot.data))
    assert made.data["told"].startswith(f"Failure {type(error).__name__}: ")
