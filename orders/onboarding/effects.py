"""The e-mails of the onboarding. A worker runs these after commit, at least once: each mail has one Message-ID.

Limits: they read only the data that they were given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orders.mail import mail
from statemachines import effect
from statemachines.core.effects import Retry

from .data import OnboardingData

if TYPE_CHECKING:
    from statemachines.engine import EffectCall

WELCOME = "Welcome to our table"
FIRST_DRIP = "What will you eat next?"

PATIENTLY = Retry(max_attempts=30)
"""For most of a day, at last once an hour: a mail server that is down for a night makes nobody unreachable."""


@effect(retry=PATIENTLY)
def send_welcome_email(data: OnboardingData, call: EffectCall) -> None:
    """Welcome the customer."""
    mail(data.email, WELCOME, "orders/welcome.txt", {"onboarding": data}, call.idempotency_key)


@effect(retry=PATIENTLY)
def send_first_drip_email(data: OnboardingData, call: EffectCall) -> None:
    """Remind the customer of us; who has ordered again meanwhile is thanked."""
    mail(data.email, FIRST_DRIP, "orders/first_drip.txt", {"onboarding": data}, call.idempotency_key)
