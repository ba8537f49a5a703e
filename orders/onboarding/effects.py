"""The e-mails of the onboarding. A worker runs these after commit, at least once: each mail has one Message-ID.

Limits: they read only the data that they were given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.mail import mail
from statemachines import effect

from .data import OnboardingData

if TYPE_CHECKING:
    from statemachines.engine import EffectCall

WELCOME = "Welcome to our table"
FIRST_DRIP = "What will you eat next?"


@effect
def send_welcome_email(data: OnboardingData, call: EffectCall) -> None:
    """Welcome the customer."""
    mail(data.email, WELCOME, "orders/welcome.txt", {"onboarding": data}, call.idempotency_key)


@effect
def send_first_drip_email(data: OnboardingData, call: EffectCall) -> None:
    """Remind the customer of us; who has ordered again meanwhile is thanked."""
    mail(data.email, FIRST_DRIP, "orders/first_drip.txt", {"onboarding": data}, call.idempotency_key)
