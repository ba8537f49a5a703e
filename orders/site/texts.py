"""What people are told of an order: one table of states, one of what happened. The only prose of the pages.

Limits: texts; which state an order is in, and what is possible there, the machine says.
"""

from __future__ import annotations

from typing import NamedTuple

from orders.data import OrderData
from statemachines.models import HistoryEntry


class Told(NamedTuple):
    """What a role is told: a headline, a sentence, and what the running timer means to them ("" hides it)."""

    headline: str
    sentence: str
    clock: str = ""


WAITS = "They answer within"
COOKS = "Ready in"
ASKS = "A courier answers within"

ASKING = {
    "customer": Told("Waiting for {restaurant}", "They have your order and decide whether they cook it.", WAITS),
    "restaurant": Told("New order", "{customer} would like to eat. Do you cook it?", "Answer within"),
}
COOKING = {
    "customer": Told("{restaurant} is cooking", "They said {prep} minutes. It cannot be canceled any more.", COOKS),
    "restaurant": Told("In the kitchen", "You said {prep} minutes.", COOKS),
}
BRINGING = {
    "customer": Told("{courier} is on the way", "Your food is coming to {address}."),
    "restaurant": Told("Picked up", "{courier} brings it to {customer}."),
    "courier": Told("On the way to {customer}", "Bring it to {address}."),
}

STATES: dict[str, dict[str, Told]] = {
    "standard.create_order": ASKING,
    "standard.order_accepted": COOKING,
    "standard.order_ready": {
        "customer": Told("Your food is ready", "We are asking a courier to bring it.", ASKS),
        "restaurant": Told("Ready to be picked up", "A courier is asked to fetch it."),
        "courier": Told("A job for you", "Fetch it at {restaurant}, bring it to {address}.", "Answer within"),
    },
    "standard.courier_on_the_way": BRINGING,
    "courier_driven.create_order": {
        "customer": Told("Looking for a courier", "Somebody will buy your order at {restaurant}.", ASKS),
        "courier": Told("A job for you", "Buy it at {restaurant}, bring it to {address}.", "Answer within"),
    },
    "courier_driven.courier_on_the_way": {
        "customer": Told("{courier} is shopping for you", "They buy it at {restaurant} and bring it to {address}."),
        "courier": Told("Buy at {restaurant}", "Then bring it to {customer}, {address}."),
    },
    "restaurant_driven.create_order": ASKING,
    "restaurant_driven.order_accepted": COOKING,
    "restaurant_driven.courier_on_the_way": {
        "customer": Told("{restaurant} is on the way", "Their own people bring it to {address}."),
        "restaurant": Told("On the way", "Your people bring it to {customer}, {address}."),
    },
    "delivered": {
        "customer": Told("Delivered. Enjoy!", "{restaurant} and we thank you."),
        "restaurant": Told("Delivered", "{customer} has the food."),
        "courier": Told("Delivered", "{customer} has the food. Thank you!"),
    },
    "canceled": {
        "customer": Told("Canceled", "There will be no food: {because}."),
        "restaurant": Told("Canceled", "Because {because}."),
        "courier": Told("Canceled", "Because {because}."),
    },
}
NOTHING = Told("On its way through the machine", "")
EARLIER = Told("A short rest", "This order was begun by an earlier release, and goes on as soon as it is upgraded.")

KINDS = {
    "standard": "Our couriers deliver",
    "restaurant_driven": "They deliver themselves",
    "courier_driven": "A courier buys in the shop",
}
"""What a restaurant's kind means to who orders there."""

ASKED_ANOTHER = "A courier did not take it, and the next one is asked"
HAPPENED = {
    "xstate.init": "{customer} ordered at {restaurant}",
    "restaurant_accepted": "{restaurant} accepted: {prep} minutes",
    "restaurant_rejected": "No food from {restaurant}: {because}",
    "courier_accepted": "{courier} took the job",
    "courier_rejected": ASKED_ANOTHER,
    "courier_rejected to canceled": "The last courier asked did not take it",
    "order_delivered": "{customer} has the food",
    "customer_canceled": "{customer} canceled",
    "statemachines.upgrade": "The order goes on as a newer version",
    "time in standard.create_order": "{restaurant} did not answer in time",
    "time in restaurant_driven.create_order": "{restaurant} did not answer in time",
    "time in standard.order_accepted": "The food is ready",
    "time in restaurant_driven.order_accepted": "The food is ready, and on the way",
    "time in standard.order_ready": "A courier did not answer in time, and the next one is asked",
    "time in standard.order_ready to canceled": "No courier answered in time",
    "time in courier_driven.create_order": "A courier did not answer in time, and the next one is asked",
    "time in courier_driven.create_order to canceled": "No courier answered in time",
}


def told(state: str, role: str, data: OrderData) -> Told:
    """Return what a role is told of a state; `state` is the path of the active leaf."""
    found = STATES.get(state, {}).get(role, NOTHING)
    return Told(*(text.format_map(words(data)) for text in found))


def happened(entry: HistoryEntry, data: OrderData) -> str:
    """Tell a history entry in a sentence."""
    event = f"time in {in_flow(entry.source[-1])}" if entry.event.startswith("xstate.after.") else entry.event
    ended = f"{event} to {entry.target[-1]}"
    text = HAPPENED.get(ended) or HAPPENED.get(event) or "Somebody looked after the order"
    return text.format_map(words(data))


def in_flow(state: str) -> str:
    """Name a state of the first version, which had one flow and no name for it, as it is called now."""
    return state if "." in state else f"standard.{state}"


def words(data: OrderData) -> dict[str, object]:
    """Return the names that texts may use."""
    return {
        "customer": data.customer,
        "restaurant": data.restaurant_name,
        "courier": data.courier.name if data.courier else "A courier",
        "address": data.address,
        "prep": data.acceptance.prep_minutes if data.acceptance else "",
        "because": data.canceled_because or "no reason was given",
    }
