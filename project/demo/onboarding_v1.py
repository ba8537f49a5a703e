"""The onboarding as it was, version 1: what a release before this one has run, and left instances of.

Limits: its own code; what it shares with the current version are its events, and its e-mails' templates.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from msgspec import Struct
from msgspec.structs import replace

from orders.mail import mail
from orders.onboarding.data import OrderedAgain, Unsubscribed
from orders.onboarding.effects import FIRST_DRIP, WELCOME
from statemachines import After, Final, Invoke, Machine, On, Sensitive, State, effect


class OnboardingData(Struct, frozen=True):
    user: str
    name: str
    email: Annotated[str, Sensitive]
    orders: tuple[int, ...]
    seconds_per_day: float = 86_400


def one_day(data: OnboardingData) -> timedelta:
    return timedelta(seconds=data.seconds_per_day)


def add_order(data: OnboardingData, event: OrderedAgain) -> OnboardingData:
    return replace(data, orders=(*data.orders, event.order))


@effect
def send_welcome_email(data: OnboardingData, call: Any) -> None:
    mail(data.email, WELCOME, "orders/welcome.txt", {"onboarding": data}, call.idempotency_key)


@effect
def send_first_drip_email(data: OnboardingData, call: Any) -> None:
    mail(data.email, FIRST_DRIP, "orders/first_drip.txt", {"onboarding": data}, call.idempotency_key)


onboarding = Machine(
    "onboarding",
    State(
        "send_welcome_email",
        Invoke(send_welcome_email, "await_first_drip_email", error="unreachable", label="sent welcome email"),
        description="The customer is welcomed.",
    ),
    State(
        "await_first_drip_email",
        After(one_day, "send_first_drip_email"),
        description="The customer is left in peace for a day.",
    ),
    State(
        "send_first_drip_email",
        Invoke(send_first_drip_email, "onboarded", error="unreachable", label="sent first drip email"),
        description="The customer is reminded of us.",
    ),
    On(Unsubscribed, ".unsubscribed"),
    On(OrderedAgain, do=add_order),
    Final("onboarded", tags=["ended"], description="The customer knows us."),
    Final("unsubscribed", tags=["ended"], description="The customer wants no e-mails."),
    Final("unreachable", tags=["ended"], description="No e-mail reaches the customer."),
    version=1,
    data=OnboardingData,
    description="What a new customer hears from us after their first delivered order.",
)
