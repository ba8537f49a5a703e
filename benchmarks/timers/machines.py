"""An alarm that rings at a time, and a bell that does an effect per event."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from statemachines import After, Machine, On, State, effect, signals
from statemachines.engine import EffectCall
from statemachines.registry import register


class AlarmData(msgspec.Struct, frozen=True):
    due: datetime


def due(data: AlarmData) -> datetime:
    return data.due


class BellData(msgspec.Struct, frozen=True):
    rung: int = 0


def count(data: BellData) -> BellData:
    return BellData(data.rung + 1)


@effect
def sound(data: BellData, call: EffectCall) -> None:
    """Take no time."""


def alarm(name: str) -> Machine[AlarmData]:
    return Machine(name, State("set", After(target="rang", at=due)), State("rang"), data=AlarmData)


clock = register(alarm("clock"))
flood = register(alarm("flood"))
bell = register(Machine("bell", State("hung", On("ring", do=[count, sound])), data=BellData))


def note(sender: str, entry: Any, **given: Any) -> None:
    """Add a line when a clock has rung, after the commit: its instance, the time."""
    if entry.sequence > 1:
        with Path(os.environ["BENCHMARK_RUNG"]).open("a") as lines:
            lines.write(f"{entry.instance_pk} {time.time()}\n")


if "BENCHMARK_RUNG" in os.environ:
    signals.transitioned.connect(note, sender=clock.name)
