"""What an order does to the world: offers go to restaurants by webhook or e-mail, to couriers by e-mail.

A worker runs these after commit, at least once: the idempotency key travels along, so that a receiver knows a second
delivery by it. Limits: they read only the data that they were given, and the restaurant's addresses.
"""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

from statemachines import effect

from .data import OrderData
from .mail import mail
from .models import Restaurant

if TYPE_CHECKING:
    from statemachines.engine import EffectCall

WEBHOOK_TIMEOUT_SECONDS = 10


@effect
def offer_to_restaurant(data: OrderData, call: EffectCall) -> None:
    """Ask the restaurant: by its webhook where it has one, else by e-mail."""
    restaurant = Restaurant.objects.get(pk=data.restaurant)
    if restaurant.webhook_url:
        post(restaurant.webhook_url, offer_payload(data), call.idempotency_key)
    else:
        mail(
            restaurant.email,
            f"Order {data.order}",
            "orders/offer_to_restaurant.txt",
            {"order": data},
            call.idempotency_key,
        )


@effect
def offer_to_courier(data: OrderData, call: EffectCall) -> None:
    """Ask the courier of the latest offer, who gets what was stored when the restaurant accepted."""
    offer = data.offer
    if offer is not None and offer.courier is not None:
        subject = f"Offer {offer.number} of order {data.order}: {data.restaurant_name}"
        mail(offer.courier.email, subject, "orders/offer_to_courier.txt", {"order": data}, call.idempotency_key)


def offer_payload(data: OrderData) -> dict[str, object]:
    """Return what a restaurant's webhook is told; prices are text."""
    lines = [{"dish": line.dish, "price": str(line.price), "quantity": line.quantity} for line in data.lines]
    return {
        "order": data.order,
        "restaurant": data.restaurant_name,
        "customer": data.customer,
        "lines": lines,
        "total": str(data.total),
    }


def post(url: str, payload: dict[str, object], key: str) -> None:
    """Post JSON with its idempotency key. Raises OSError where it does not arrive, or is not answered by a 2xx."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    request = urllib.request.Request(url, json.dumps(payload).encode(), headers)
    with urllib.request.urlopen(request, timeout=WEBHOOK_TIMEOUT_SECONDS):
        pass
