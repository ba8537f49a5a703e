"""The order as a machine, with typed data and one assign per transition."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from statemachines import Event, Final, Machine, On, State
from statemachines.registry import register


class Person(msgspec.Struct, frozen=True):
    id: int
    name: str
    phone: str


class Restaurant(msgspec.Struct, frozen=True):
    id: int
    name: str


class Line(msgspec.Struct, frozen=True):
    sku: str
    quantity: int
    price: Decimal


class OrderData(msgspec.Struct, frozen=True):
    changes: int
    customer: Person
    restaurant: Restaurant
    courier: Person | None
    lines: tuple[Line, ...]
    total: Decimal
    currency: str


class Offer(Event):
    by: int
    note: str


class Accept(Event):
    by: int
    note: str


class MarkReady(Event):
    by: int
    note: str


class OfferCourier(Event):
    by: int
    note: str


class PickUp(Event):
    by: int
    note: str


class Deliver(Event):
    by: int
    note: str


def count(data: OrderData) -> OrderData:
    return msgspec.structs.replace(data, changes=data.changes + 1)


order = register(
    Machine(
        "order",
        State("placed", On(Offer, "offered", do=count)),
        State("offered", On(Accept, "accepted", do=count)),
        State("accepted", On(MarkReady, "ready", do=count)),
        State("ready", On(OfferCourier, "courier_offered", do=count)),
        State("courier_offered", On(PickUp, "on_the_way", do=count)),
        State("on_the_way", On(Deliver, "delivered", do=count)),
        Final("delivered"),
        data=OrderData,
    )
)
