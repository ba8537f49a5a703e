"""Machines that the type checker must accept."""

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
    Limit,
    Machine,
    Moment,
    Occurrence,
    On,
    Parallel,
    Retry,
    State,
    action,
    and_,
    assign,
    cancel,
    effect,
    fact,
    guard,
    in_state,
    not_,
    or_,
    pending,
    raise_,
    send,
)
from statemachines.engine import EffectCall


class Cart(msgspec.Struct, frozen=True):
    count: int = 0
    note: str = ""


class Added(Event):
    amount: int


class Cleared(Event): ...


@fact
def stock(data: Cart) -> int:
    return data.count


@effect
def charge(data: Cart) -> str:
    return data.note


def note_of(data: Cart) -> str:
    return data.note


def chosen(data: Cart, event: Added) -> int:
    return event.amount


def each(note: str) -> str:
    return note


@effect(
    retry=Retry(max_attempts=8, first_delay=timedelta(seconds=2), factor=3, max_delay=timedelta(hours=2), jitter=0),
    timeout=timedelta(seconds=30),
    queue="slow",
    fatal=(ValueError, LookupError),
    input=note_of,
    guarantee="at_least_once",
    limit=Limit(rate=10, per=timedelta(minutes=1), key=each),
)
def post(note: str, call: EffectCall) -> str:
    if call.cancelled or not call.heartbeat():
        return f"{call.attempt} {call.instance.key} {call.deadline}"
    return call.idempotency_key + note


@effect(input=chosen, guarantee="at_most_once", fatal=OSError)
def pack(count: int) -> int:
    return count


@effect(timeout=timedelta(seconds=1), id="ask")
def ask_somebody(data: Cart, call: EffectCall) -> str:
    answer: str = pending(data.note, deadline=timedelta(days=2))
    return answer


def failed(data: Cart, event: Occurrence) -> Cart:
    return data


@action
def write_ledger(data: Cart) -> None: ...


def enough(data: Cart) -> bool:
    return data.count > 1


def small(data: Cart, event: Added) -> bool:
    return event.amount < 10


def in_stock(data: Cart, event: Added, moment: Moment) -> bool:
    return moment.get(stock) >= event.amount


def add(data: Cart, event: Added) -> Cart:
    return Cart(data.count + event.amount)


def clear(data: Cart) -> Cart:
    return Cart()


def keep(data: Cart, receipt: str) -> Cart:
    return Cart(data.count, receipt)


def patience(data: Cart) -> timedelta:
    return timedelta(minutes=data.count)


def deadline(data: Cart) -> datetime:
    return datetime(2030, 1, 1, tzinfo=UTC)


def cleared(data: Cart) -> Cleared:
    return Cleared()


def seen(data: Cart, event: Occurrence) -> bool:
    return event.value is not None


def checkout(name: str) -> State[Cart]:
    return State(name, Invoke(charge, "paid", do=keep, error="open", label="charges"))


cart: Machine[Cart] = Machine(
    "cart",
    State(
        "open",
        Entry(clear, write_ledger, charge),
        Exit(assign(clear, id="cleared"), cancel("soon")),
        On(Added, when=small, do=add),
        On(Added, when=and_(in_stock, not_(small)), do=[add, write_ledger], facts=[stock]),
        On(Added, when=or_(enough, in_state("paying")), do=raise_(Cleared())),
        On(Cleared, do=send(Cleared(), delay=timedelta(seconds=1), id="soon")),
        On("check", "paying", when=seen),
        On("other", do=raise_(cleared)),
        Always("paying", when=guard(enough, id="plenty")),
        After(patience, "gone"),
        After(at=deadline, target="gone", do=clear),
    ),
    checkout("paying"),
    Parallel("both", State("left", Initial("b", clear), State("a"), State("b")), History("was", deep=True)),
    State("posting", Invoke(post, "paid", Failed("open", do=failed), do=keep), Exit(pack)),
    State("asking", Entry(pack, post), Invoke(ask_somebody, "paid", do=keep, error="open", id="asked")),
    State("again", Invoke(charge, Done("paid", when=seen), Failed("open"))),
    Final("paid", output=patience),
    Final("gone"),
    data=Cart,
)
