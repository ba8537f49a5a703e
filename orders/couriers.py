"""Where the order machine meets the database: who could carry an order, and a row for each offer.

Limits: called by the engine under the lock, in the transition's transaction.
"""

from __future__ import annotations

from typing import Any

from statemachines import action, fact

from .data import OrderData
from .models import Courier, Offer


@fact
def next_courier(data: OrderData, event: object) -> dict[str, Any] | None:
    """Find the courier to ask next: at work, not asked for this order yet, without an offer for the longest time."""
    asked = [offer.courier.id for offer in data.offers if offer.courier]
    found = Courier.objects.at_work().exclude(pk__in=asked).longest_without_offer()
    return found and {"id": found.pk, "user": str(found.user_id), "name": found.name, "email": found.user.email}


@action
def record_offer(data: OrderData) -> None:
    """Write the latest offer down, so that its courier finds it."""
    if data.offer is not None and data.offer.courier is not None:
        Offer.objects.create(order_id=data.order, number=data.offer.number, courier_id=data.offer.courier.id)
