"""The order flow as it was, version 1: restaurants with a contract alone, and no patience with anybody.

What it did outside is what the current version does; the rest is its own.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from orders import effects, functions
from orders.couriers import next_courier
from orders.data import Acceptance, Courier, Line, Offer
from orders.events import CourierAccepted, CourierRejected, OrderDelivered, RestaurantAccepted, RestaurantRejected
from orders.models import Offer as OfferRow
from statemachines import After, Entry, Final, Machine, Moment, On, State, action, effect


class OrderData(Struct, frozen=True, kw_only=True):
    order: int
    customer: str
    address: str
    restaurant: int
    restaurant_name: str
    lines: tuple[Line, ...]
    total: Decimal
    seconds_per_minute: float = 60
    acceptance: Acceptance | None = None
    offers: tuple[Offer, ...] = ()
    courier: Courier | None = None
    canceled_because: str = ""

    @property
    def offer(self) -> Offer | None:
        return self.offers[-1] if self.offers else None

    def minutes(self, count: int) -> timedelta:
        return timedelta(seconds=count * self.seconds_per_minute)


def prep_time(data: OrderData) -> timedelta:
    assert data.acceptance is not None
    return data.minutes(data.acceptance.prep_minutes)


def record_acceptance(data: OrderData, event: RestaurantAccepted, moment: Moment) -> Any:
    return replace(data, acceptance=Acceptance(event.prep_minutes, moment.time, data.restaurant_name))


def record_rejection(data: OrderData, event: RestaurantRejected) -> Any:
    return replace(data, canceled_because=event.reason)


def choose_courier(data: OrderData, event: object, moment: Moment) -> Any:
    found = moment.get(next_courier)
    return replace(data, offers=(Offer(1, Courier(**found) if found else None),))


@action
def record_offer(data: OrderData) -> None:
    if data.offer is not None and data.offer.courier is not None:
        OfferRow.objects.create(order_id=data.order, number=1, courier_id=data.offer.courier.id)


def assign_courier(data: OrderData, event: CourierAccepted, moment: Moment) -> Any:
    return replace(data, courier=functions.answered(data, event.offer, moment).courier)


def give_up(data: OrderData, event: CourierRejected, moment: Moment) -> Any:
    functions.answered(data, event.offer, moment)
    return replace(data, canceled_because="the courier rejected it")


def check_courier(data: OrderData, event: object, moment: Moment) -> Any:
    return functions.check_courier(data, event, moment)


@effect
def offer_to_restaurant(data: OrderData, call: Any) -> None:
    effects.offer_to_restaurant.function(data, call)


@effect
def offer_to_courier(data: OrderData, call: Any) -> None:
    effects.offer_to_courier.function(data, call)


def courier_decides(name: str, description: str) -> State[Any]:
    """One courier is asked; who rejects it has canceled it."""
    return State(
        name,
        Entry(choose_courier, record_offer, offer_to_courier),
        On(CourierAccepted, "courier_on_the_way", do=assign_courier),
        On(CourierRejected, "order_canceled", do=give_up),
        tags=["waiting_for_courier"],
        description=description,
    )


def standard() -> list[State[Any]]:
    """All of version 1, which version 2 calls its standard flow."""
    return [
        State(
            "create_order",
            Entry(offer_to_restaurant),
            On(RestaurantAccepted, "order_accepted", do=record_acceptance),
            On(RestaurantRejected, "order_canceled", do=record_rejection),
            tags=["waiting_for_restaurant"],
            description="The restaurant is asked.",
        ),
        State(
            "order_accepted",
            After(prep_time, "order_ready", facts=[next_courier]),
            On(RestaurantRejected, "order_canceled", do=record_rejection),
            tags=["in_the_kitchen"],
            description="The restaurant cooks, for as long as it said.",
        ),
        courier_decides("order_ready", "The food is ready, and a courier is asked."),
        State(
            "courier_on_the_way",
            On(OrderDelivered, "delivery_complete", do=check_courier),
            tags=["on_the_way"],
            description="The courier brings the food.",
        ),
        Final("delivery_complete"),
        Final("order_canceled"),
    ]


order: Machine[Any] = Machine(
    "order",
    *standard(),
    version=1,
    data=OrderData,
    description="An order, from the customer's wish to its end.",
)
