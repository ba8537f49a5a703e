"""The order flow, version 3, as its figure draws it: three flows, chosen when the order starts.

What the flows share is a function that returns states. Limits: the definition; what it names stands in `functions`
(pure), `couriers` (the database) and `effects` (the world). The app's other machine has a package, `onboarding`.
"""

from typing import Any

from statemachines import After, Always, Done, Entry, Final, Machine, On, State, in_state
from statemachines.core.definition import Row
from statemachines.core.functions import Fact
from statemachines.registry import register

from .couriers import next_courier, record_offer
from .data import OrderData
from .effects import offer_to_courier, offer_to_restaurant
from .events import (
    CourierAccepted,
    CourierRejected,
    CustomerCanceled,
    OrderDelivered,
    RestaurantAccepted,
    RestaurantRejected,
)
from .functions import (
    assign_courier,
    because,
    check_answer,
    check_courier,
    choose_courier,
    courier_patience,
    is_courier_driven,
    is_restaurant_driven,
    is_standard,
    may_offer_again,
    prep_time,
    record_acceptance,
    record_rejection,
    restaurant_patience,
)
from .onboarding.machine import onboarding
from .onboarding.start import start_onboarding
from .policy import OnboardingPolicy, OrderPolicy
from .public import public_order

customer_may_cancel = On(CustomerCanceled, "order_canceled", do=because("the customer canceled"))


def restaurant_decides(then: str, *facts: Fact[OrderData, Any]) -> list[State[OrderData]]:
    """The restaurant accepts, cooks, and may still give up while it does.

    `then` follows when the food is ready; `facts` are those that it asks for.
    """
    return [
        State(
            "create_order",
            Entry(offer_to_restaurant),
            On(RestaurantAccepted, "order_accepted", do=record_acceptance),
            On(RestaurantRejected, "order_canceled", do=record_rejection),
            customer_may_cancel,
            After(restaurant_patience, "order_canceled", do=because("the restaurant never answered")),
            tags=["waiting_for_restaurant"],
            description="The restaurant is asked.",
        ),
        State(
            "order_accepted",
            After(prep_time, then, facts=facts),
            On(RestaurantRejected, "order_canceled", do=record_rejection),
            tags=["in_the_kitchen"],
            description="The restaurant cooks, for as long as it said.",
        ),
    ]


def courier_decides(name: str, description: str, *rows: Row[OrderData]) -> State[OrderData]:
    """Couriers are asked one after another: each rejection or silence enters the state again, up to a limit."""
    return State(
        name,
        Entry(choose_courier, record_offer, offer_to_courier),
        On(CourierAccepted, "courier_on_the_way", do=assign_courier),
        On(CourierRejected, name, when=may_offer_again, reenter=True, do=check_answer, facts=[next_courier]),
        On(CourierRejected, "order_canceled", do=[check_answer, because("no courier took it")]),
        *rows,
        After(courier_patience, name, when=may_offer_again, reenter=True, facts=[next_courier]),
        After(courier_patience, "order_canceled", do=because("no courier took it")),
        tags=["waiting_for_courier"],
        description=description,
    )


def delivery(*rows: Row[OrderData], description: str) -> State[OrderData]:
    """Somebody is on the way to the customer."""
    return State(
        "courier_on_the_way",
        On(OrderDelivered, "delivery_complete", do=check_courier),
        *rows,
        tags=["on_the_way"],
        description=description,
        meta={"silence": ["I106"]},  # no time-out: while the food is with somebody, only they know what becomes of it
    )


def flow(name: str, *states: State[OrderData], description: str) -> State[OrderData]:
    """A flow ends in one of two ways, and so does the order with it."""
    return State(
        name,
        *states,
        Final("delivery_complete"),
        Final("order_canceled"),
        Done("delivered", when=in_state(f"{name}.delivery_complete")),
        Done("canceled"),
        description=description,
    )


order = Machine(
    "order",
    State(
        "flow_chooser",
        Always("standard", when=is_standard),
        Always("courier_driven", when=is_courier_driven, facts=[next_courier]),
        Always("restaurant_driven", when=is_restaurant_driven),
        description="The kind of restaurant decides which flow the order takes.",
    ),
    flow(
        "standard",
        *restaurant_decides("order_ready", next_courier),
        courier_decides("order_ready", "The food is ready, and a courier is asked."),
        delivery(description="The courier brings the food."),
        description="The restaurant cooks, then a courier brings it.",
    ),
    flow(
        "courier_driven",
        courier_decides("create_order", "A courier is asked to buy in the shop.", customer_may_cancel),
        delivery(
            On(RestaurantRejected, "order_canceled", do=[check_courier, record_rejection]),
            description="The courier buys the food and brings it, or reports that the shop does not sell it.",
        ),
        description="A courier buys in a shop that has no contract, and brings it.",
    ),
    flow(
        "restaurant_driven",
        *restaurant_decides("courier_on_the_way"),
        delivery(description="The restaurant's own people bring the food."),
        description="The restaurant cooks and brings it itself.",
    ),
    Final("delivered", Entry(start_onboarding), tags=["ended"], description="The customer has the food."),
    Final("canceled", tags=["ended"], description="There will be no food."),
    version=3,
    data=OrderData,
    description="An order, from the customer's wish to its end.",
)

register(order, policy=OrderPolicy(), public=public_order)
register(onboarding, policy=OnboardingPolicy(), upgrades="lazy")
