"""The order flow as it was, version 2: couriers buy in shops that have no contract; the order chooses its flow."""

from __future__ import annotations

from typing import Any, Literal

from orders.couriers import next_courier
from orders.events import OrderDelivered, RestaurantRejected
from statemachines import Always, Done, Final, Machine, On, State, in_state

from . import order_v1 as v1
from .order_v1 import check_courier, record_rejection


class OrderData(v1.OrderData, frozen=True, kw_only=True):
    flow: Literal["standard", "courier_driven"]


def is_standard(data: OrderData) -> bool:
    return data.flow == "standard"


def is_courier_driven(data: OrderData) -> bool:
    return data.flow == "courier_driven"


def flow(name: str, *states: State[Any], description: str) -> State[Any]:
    return State(
        name,
        *states,
        Done("delivered", when=in_state(f"{name}.delivery_complete")),
        Done("canceled"),
        description=description,
    )


order: Machine[Any] = Machine(
    "order",
    State(
        "flow_chooser",
        Always("standard", when=is_standard),
        Always("courier_driven", when=is_courier_driven, facts=[next_courier]),
        description="The kind of restaurant decides which flow the order takes.",
    ),
    flow("standard", *v1.standard(), description="The restaurant cooks, then a courier brings it."),
    flow(
        "courier_driven",
        v1.courier_decides("create_order", "A courier is asked to buy in the shop."),
        State(
            "courier_on_the_way",
            On(OrderDelivered, "delivery_complete", do=check_courier),
            On(RestaurantRejected, "order_canceled", do=[check_courier, record_rejection]),
            tags=["on_the_way"],
            description="The courier buys the food and brings it, or reports that the shop does not sell it.",
        ),
        Final("delivery_complete"),
        Final("order_canceled"),
        description="A courier buys in a shop that has no contract, and brings it.",
    ),
    Final("delivered", tags=["ended"], description="The customer has the food."),
    Final("canceled", tags=["ended"], description="There will be no food."),
    version=2,
    data=OrderData,
    description="An order, from the customer's wish to its end.",
)
