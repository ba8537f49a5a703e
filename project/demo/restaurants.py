"""The restaurants' part: they accept, reject, give up, keep silent or come too late, and some deliver.

Limits: they learn of an order by webhook, or by looking where they have none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .sample import Restaurant
from .stage import Stage


def told(stage: Stage, offer: dict[str, Any]) -> None:
    """Take an offer from the webhook."""
    stage.spawn(offer["order"], decide(stage, offer["order"], offer["restaurant"]))


def looking(stage: Stage, name: str) -> Callable[[], Awaitable[None]]:
    """Make the look of a restaurant without webhook at its new orders."""
    known: set[int] = set()

    async def look() -> None:
        for state in ("standard.create_order", "restaurant_driven.create_order"):
            for order in (await stage.get(name, f"restaurant/orders/?state={state}"))["results"]:
                if order["id"] not in known:
                    known.add(order["id"])
                    stage.spawn(order["id"], decide(stage, order["id"], name))

    return look


async def decide(stage: Stage, pk: int, name: str) -> None:
    order = await stage.sample(pk)
    if order is None or order.script.restaurant is None:
        return
    script, path = order.script.restaurant, f"restaurant/orders/{pk}/"
    accepting = {"prep_minutes": script.prep_minutes}
    await stage.think()
    match script.does:
        case "accepts":
            await stage.post(pk, name, path + "accept/", accepting)
            if order.flow == "restaurant_driven":
                await deliver(stage, pk, name, script)
        case "rejects":
            await stage.post(pk, name, path + "reject/", {"reason": script.reason})
        case "gives_up":
            await stage.post(pk, name, path + "accept/", accepting)
            await stage.minutes(script.prep_minutes / 3)
            await stage.post(pk, name, path + "reject/", {"reason": script.reason})
        case "too_late":
            await stage.until(name, path, lambda seen: seen["state"] == "canceled")
            await stage.post(pk, name, path + "accept/", accepting, expect=409)


async def deliver(stage: Stage, pk: int, name: str, script: Restaurant) -> None:
    path = f"restaurant/orders/{pk}/"
    await stage.minutes(script.prep_minutes)
    await stage.until(name, path, lambda seen: "order_delivered" in seen["possible"])
    await stage.think()
    await stage.post(pk, name, path + "delivered/")
