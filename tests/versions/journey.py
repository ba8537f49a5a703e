"""A small workflow in two versions, of which tests upgrade instances: a mail, a day, a second mail."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from statemachines import After, Event, Final, Invoke, Machine, On, State, effect, send
from statemachines.engine import EffectCall

DAY = timedelta(days=1)


class Journey(msgspec.Struct, frozen=True):
    """`file`: where effects leave their trace."""

    user: str
    file: str = ""


class Journey2(Journey, frozen=True):
    channel: str = "unknown"


class Nudge(Event, tag="nudge"):
    pass


def _trace(data: Journey, line: str) -> None:
    if data.file:
        with Path(data.file).open("a") as lines:
            lines.write(f"{line} {data.user}\n")


@effect
def greet(data: Journey, call: EffectCall) -> None:
    _trace(data, "greeted")


@effect
def remind(data: Journey, call: EffectCall) -> None:
    _trace(data, f"reminded {getattr(data, 'channel', 'v1')}")


@effect
def find_channel(data: Journey2) -> str:
    return "web"


def keep_channel(data: Journey2, result: str) -> Journey2:
    return msgspec.structs.replace(data, channel=result)


later = send("poke", delay=DAY, id="poke")

V1: Machine[Any] = Machine(
    "journey",
    State("greet", Invoke(greet, "wait"), On("ask", do=later), On("poke", "wait")),
    State("wait", After(DAY, "remind"), On(Nudge, "remind")),
    State("remind", Invoke(remind, "done")),
    Final("done"),
    data=Journey,
)

V2: Machine[Any] = Machine(
    "journey",
    State("channel", Invoke(find_channel, "greet", do=keep_channel)),
    State("greet", Invoke(greet, "pause")),
    State("pause", After(DAY, "remind"), On(Nudge, "remind"), On("skip", "done")),
    State("remind", Invoke(remind, "done")),
    Final("done"),
    data=Journey2,
    version=2,
)

UPGRADE = """
from statemachines import Upgrade

upgrade = Upgrade(
    "journey", 1, 2, states={"wait": "pause"}, data=lambda data: {**data, "channel": "before"}, events={"poke": None}
)
"""
