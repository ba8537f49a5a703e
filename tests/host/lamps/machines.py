"""A machine with one of each: an event, an invoked effect with its completion, a timer."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from statemachines import After, Event, Invoke, Machine, On, State, effect
from statemachines.registry import register


class Press(Event):
    pass


class Dim(Event):
    pass


class LampData(msgspec.Struct, frozen=True):
    watts: int = 1234567


@effect
def warm(data: LampData) -> int:
    """Return how much there is to warm."""
    return data.watts


lamp = register(
    Machine(
        "lamp",
        State("off", On(Press, "on")),
        State("on", Invoke(warm, "warm", error="off"), On(Press, "off")),
        State("warm", After(timedelta(milliseconds=50), "off"), On(Press, "off"), On(Dim, "on")),
        data=LampData,
    ),
    app_label="lamps",
)
