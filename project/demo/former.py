"""Customers whom the release before this one began to onboard: they wait for their day when the demo begins.

Their onboardings are of version 1, begun and welcomed by its code, which the demo's workers do not have. They are
upgraded while orders are placed, and what is left the workers do as version 2.
Limits: made once per customer, so that a second run on one database works.
"""

from __future__ import annotations

from contextlib import suppress

from django.contrib.auth.models import User

from orders.onboarding.machine import onboarding
from orders.onboarding.start import NAME
from statemachines.core.events import SYSTEM
from statemachines.engine import create
from statemachines.engine.outbox import run_effect
from statemachines.engine.upgrades import upgrade_all
from statemachines.exceptions import InstanceExists
from statemachines.models import Effect, MachineInstance
from statemachines.registry import register

from . import onboarding_v1
from .people import login_of, make_users

CUSTOMERS = [
    "Anouk de Boer", "Bao Trần", "Carmen Ibáñez", "Dawit Alemu", "Esra Yılmaz", "Farid Karimi",
    "Greta Holm", "Hinemoa Parata", "Ivo Marković", "Jana Nováková", "Kenji Mori", "Lerato Dube",
]  # fmt: skip

DAY_SECONDS = 30
"""How long they wait: past the first orders, at which they are upgraded, and not past the last."""

BESIDE = 20
"""So many orders are placed when they are upgraded."""


def begin() -> list[str]:
    """Do what the release before did, up to the welcome e-mail; return the keys of the onboardings that it began."""
    register(onboarding_v1.onboarding, app_label="orders")
    make_users(CUSTOMERS)
    begun = []
    for user in User.objects.filter(username__in=map(login_of, CUSTOMERS)):
        data = onboarding_v1.OnboardingData(str(user.pk), user.get_full_name(), user.email, (), DAY_SECONDS)
        with suppress(InstanceExists):
            instance = create(onboarding_v1.onboarding, data.user, data=data, system=True)
            MachineInstance.objects.filter(pk=instance.pk).update(upgrades="pinned")  # else it would follow by itself
            run_effect(Effect.objects.get(instance=instance).pk, "default")
            begun.append(data.user)
    return begun


def upgrade() -> int:
    """Upgrade those that are on an older version, as an operator does; return how many that were."""
    batches = upgrade_all(NAME, onboarding.version, reason="version 2 is released", actor=SYSTEM, using="default")
    return sum(one.status == "upgraded" for batch in batches for one in batch.outcomes)
