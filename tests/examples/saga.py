"""A saga: a payment, then a courier that is found from outside; where none comes, the payment goes back."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import msgspec

from statemachines import Final, Invoke, Machine, Retry, State, effect, pending
from statemachines.engine import EffectCall
from statemachines.registry import register


class Delivery(msgspec.Struct, frozen=True):
    """`amount` in cents; `ledger` is the file in which the payment provider books."""

    order: int
    amount: int
    ledger: str
    payment: str = ""
    courier: str = ""


class NoCourier(Exception):
    pass


def book(data: Delivery, what: str, call: EffectCall) -> str:
    """Do what a payment provider does: book it, and know it again by its key."""
    line = {"key": call.idempotency_key, "what": what, "amount": data.amount}
    with Path(data.ledger).open("a") as ledger:
        ledger.write(json.dumps(line) + "\n")
    return call.idempotency_key


@effect
def charge(data: Delivery, call: EffectCall) -> str:
    return book(data, "charge", call)


@effect(fatal=NoCourier)
def find_courier(data: Delivery) -> str:
    return pending(f"order {data.order}", deadline=timedelta(minutes=10))  # type: ignore[no-any-return]


@effect(retry=Retry(max_attempts=100, max_delay=timedelta(hours=1)))
def refund(data: Delivery, call: EffectCall) -> str:
    return book(data, "refund", call)


def paid(data: Delivery, payment: str) -> Delivery:
    return msgspec.structs.replace(data, payment=payment)


def found(data: Delivery, courier: str) -> Delivery:
    return msgspec.structs.replace(data, courier=courier)


delivery = register(
    Machine(
        "delivery",
        State("paying", Invoke(charge, "finding_courier", do=paid, error="not_paid")),
        State("finding_courier", Invoke(find_courier, "on_the_way", do=found, error="refunding")),
        State("refunding", Invoke(refund, "refunded")),
        Final("on_the_way"),
        Final("refunded"),
        Final("not_paid"),
        data=Delivery,
    )
)
