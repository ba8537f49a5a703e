"""What can happen to an order: the typed events that clients send.

Limits: payloads only. Who may send which event is decided by the views, and for couriers by the machine itself.
"""

from typing import Annotated

from msgspec import Meta

from statemachines import Event

PrepMinutes = Annotated[int, Meta(ge=1, le=240)]
OfferNumber = Annotated[int, Meta(ge=1)]
Reason = Annotated[str, Meta(max_length=200)]


class RestaurantAccepted(Event, tag="restaurant_accepted"):
    """The restaurant cooks; the order is ready in `prep_minutes`."""

    prep_minutes: PrepMinutes


class RestaurantRejected(Event, tag="restaurant_rejected"):
    """The restaurant does not cook (any more). In the courier-driven flow the courier reports it from the shop."""

    reason: Reason = ""


class CourierAccepted(Event, tag="courier_accepted"):
    """A courier takes the job; `offer` is the number of the offer that this answers."""

    offer: OfferNumber


class CourierRejected(Event, tag="courier_rejected"):
    """A courier does not take the job; `offer` is the number of the offer that this answers."""

    offer: OfferNumber


class OrderDelivered(Event, tag="order_delivered"):
    """The customer has the food."""


class CustomerCanceled(Event, tag="customer_canceled"):
    """The customer does not want it any more."""
