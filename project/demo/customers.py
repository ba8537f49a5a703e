"""The customers' part: they place orders, some cancel, in time or too late, and one unsubscribes from our e-mails.

Limits: the slowest orders are placed first, so that the demo is over sooner.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from orders.data import COURIER_PATIENCE, RESTAURANT_PATIENCE

from .sample import SampleOrder
from .stage import Stage

PLACED_AT_ONCE = 3

UNSUBSCRIBER = "Diego Villaseñor"
"""Who has one order, which is delivered, and then wants no more than the welcome e-mail."""

BEFORE_WELCOME = ("get_acquisition_channel", "send_welcome_email")
"""An onboarding's states before the customer is welcomed."""


async def place_all(stage: Stage, orders: list[SampleOrder]) -> None:
    """Place all orders, a few at once."""
    places = await stage.get(orders[0].customer.name, "restaurants/?limit=500")
    menus = {place["name"]: place for place in places["results"]}
    turns = asyncio.Semaphore(PLACED_AT_ONCE)

    async def in_turn(order: SampleOrder) -> None:
        async with turns:
            await stage.calm()
            try:
                await place(stage, order, menus[order.restaurant])
            except httpx.HTTPError as error:
                stage.failed.append(f"Sample {order.number} could not be placed: {error!r}")

    await asyncio.gather(*map(in_turn, sorted(orders, key=waiting, reverse=True)))


async def place(stage: Stage, order: SampleOrder, menu: dict[str, Any]) -> None:
    dishes = {dish["name"]: dish["id"] for dish in menu["dishes"]}
    items = [{"dish": dishes[item.dish], "quantity": item.quantity} for item in order.items]
    wanted = {"restaurant": menu["id"], "address": order.customer.address, "items": items}
    answer = await stage.request("POST", order.customer.name, "customer/orders/", wanted)
    answer.raise_for_status()
    pk = answer.json()["id"]
    stage.placed[pk] = order
    if order.script.customer != "waits":
        stage.spawn(pk, cancel(stage, pk, order))
    if order.customer.name == UNSUBSCRIBER:
        stage.spawn(pk, unsubscribe(stage, pk))


async def cancel(stage: Stage, pk: int, order: SampleOrder) -> None:
    name, path = order.customer.name, f"customer/orders/{pk}/"
    if order.script.customer == "cancels_too_late":
        await stage.until(name, path, lambda seen: "customer_canceled" not in seen["possible"])
        await stage.post(pk, name, path + "cancel/", expect=409)
    else:
        await stage.think()
        await stage.post(pk, name, path + "cancel/")


async def unsubscribe(stage: Stage, pk: int) -> None:
    """Wait for the order, then for the welcome e-mail, and leave."""
    name, path = UNSUBSCRIBER, "customer/onboarding/"
    await stage.until(name, f"customer/orders/{pk}/", lambda seen: seen["state"] == "delivered")
    while (await stage.request("GET", name, path)).status_code == 404:
        await stage.think()
    seen = await stage.until(name, path, lambda seen: seen["state"] not in BEFORE_WELCOME)
    if "unsubscribed" in seen["possible"]:  # in a second run on one database they have left already
        await stage.post(pk, name, path + "unsubscribe/")


def waiting(order: SampleOrder) -> int:
    """Estimate how many minutes an order takes."""
    script = order.script
    minutes = COURIER_PATIENCE * script.couriers.count("lapses")
    if script.restaurant is not None:
        silent = script.restaurant.does == "never_answers"
        minutes += RESTAURANT_PATIENCE if silent else script.restaurant.prep_minutes
    return minutes
