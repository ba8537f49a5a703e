"""A machine that uses every kind of row, with typed data and events. Its functions have twins in xstate.mjs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from statemachines import (
    After,
    Always,
    Done,
    Entry,
    Event,
    Exit,
    Failed,
    Final,
    History,
    Initial,
    Invoke,
    Machine,
    Moment,
    On,
    Parallel,
    State,
    action,
    and_,
    cancel,
    effect,
    fact,
    in_state,
    not_,
    raise_,
    send,
)


class Order(msgspec.Struct, frozen=True):
    express: bool = False
    minutes: int = 0
    receipt: str = ""


class Accepted(Event, tag="accepted"):
    prep_minutes: int


class Rejected(Event):
    reason: str = ""


class Paused(Event): ...


class Resumed(Event): ...


class PickedUp(Event): ...


@fact
def open_kitchens(data: Order) -> int:
    raise NotImplementedError  # read by an engine, never by these tests


@effect
def offer(data: Order) -> None:
    raise NotImplementedError  # run by a worker, never by these tests


@effect
def charge(data: Order) -> str:
    raise NotImplementedError


@action
def write_ledger(data: Order) -> None:
    raise NotImplementedError


def is_express(data: Order) -> bool:
    return data.express


def is_quick(data: Order, event: Accepted) -> bool:
    return event.prep_minutes < 30


def kitchen_is_open(data: Order, event: Event, moment: Moment) -> bool:
    return moment.get(open_kitchens) > 0


def note_minutes(data: Order, event: Accepted) -> Order:
    return msgspec.structs.replace(data, minutes=event.prep_minutes)


def note_receipt(data: Order, receipt: str) -> Order:
    return msgspec.structs.replace(data, receipt=receipt)


def patience(data: Order) -> timedelta:
    return timedelta(minutes=data.minutes or 1)


def pickup_time(data: Order) -> datetime:
    return datetime(2030, 1, 1, 12, data.minutes, tzinfo=UTC)


def nudged(data: Order) -> Paused:
    return Paused()


def summary(data: Order) -> dict[str, int]:
    return {"minutes": data.minutes}


order = Machine(
    "order",
    State(
        "offered",
        Entry(offer, write_ledger, send("nudge", delay=timedelta(minutes=5), id="nudge")),
        Exit(cancel("nudge")),
        On(Accepted, "running", when=is_quick, do=note_minutes, reenter=True, description="quick orders cook at once"),
        On(Accepted, "#waiting", do=note_minutes, meta={"slow": True}),
        On("nudge", do=raise_(Rejected(reason="too slow"))),
        On(Rejected, "canceled"),
        On("probe", "running", when=kitchen_is_open, facts=[open_kitchens]),
        After(patience, "canceled"),
        After(timedelta(seconds=1.5), when=not_(is_express)),
    ),
    State("waiting", On("done.*", "canceled"), After(None, "running", at=pickup_time), id="waiting", tags=["slow"]),
    State(
        "running",
        On(Paused, "paused"),
        Parallel(
            "work",
            State("kitchen", State("cook", On(PickedUp, "cooked")), Final("cooked", output=summary)),
            State(
                "money",
                Initial("charging", raise_("charging.began")),
                State("idle"),
                State(
                    "charging",
                    Invoke(charge, "paid", do=note_receipt, error="idle", id="charge", label="charges the card"),
                    Invoke(charge, Done(do=raise_("again")), Failed("idle")),
                ),
                Final("paid"),
                History("last", "idle", deep=True),
            ),
            Done("delivered", when=and_(in_state({"running": {"work": {"kitchen": "cooked"}}}), not_(is_express))),
            Done("express"),
        ),
        State("express", Always("#order.delivered", when=is_express)),
        Final("delivered"),
        History("last"),
        Done("delivered"),
    ),
    State("paused", Entry(raise_(nudged)), On(Paused), On(Resumed, "running.last")),
    Final("delivered"),
    Final("canceled", output={"why": "canceled"}),
    On("*", when=in_state("paused")),
    data=Order,
    version=3,
    description="An order.",
)
