"""The couriers' part: they look at their offers, accept, reject or let them lapse, deliver, or find the shop closed.

Who rejected, or let an offer lapse, tries to accept it after all, and must be refused.
Limits: the script of an order says what whoever gets its first, second or third offer does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .sample import SampleOrder
from .stage import Stage


class Courier:
    """One courier, and what they know of their offers; `silent` holds the orders of those that they let lapse."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.name = name
        self.known: set[int] = set()
        self.silent: dict[int, int] = {}

    async def look(self) -> None:
        """Look at the offers: at new ones, and at those that have gone."""
        offers = {offer["id"]: offer for offer in await self.stage.get(self.name, "courier/offers/")}
        for id in offers.keys() - self.known:
            self.known.add(id)
            self.stage.spawn(offers[id]["order"]["id"], self.react(offers[id]))
        for id in self.silent.keys() - offers.keys():
            pk = self.silent.pop(id)
            self.stage.spawn(pk, self.stage.post(pk, self.name, f"courier/offers/{id}/accept/", expect=409))

    async def react(self, offer: dict[str, Any]) -> None:
        pk, number, path = offer["order"]["id"], offer["number"], f"courier/offers/{offer['id']}/"
        order = await self.stage.sample(pk)
        if order is None:
            return
        if number > len(order.script.couriers):
            self.stage.surprise(pk, f"{self.name} got offer {number}; the script has no such courier.")
            return
        match order.script.couriers[number - 1]:
            case "accepts":
                await self.stage.think()
                await self.stage.post(pk, self.name, path + "accept/")
                await self.deliver(pk, order)
            case "rejects":
                await self.stage.think()
                await self.stage.post(pk, self.name, path + "reject/")
                await self.stage.think()
                await self.stage.post(pk, self.name, path + "accept/", expect=409)
            case "lapses" | "too_late":
                self.silent[offer["id"]] = pk

    async def deliver(self, pk: int, order: SampleOrder) -> None:
        delivery, path = order.script.delivery, f"courier/deliveries/{pk}/"
        await self.stage.think()
        if delivery is not None and delivery.does == "restaurant_rejected":
            await self.stage.post(pk, self.name, path + "restaurant-rejected/", {"reason": delivery.reason})
        else:
            await self.stage.post(pk, self.name, path + "delivered/")


def looking(stage: Stage, name: str) -> Callable[[], Awaitable[None]]:
    return Courier(stage, name).look
