"""A scene as plain data, and a simulation that goes on from it: from where an instance is, or a test was.

Limits: what happened before is not told, so the journal begins anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from .border import event_from
from .codec import codec
from .events import SYSTEM, Actor, Occurrence
from .machine import Machine
from .simulation import FIRST_MOMENT, Armed, Asked, Facts, Scene, Simulation
from .snapshot import Snapshot

RESUMED = Occurrence("statemachines.resumed")
"""Stands for the event that once asked for an effect."""


class PlainTimer(msgspec.Struct, frozen=True):
    """A timer that runs; `event` is a name."""

    name: str
    event: str
    due: datetime
    state: str = ""
    armed: int = 0
    payload: Any = None


class PlainEffect(msgspec.Struct, frozen=True):
    """An effect that waits for its outcome, by its id without its app."""

    name: str
    data: Any
    at: datetime
    state: str = ""
    invocation: str = ""
    sequence: int = 0


class PlainScene(msgspec.Struct, frozen=True, omit_defaults=True):
    """An instance at one moment, as JSON holds it; the names are those of `Snapshot` and `Scene`."""

    configuration: Sequence[str]
    data: Any
    history: dict[str, Sequence[str]] = {}
    status: str = "active"
    output: Any = None
    now: datetime = FIRST_MOMENT
    sequence: int = 0
    timers: Sequence[PlainTimer] = ()
    effects: Sequence[PlainEffect] = ()


def resume(
    machine: Machine[Any], scene: PlainScene | dict[str, Any], *, facts: Facts | None = None, actor: Actor = SYSTEM
) -> Simulation:
    """Return a simulation that stands where a scene says.

    Raises InvalidValue where the scene does not fit the machine, and LookupError for an effect that it does not have.
    """
    given = scene if isinstance(scene, PlainScene) else codec(PlainScene, f"scene of {machine.name}").load(scene)
    checks = codec(machine.data_type, f"data of {machine.name}")
    snapshot = Snapshot(
        configuration=tuple(given.configuration),
        data=checks.load(given.data),
        history={path: tuple(paths) for path, paths in given.history.items()},
        status="active" if given.status == "active" else "done",
        output=given.output,
    )
    timers = [
        Armed(one.name, event_from(machine, one.event, one.payload), one.due, one.state, one.armed)
        for one in given.timers
    ]
    effects = [
        Asked(
            machine.names.effects[one.name],
            checks.load(one.data),
            RESUMED,
            one.state,
            one.invocation,
            one.sequence,
            one.at,
        )
        for one in given.effects
    ]
    timers.sort(key=lambda timer: (timer.due, timer.armed))
    simulation = Simulation(machine, facts=facts, actor=actor, now=given.now)
    simulation.scenes = [Scene(snapshot, given.now, given.sequence, tuple(timers), tuple(effects))]
    return simulation
