"""What an onboarding owns, what can happen to it, and the pure functions that its machine names.

Limits: no Django, no database.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from msgspec import Struct
from msgspec.structs import replace

from statemachines import Event, Sensitive


class OnboardingData(Struct, frozen=True):
    """A new customer: who they are (`user` is their id as an actor), and their delivered orders, by number.

    `seconds_per_day` scales the day that the machine waits; it is 86400 outside demos and tests. `acquisition_channel`
    is what brought them to us: "restaurant", "search" or "app"; "unknown" where nobody has looked.
    """

    user: str
    name: str
    email: Annotated[str, Sensitive]
    orders: tuple[int, ...]
    seconds_per_day: float = 86_400
    acquisition_channel: str = "unknown"


class Unsubscribed(Event, tag="unsubscribed"):
    """The customer wants no more of these e-mails."""


class OrderedAgain(Event, tag="ordered_again"):
    """A further order of theirs was delivered."""

    order: int


def one_day(data: OnboardingData) -> timedelta:
    """A day."""
    return timedelta(seconds=data.seconds_per_day)


def add_order(data: OnboardingData, event: OrderedAgain) -> OnboardingData:
    """Add the order to theirs."""
    return replace(data, orders=(*data.orders, event.order))


def record_channel(data: OnboardingData, channel: str) -> OnboardingData:
    """Record the acquisition channel."""
    return replace(data, acquisition_channel=channel)
