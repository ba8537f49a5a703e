"""The town is handed over to visitors: the people that they may play, when the simulated ones are done.

Limits: made once and found again by name, so that a second run on one database works.
"""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.db import transaction

from orders.models import Courier, Restaurant
from orders.site.people import VISITORS
from statemachines import picture

from .people import COURIERS, login_of, make_users

CUSTOMERS = ["Amara Okafor", "Robin de Wit"]
"""They have no order yet, so that their first one begins an onboarding."""

KITCHENS = ["Pho 79", "Trattoria da Nello", "Taverna Kostas", "Casa Lusitana"]


@transaction.atomic
def hand_over() -> None:
    """Send the simulated couriers home, have no restaurant told by webhook any more, and let visitors be somebody."""
    make_users(CUSTOMERS)
    Courier.objects.update(at_work=False)
    Restaurant.objects.update(webhook_url="")
    group, _ = Group.objects.get_or_create(name=VISITORS)
    group.user_set.set(User.objects.filter(username__in=map(login_of, [*CUSTOMERS, *KITCHENS, *COURIERS[:2]])))


def draw() -> None:
    """Lay the machines' pictures out once, into the cache that all processes share, before anybody waits for one."""
    for machine in ("orders.order", "orders.onboarding"):
        picture.machine_svg(machine)
