"""Machines to race on: one for each way in which processes may meet, and one with everything, for the model test."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from django.contrib.auth.models import Group
from django.db import connection

from statemachines import (
    After,
    Always,
    Event,
    Final,
    History,
    Invoke,
    Machine,
    Moment,
    On,
    Parallel,
    Refuse,
    State,
    action,
    cancel,
    effect,
    engine,
    fact,
    raise_,
    send,
)
from statemachines.engine import EffectCall
from statemachines.registry import register

from . import barrier


class Count(msgspec.Struct, frozen=True):
    count: int = 0


def add(data: Count) -> Count:
    return Count(data.count + 1)


turns = register(
    Machine(
        "turns",
        State("heads", On("flip", "tails", do=add)),
        State("tails", On("flop", "heads", do=add)),
        On("tick", do=add),
        data=Count,
        description="Two events that are each taken in one state only, and one that is taken always.",
    )
)


@action
def takes_a_while(data: Count) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.05)")


slow = register(Machine("slow", State("on", On("tick", do=[add, takes_a_while])), data=Count))


@action
def pass_barrier(data: Count) -> None:
    barrier.wait()


@action
def rename_groups(data: Count) -> None:
    """Write rows that others write as well."""
    Group.objects.update(name=f"renamed {data.count} times")


writer = register(
    Machine(
        "writer",
        State("on", On("rename", do=[add, rename_groups]), On("wait", do=[add, pass_barrier, rename_groups])),
        data=Count,
    )
)


class Rally(msgspec.Struct, frozen=True):
    """`other` is the instance that gets the ball; after `limit` hits it is let fall."""

    other: int = 0
    limit: int = 0
    hits: int = 0


class Meet(Event):
    other: int


def meet(data: Rally, event: Meet) -> Rally:
    return msgspec.structs.replace(data, other=event.other)


def hit(data: Rally) -> Rally:
    return msgspec.structs.replace(data, hits=data.hits + 1)


def goes_on(data: Rally) -> bool:
    return data.hits < data.limit


@effect
def hit_back(data: Rally, call: EffectCall) -> None:
    engine.send(data.other, "ball", system=True, idempotency_key=call.idempotency_key)


rally = register(
    Machine(
        "rally",
        State("waiting", On(Meet, do=meet), On("ball", "hitting", when=goes_on, do=hit), On("ball", do=hit)),
        State(
            "hitting",
            Invoke(hit_back, "waiting"),
            On("ball", when=goes_on, do=[hit, hit_back]),
            On("ball", do=hit),
        ),
        data=Rally,
        description="Two players; each ball that one gets is sent back to the other, by an effect.",
    )
)


class Cloth(msgspec.Struct, frozen=True):
    rows: int = 0
    colour: str = ""
    seen: tuple[str, ...] = ()


class Dye(Event):
    colour: str


def weave(data: Cloth, event: object, moment: Moment) -> Cloth:
    """Add a row, and remember by whom (a fact's value)."""
    return msgspec.structs.replace(data, rows=data.rows + 1, seen=(*data.seen[-2:], str(moment.get(row_name))))


def dye(data: Cloth, event: Dye) -> Cloth:
    if event.colour == "black":
        raise Refuse("no_black", "Black is out.")
    return msgspec.structs.replace(data, colour=event.colour)


def is_long(data: Cloth) -> bool:
    return data.rows % 3 == 0


def is_finished(data: Cloth) -> bool:
    return data.rows >= 9


@fact
def row_name(data: Cloth) -> str:
    return f"row {data.rows}"


def receipt(data: Cloth) -> dict[str, int]:
    return {"rows": data.rows}


def is_seventh(data: Cloth, event: object, moment: Moment) -> bool:
    return moment.get(row_name) == "row 7"


@effect
def ship(data: Cloth, call: EffectCall) -> str:
    if data.colour == "red":
        raise ConnectionError("the red ship is late")
    return f"shipped {data.rows}"


def ticket(data: Cloth, result: str) -> Cloth:
    return msgspec.structs.replace(data, colour=result)


loom = register(
    Machine(
        "loom",
        Parallel(
            "work",
            State(
                "warp",
                State("up", On("pick", "down", do=[weave, raise_("beat")], facts=[row_name])),
                State("down", On("pick", "up", do=[weave, send("inspect")], facts=[row_name])),
            ),
            State(
                "weft",
                State(
                    "left",
                    Always("tied", when=is_seventh, facts=[row_name]),
                    On("beat", "right"),
                    After(timedelta(hours=1), "right"),
                ),
                State(
                    "right",
                    Always("tied", when=is_long),
                    On("beat", "left"),
                    On("inspect", "left"),
                ),
                State("tied", On("inspect", "left", do=send("late", delay=timedelta(hours=2), id="later"))),
            ),
            History("kept", deep=True),
            On("pause", "paused"),
            On(Dye, do=dye),
            On("late", ["work.warp.up", "work.weft.tied"]),
            On("hurry", do=cancel("later")),
        ),
        State("paused", On("resume", "work.kept"), On("beside", "work.warp.down"), On(Dye), On("sell", "selling")),
        State("selling", Invoke(ship, "paused", do=ticket, error="work", id="shipping"), On("pause", "paused")),
        Final("sold", output=receipt),
        On("end", ".sold", when=is_finished),
        On(Dye, do=dye),
        data=Cloth,
        description="Regions, deep history, eventless transitions, raised and sent events, timers, an invocation.",
    )
)
