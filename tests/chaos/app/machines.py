"""What the orders do not have: results, at most once, completion from outside, regions, delayed events, one hot row.

Limits: a customer's errand and a counter that many want at once; their functions write the ledger.
"""

from __future__ import annotations

import time
from datetime import timedelta

import msgspec
from django.db import connection

from statemachines import After, Done, Entry, Final, Invoke, Machine, On, Parallel, State, action, cancel, effect, send
from statemachines.core.effects import pending
from statemachines.engine import EffectCall
from statemachines.registry import register

from .world import ledger


class Errand(msgspec.Struct, frozen=True):
    """`slow` is how many seconds an effect takes, `failures` how often fetching fails before it succeeds."""

    slow: float = 0.0
    failures: int = 0
    limit: int = 3
    ticks: int = 0
    fetched: str = ""


def note(name: str, call: EffectCall) -> None:
    ledger().write("effect", by=name, key=call.idempotency_key, attempt=call.attempt)


@effect
def fetch(data: Errand, call: EffectCall) -> str:
    note("fetch", call)
    time.sleep(data.slow)
    if call.attempt <= data.failures:
        raise ConnectionError("not yet")
    return f"fetched by {call.idempotency_key}"


@effect(guarantee="at_most_once")
def charge(data: Errand, call: EffectCall) -> None:
    note("charge", call)
    time.sleep(data.slow)


@effect
def ask_for_signature(data: Errand, call: EffectCall) -> None:
    note("ask_for_signature", call)
    return pending(deadline=timedelta(seconds=30))


@effect
def tell(data: Errand, call: EffectCall) -> None:
    note("tell", call)


def keep(data: Errand, result: str) -> Errand:
    return msgspec.structs.replace(data, fetched=result)


def tick(data: Errand) -> Errand:
    return msgspec.structs.replace(data, ticks=data.ticks + 1)


def goes_on(data: Errand) -> bool:
    return data.ticks + 1 < data.limit


TICK = timedelta(milliseconds=300)

errand = Machine(
    "errand",
    State("fetching", Invoke(fetch, "working", do=keep, error="failed", id="fetch")),
    Parallel(
        "working",
        State(
            "payment",
            State("charging", Invoke(charge, "charged", error="uncertain", id="charge")),
            Final("charged"),
            Final("uncertain"),
        ),
        State(
            "reminder",
            State(
                "ticking",
                After(TICK, "ticking", when=goes_on, reenter=True, do=[tick, tell]),
                After(TICK, "over", do=tick),
            ),
            Final("over"),
        ),
        State(
            "paper",
            State("signing", Invoke(ask_for_signature, "signed", error="unsigned", id="signature")),
            Final("signed"),
            Final("unsigned"),
        ),
        Done("closing"),
    ),
    State(
        "closing",
        Entry(send("late", delay=timedelta(milliseconds=500), id="late")),
        On("late", "done"),
        On("hurry", "hurried", do=cancel("late")),
    ),
    State("hurried", On("late", "wrong"), After(timedelta(seconds=1), "done")),
    Final("done"),
    Final("failed"),
    Final("wrong"),
    data=Errand,
    description="An errand for a customer.",
)


class Count(msgspec.Struct, frozen=True):
    count: int = 0


def add(data: Count) -> Count:
    return Count(data.count + 1)


@action
def takes_a_while(data: Count) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.02)")


counter = Machine(
    "counter",
    State("counting", On("count", do=[add, takes_a_while]), On("stop", "stopped")),
    Final("stopped"),
    data=Count,
    description="A count that many raise at once.",
)

register(errand)
register(counter)
