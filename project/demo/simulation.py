"""The people of the demo, each with their own login: they place, accept, reject, deliver and cancel over HTTP.

Restaurants learn of their orders by webhook, or look them up where they have none; couriers look their offers up.
What somebody may not do they try, too, and must be refused. Limits: knows the site by its API alone.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import httpx

from orders.data import COURIER_PATIENCE, RESTAURANT_PATIENCE

from .people import COURIERS, PASSWORD, WITHOUT_WEBHOOK, login_of
from .sample import Restaurant, SampleOrder

PLACED_AT_ONCE = 3
LOOK_SECONDS = 1.0
SETTLE_SECONDS = 10
THINK_SECONDS = (0.1, 0.6)


class Simulation:
    """Orders in play. `placed` tells the sample order of each order's id, `surprises` what was answered wrongly."""

    def __init__(self, site: str, orders: list[SampleOrder], seconds_per_minute: float) -> None:
        self.site = site
        self.orders = orders
        self.seconds_per_minute = seconds_per_minute
        self.placed: dict[int, SampleOrder] = {}
        self.surprises: dict[int, list[str]] = {}
        self.ended = asyncio.Event()
        self.random = random.Random(1)
        self.tasks: set[asyncio.Task[None]] = set()
        limits = httpx.Limits(max_connections=40)
        transport = httpx.AsyncHTTPTransport(limits=limits, retries=5)
        self.client = httpx.AsyncClient(base_url=f"{site}/api/", timeout=30, transport=transport)

    async def run(self) -> None:
        """Place all orders and play everybody's part until `ended` is set."""
        async with self.client:
            looks = [self.courier(name) for name in COURIERS] + [self.cook(name) for name in WITHOUT_WEBHOOK]
            lookers = [asyncio.create_task(self.look(look)) for look in looks]
            try:
                await self.place_all()
                await self.ended.wait()
            finally:
                for task in (*lookers, *self.tasks):
                    task.cancel()

    async def settle(self) -> None:
        """Wait for what people still try when their order has ended."""
        await asyncio.sleep(2 * LOOK_SECONDS)
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=SETTLE_SECONDS)

    # Customers

    async def place_all(self) -> None:
        places = await self.get(self.orders[0].customer.name, "restaurants/?limit=500")
        menus = {place["name"]: place for place in places["results"]}
        turns = asyncio.Semaphore(PLACED_AT_ONCE)

        async def place(order: SampleOrder) -> None:
            async with turns:
                began = time.monotonic()
                await self.place(order, menus[order.restaurant])
                # A slow site is given as long a rest, so that nobody's patience ends by mere slowness.
                await asyncio.sleep(time.monotonic() - began)

        slowest_first = sorted(self.orders, key=waiting, reverse=True)
        await asyncio.gather(*map(place, slowest_first))

    async def place(self, order: SampleOrder, menu: dict[str, Any]) -> None:
        dishes = {dish["name"]: dish["id"] for dish in menu["dishes"]}
        items = [{"dish": dishes[item.dish], "quantity": item.quantity} for item in order.items]
        wanted = {"restaurant": menu["id"], "address": order.customer.address, "items": items}
        answer = await self.client.post("customer/orders/", json=wanted, auth=login(order.customer.name))
        answer.raise_for_status()
        pk = answer.json()["id"]
        self.placed[pk] = order
        if order.script.customer != "waits":
            self.spawn(pk, self.cancel(pk, order))

    async def cancel(self, pk: int, order: SampleOrder) -> None:
        name, path = order.customer.name, f"customer/orders/{pk}/"
        if order.script.customer == "cancels_too_late":
            await self.until(name, path, lambda seen: "customer_canceled" not in seen["possible"])
            await self.post(pk, name, path + "cancel/", expect=409)
        else:
            await self.think()
            await self.post(pk, name, path + "cancel/")

    # Restaurants

    def told(self, offer: dict[str, Any]) -> None:
        """Take an offer from the webhook. It may arrive before the answer to who placed the order has."""
        self.spawn(offer["order"], self.decide(offer["order"], offer["restaurant"]))

    def cook(self, name: str) -> Callable[[], Awaitable[None]]:
        """Make the look of a restaurant without webhook at its new orders."""
        known: set[int] = set()

        async def look() -> None:
            for state in ("standard.create_order", "restaurant_driven.create_order"):
                for order in (await self.get(name, f"restaurant/orders/?state={state}"))["results"]:
                    if order["id"] not in known:
                        known.add(order["id"])
                        self.spawn(order["id"], self.decide(order["id"], name))

        return look

    async def decide(self, pk: int, name: str) -> None:
        order = await self.sample(pk)
        if order is None or order.script.restaurant is None:
            return
        script, path = order.script.restaurant, f"restaurant/orders/{pk}/"
        accepting = {"prep_minutes": script.prep_minutes}
        await self.think()
        match script.does:
            case "accepts":
                await self.post(pk, name, path + "accept/", accepting)
                if order.flow == "restaurant_driven":
                    await self.deliver(pk, name, script)
            case "rejects":
                await self.post(pk, name, path + "reject/", {"reason": script.reason})
            case "gives_up":
                await self.post(pk, name, path + "accept/", accepting)
                await self.minutes(script.prep_minutes / 3)
                await self.post(pk, name, path + "reject/", {"reason": script.reason})
            case "too_late":
                await self.until(name, path, lambda seen: seen["state"] == "canceled")
                await self.post(pk, name, path + "accept/", accepting, expect=409)

    async def deliver(self, pk: int, name: str, script: Restaurant) -> None:
        path = f"restaurant/orders/{pk}/"
        await self.minutes(script.prep_minutes)
        await self.until(name, path, lambda seen: "order_delivered" in seen["possible"])
        await self.think()
        await self.post(pk, name, path + "delivered/")

    # Couriers

    def courier(self, name: str) -> Callable[[], Awaitable[None]]:
        """Make the look of a courier at the offers made to them: at new ones, and at those that have gone."""
        known: dict[int, tuple[int, int]] = {}
        silent: dict[int, int] = {}

        async def look() -> None:
            offers = {offer["id"]: offer for offer in await self.get(name, "courier/offers/")}
            for id, offer in offers.items():
                if id in known:
                    continue
                pk, number = known[id] = (offer["order"]["id"], offer["number"])
                order = await self.sample(pk)
                if order is None:
                    continue
                if order.script.couriers[number - 1] in ("lapses", "too_late"):
                    silent[id] = pk
                else:
                    self.spawn(pk, self.answer(name, id, pk, order, number))
            for id in [id for id in silent if id not in offers]:
                pk = silent.pop(id)
                self.spawn(pk, self.post(pk, name, f"courier/offers/{id}/accept/", expect=409))

        return look

    async def answer(self, name: str, id: int, pk: int, order: SampleOrder, number: int) -> None:
        path = f"courier/offers/{id}/"
        await self.think()
        if order.script.couriers[number - 1] == "rejects":
            await self.post(pk, name, path + "reject/")
            await self.think()
            await self.post(pk, name, path + "accept/", expect=409)
            return
        await self.post(pk, name, path + "accept/")
        await self.think()
        delivery = order.script.delivery
        if delivery is not None and delivery.does == "restaurant_rejected":
            path = f"courier/deliveries/{pk}/restaurant-rejected/"
            await self.post(pk, name, path, {"reason": delivery.reason})
        else:
            await self.post(pk, name, f"courier/deliveries/{pk}/delivered/")

    # What all of them do

    def spawn(self, pk: int, doing: Coroutine[Any, Any, None]) -> None:
        """Do something for an order beside all else; where the site does not answer, that is a surprise."""

        async def done() -> None:
            try:
                await doing
            except httpx.HTTPError as error:
                self.surprises.setdefault(pk, []).append(f"{error!r}")

        task = asyncio.create_task(done())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def look(self, once: Callable[[], Awaitable[None]]) -> None:
        """Look again and again, with pauses of differing length, so that not all look at once."""
        while True:
            await asyncio.sleep(LOOK_SECONDS * self.random.uniform(0.7, 1.3))
            with suppress(httpx.HTTPError):  # a web server that is started again is looked at again
                await once()

    async def sample(self, pk: int) -> SampleOrder | None:
        """Return the sample order of an order. An order of an earlier run is none."""
        for _ in range(20):
            if pk in self.placed:
                return self.placed[pk]
            await asyncio.sleep(0.1)
        return None

    async def think(self) -> None:
        await asyncio.sleep(self.random.uniform(*THINK_SECONDS))

    async def minutes(self, count: float) -> None:
        await asyncio.sleep(count * self.seconds_per_minute)

    async def get(self, name: str, path: str) -> Any:
        answer = await self.client.get(path, auth=login(name))
        answer.raise_for_status()
        return answer.json()

    async def until(self, name: str, path: str, holds: Callable[[dict[str, Any]], bool]) -> None:
        while not holds(await self.get(name, path)):
            await asyncio.sleep(LOOK_SECONDS / 2)

    async def post(self, pk: int, name: str, path: str, body: Any = None, *, expect: int = 200) -> None:
        """Post, and write it down where the answer is not the one that must come."""
        answer = await self.client.post(path, json=body or {}, auth=login(name))
        if answer.status_code != expect:
            told = f"{name}: POST {path} was answered by {answer.status_code}, not {expect}: {answer.text[:300]}"
            self.surprises.setdefault(pk, []).append(told)


def waiting(order: SampleOrder) -> int:
    """Estimate how many minutes an order takes."""
    script = order.script
    minutes = COURIER_PATIENCE * script.couriers.count("lapses")
    if script.restaurant is not None:
        silent = script.restaurant.does == "never_answers"
        minutes += RESTAURANT_PATIENCE if silent else script.restaurant.prep_minutes
    return minutes


def login(name: str) -> tuple[str, str]:
    return login_of(name), PASSWORD
