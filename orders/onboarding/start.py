"""Where a reactive flow begins a proactive one: a customer's first delivered order starts their onboarding.

An effect of the order machine, run at least once. Limits: one onboarding per customer, for ever: its key is their id.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from orders.conf import seconds_per_day
from orders.data import OrderData
from orders.models import Order
from statemachines import effect
from statemachines.engine import create, send
from statemachines.exceptions import EventRefused, InstanceExists
from statemachines.models import MachineInstance

from .data import OnboardingData, OrderedAgain

if TYPE_CHECKING:
    from statemachines.engine import EffectCall

NAME = "orders.onboarding"


@effect
def start_onboarding(data: OrderData, call: EffectCall) -> None:
    """Begin the customer's onboarding, or tell the one that there is of a further order."""
    customer = Order.objects.select_related("customer").get(pk=data.order).customer
    begun = OnboardingData(
        user=str(customer.pk),
        name=data.customer,
        email=customer.email,
        orders=(data.order,),
        seconds_per_day=seconds_per_day(),
    )
    try:
        create(NAME, begun.user, data=begun, system=True, origin="order")
    except InstanceExists:
        tell(begun.user, data.order, call.idempotency_key)


def tell(user: str, order: int, key: str) -> None:
    """Tell an onboarding of an order, unless it has ended, or knows it because this effect was run before."""
    known = MachineInstance.objects.of(NAME).get(key=user)
    if known.status in MachineInstance.ENDED or order in known.data["orders"]:
        return
    with suppress(EventRefused):  # it has ended since it was looked at, or is paused
        send(known, OrderedAgain(order=order), system=True, origin="order", idempotency_key=key)
