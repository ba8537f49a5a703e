"""What an order owns while its machine runs: plain values, all that its functions ever look at.

Limits: no Django, no database. People and dishes stand here as they were when the order was placed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

Flow = Literal["standard", "courier_driven", "restaurant_driven"]

MOST_OFFERS = 3
"""How many offers are made to couriers, one after another, before an order is given up."""

RESTAURANT_PATIENCE = 20
"""How long a restaurant may think, in minutes."""

COURIER_PATIENCE = 15
"""How long a courier may think, in minutes."""


class Line(Struct, frozen=True):
    """A dish and how often it was ordered; `price` is that of one."""

    dish: str
    price: Decimal
    quantity: int = 1


class Acceptance(Struct, frozen=True):
    """What was stored when the restaurant accepted: what the courier needs to know. `at` is aware, `by` a name."""

    prep_minutes: int
    at: Annotated[datetime, Meta(tz=True)] | None
    by: str


class Courier(Struct, frozen=True):
    """A courier as the machine knows them; `user` is the id of the actor that speaks for them."""

    id: int
    user: str
    name: str
    email: str


class Offer(Struct, frozen=True):
    """The job, offered to one courier; `courier` is None where nobody was there to be asked."""

    number: int
    courier: Courier | None


class OrderData(Struct, frozen=True):
    """An order: what was ordered, and what has become of it.

    `seconds_per_minute` scales every time that the machine waits; it is 60 outside demos and tests.
    """

    order: int
    flow: Flow
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
        """The latest offer to a courier; the earlier ones were rejected or have lapsed."""
        return self.offers[-1] if self.offers else None

    def minutes(self, count: int) -> timedelta:
        """Return how long so many minutes are for this order."""
        return timedelta(seconds=count * self.seconds_per_minute)
