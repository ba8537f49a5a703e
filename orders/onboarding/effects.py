"""What the onboarding does outside: it looks up what brought a customer, and sends e-mails.

A worker runs these after commit, at least once: each mail has one Message-ID. Limits: the e-mails read only the data
that they were given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.mail import mail
from orders.models import Order, Restaurant
from statemachines import effect
from statemachines.core.effects import Retry

from .data import OnboardingData

if TYPE_CHECKING:
    from statemachines.engine import EffectCall

WELCOME = "Welcome to our table"
FIRST_DRIP = "What will you eat next?"

PATIENTLY = Retry(max_attempts=30)
"""For most of a day, at last once an hour: a mail server that is down for a night makes nobody unreachable."""


CHANNELS = {
    Restaurant.Kind.STANDARD: "app",
    Restaurant.Kind.COURIER_DRIVEN: "search",
    Restaurant.Kind.RESTAURANT_DRIVEN: "restaurant",
}
"""What brings customers, by whom they order from first: a shop is searched for, who delivers sends their own."""


@effect
def get_acquisition_channel(data: OnboardingData) -> str:
    """Find out what brought the customer."""
    return CHANNELS[Restaurant.Kind(Order.objects.select_related("restaurant").get(pk=data.orders[0]).restaurant.kind)]


@effect(retry=PATIENTLY)
def send_welcome_email(data: OnboardingData, call: EffectCall) -> None:
    """Welcome the customer."""
    mail(data.email, WELCOME, "orders/welcome.txt", {"onboarding": data}, call.idempotency_key)


@effect(retry=PATIENTLY)
def send_first_drip_email(data: OnboardingData, call: EffectCall) -> None:
    """Remind the customer of us; who has ordered again meanwhile is thanked."""
    mail(data.email, FIRST_DRIP, "orders/first_drip.txt", {"onboarding": data}, call.idempotency_key)
