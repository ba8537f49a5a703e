"""The pure functions that the order machine names: guards, delays and updates of `(data, event, moment)`.

Limits: they decide and return new data; whatever touches the database or the world stands in `couriers` and `effects`.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import cache

from msgspec.structs import replace

from statemachines import Moment, Refuse

from .couriers import next_courier
from .data import COURIER_PATIENCE, MOST_OFFERS, RESTAURANT_PATIENCE, Acceptance, Courier, Offer, OrderData
from .events import CourierAccepted, CourierRejected, RestaurantAccepted, RestaurantRejected


def is_standard(data: OrderData) -> bool:
    return data.flow == "standard"


def is_courier_driven(data: OrderData) -> bool:
    return data.flow == "courier_driven"


def is_restaurant_driven(data: OrderData) -> bool:
    return data.flow == "restaurant_driven"


def may_offer_again(data: OrderData) -> bool:
    """Whether another courier may be asked."""
    return len(data.offers) < MOST_OFFERS


def restaurant_patience(data: OrderData) -> timedelta:
    """The time that a restaurant has to answer."""
    return data.minutes(RESTAURANT_PATIENCE)


def courier_patience(data: OrderData) -> timedelta:
    """The time that a courier has to answer."""
    return data.minutes(COURIER_PATIENCE)


def prep_time(data: OrderData) -> timedelta:
    """The time that the restaurant said it needs."""
    assert data.acceptance is not None  # only an accepted order is prepared
    return data.minutes(data.acceptance.prep_minutes)


def record_acceptance(data: OrderData, event: RestaurantAccepted, moment: Moment) -> OrderData:
    """Store what the courier will need to know: who accepted, when, and how long they cook."""
    by = moment.actor.label if moment.actor else ""
    return replace(data, acceptance=Acceptance(event.prep_minutes, moment.time, by or data.restaurant_name))


def choose_courier(data: OrderData, event: object, moment: Moment) -> OrderData:
    """Choose the courier to ask next."""
    found = moment.get(next_courier)
    courier = Courier(**found) if found else None
    return replace(data, offers=(*data.offers, Offer(len(data.offers) + 1, courier)))


def assign_courier(data: OrderData, event: CourierAccepted, moment: Moment) -> OrderData:
    """Give the job to the courier who answered their own open offer."""
    offer = answered(data, event.offer, moment)
    return replace(data, courier=offer.courier)


def check_answer(data: OrderData, event: CourierRejected, moment: Moment) -> OrderData:
    """Refuse an answer to an offer that is not open any more, or not theirs."""
    answered(data, event.offer, moment)
    return data


def answered(data: OrderData, number: int, moment: Moment) -> Offer:
    """Return the open offer that a courier answers. Raises Refuse where it is not open, or not theirs."""
    given = next((offer for offer in data.offers if offer.number == number), None)
    if given is None or given.courier is None:
        raise Refuse("no_such_offer", f"No courier was ever made an offer {number} of order {data.order}.")
    if not speaks_for(given.courier, moment):
        raise Refuse("not_your_offer", f"Offer {number} of order {data.order} was made to another courier.")
    if given != data.offer:
        raise Refuse("offer_lapsed", f"Offer {number} of order {data.order} was rejected or has lapsed.")
    return given


def check_courier(data: OrderData, event: object, moment: Moment) -> OrderData:
    """Refuse a courier who does not carry this order."""
    if data.courier is not None and not speaks_for(data.courier, moment):
        raise Refuse("not_your_delivery", f"Another courier carries order {data.order}.")
    return data


def speaks_for(courier: Courier, moment: Moment) -> bool:
    """A user speaks only for themselves; the system, and a simulation without actors, may speak for anybody."""
    actor = moment.actor
    return actor is None or actor.kind != "user" or actor.id == courier.user


def record_rejection(data: OrderData, event: RestaurantRejected) -> OrderData:
    """Write down the reason."""
    return replace(data, canceled_because=event.reason or "the restaurant rejected it")


@cache  # two rows with one reason name one function
def because(reason: str) -> Callable[[OrderData], OrderData]:
    """Make an update that writes down why the order is canceled."""

    def record(data: OrderData) -> OrderData:
        return replace(data, canceled_because=reason)

    record.__name__ = "because_" + reason.replace(" ", "_")
    record.__doc__ = f"Write down why: {reason}."
    return record
