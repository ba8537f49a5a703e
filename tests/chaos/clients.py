"""The load: customers, restaurants and couriers as clients over HTTP, seeded; the ledger has what they sent and heard.

A request that got no answer, or a 5xx, is sent again under its Idempotency-Key, to another web process.
Limits: a process of its own, without Django. It ends by a signal.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import httpx

from .ledger import Ledger, Reader

GIVE_UP_SECONDS = 60.0
LOOK_SECONDS = 0.05
PASSWORD = "chaos"
MINUTE = 0.3


class Plan:
    """How much of everything, and how everybody behaves: a function of the seed."""

    def __init__(self, seed: int, seconds: float, orders: int, customers: int, errands: int, counters: int) -> None:
        chance = random.Random(seed)
        self.seed = seed
        self.orders: list[dict[str, Any]] = []
        for number in range(orders):
            good = number < customers  # each customer's first order is delivered, if nothing is in the way for too long
            self.orders.append(
                {
                    "at": (number + chance.random()) / orders * 0.85 * seconds,
                    "customer": f"customer{number % customers}",
                    "restaurant": chance.randint(1, 6),
                    "cancels": not good and chance.random() < 0.07,
                    "good": good,
                    "number": number,
                }
            )
        self.errands = [
            {
                "at": chance.random() * 0.8 * seconds,
                "data": {
                    "slow": chance.choice([0, 0.1, 0.8]),
                    "failures": chance.choice([0, 0, 1]),
                    "limit": chance.randint(2, 4),
                },
                "hurries": chance.random() < 0.5,
            }
            for _ in range(errands)
        ]
        self.counters = counters
        self.counts = 24

    def chance(self, *of: object) -> random.Random:
        """Return the luck of one thing, the same in each run of the seed, whenever it is asked for."""
        return random.Random(repr((self.seed, *of)))


class Clients:
    def __init__(self, plan: Plan, folder: Path, webs: list[str], receiver: int) -> None:
        self.plan = plan
        self.webs = webs
        self.receiver = receiver
        self.ledger = Ledger(folder, "clients")
        self.reader = Reader(folder)
        self.client = httpx.AsyncClient(timeout=8, limits=httpx.Limits(max_connections=60))
        self.tasks: set[asyncio.Task[None]] = set()
        self.placed: dict[int, dict[str, Any]] = {}
        self.waiting: dict[int, list[Coroutine[Any, Any, None]]] = {}
        self.known: set[str] = set()
        self.luck = random.Random(plan.seed)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def request(self, user: str, path: str, body: Any = None, **told: Any) -> httpx.Response | None:
        """Send a request until it is answered; None where nobody answered it for too long."""
        key, began, tries = uuid.uuid4().hex, time.time(), 0
        headers = {"Idempotency-Key": key, "X-User": user}
        while time.time() - began < GIVE_UP_SECONDS:
            tries += 1
            url = self.luck.choice(self.webs) + path
            try:
                answer = await self.client.post(url, json=body or {}, headers=headers, auth=(user, PASSWORD))
            except httpx.HTTPError:
                answer = None
            if answer is not None and answer.status_code < 500:
                self.wrote(key, user, path, answer.status_code, began, tries, told)
                return answer
            await asyncio.sleep(min(0.1 * tries, 0.5))
        self.wrote(key, user, path, 0, began, tries, told)
        return None

    def wrote(
        self, key: str, user: str, path: str, status: int, began: float, tries: int, told: dict[str, Any]
    ) -> None:
        told = {"key": key, "user": user, "path": path, "status": status, "tries": tries, **told}
        self.ledger.write("request", began=began, seconds=time.time() - began, **told)

    async def look(self, user: str, path: str) -> Any:
        """Read something until it is there."""
        while True:
            try:
                answer = await self.client.get(self.luck.choice(self.webs) + path, auth=(user, PASSWORD))
                if answer.status_code < 500:
                    return answer.json()
            except (httpx.HTTPError, json.JSONDecodeError):
                pass
            await asyncio.sleep(0.2)

    async def run(self) -> None:
        server = await asyncio.start_server(self.webhook, "127.0.0.1", self.receiver)
        self.began = time.monotonic()
        async with server, asyncio.TaskGroup() as group:
            group.create_task(self.follow())
            for order in self.plan.orders:
                group.create_task(self.order(order))
            for number, errand in enumerate(self.plan.errands):
                group.create_task(self.errand(f"e{number}", errand))
            for number in range(self.plan.counters):
                group.create_task(self.count(f"c{number}"))
            await self.everybody()
            self.ledger.write("all placed")

    async def everybody(self) -> None:
        """Wait until everything that was planned has begun."""
        wanted = len(self.plan.orders)
        while len(self.placed) + self.lost < wanted or self.counting:
            await asyncio.sleep(0.1)

    lost = 0
    counting = 0

    async def until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, self.began + at - time.monotonic()))

    # customers

    async def order(self, order: dict[str, Any]) -> None:
        await self.until(order["at"])
        wanted = {"restaurant": order["restaurant"], "address": "Pier 7", "items": [{"dish": order["restaurant"]}]}
        answer = await self.request(order["customer"], "/api/customer/orders/", wanted, event="place")
        if answer is None or answer.status_code != 201:
            self.lost += 1
            return
        pk = answer.json()["id"]
        self.placed[pk] = order
        if order["cancels"]:
            await self.request(order["customer"], f"/api/customer/orders/{pk}/cancel/", event="customer_canceled")

    async def unsubscribe(self, user: str) -> None:
        if self.plan.chance("unsubscribe", user).random() < 0.1:
            await self.request(user, "/api/customer/onboarding/unsubscribe/", event="unsubscribed")

    # what the world hears of

    async def webhook(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a restaurant's webhook: the ledger first, the answer then."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
            body = json.loads(await reader.readexactly(int(lines["content-length"])))
            to = head.split()[1].strip("/")
            self.ledger.write("effect", by="webhook", key=lines["idempotency-key"], to=to, order=body["order"])
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # a worker that was killed while it called
        finally:
            writer.close()

    async def follow(self) -> None:
        """Follow the ledger, where mails and webhooks arrive; each is acted on once, however often it comes."""
        while True:
            for line in self.reader.new():
                if line["kind"] == "effect" and line["key"] not in self.known:
                    self.known.add(line["key"])
                    self.arrived(line)
            await asyncio.sleep(LOOK_SECONDS)

    def arrived(self, line: dict[str, Any]) -> None:
        if line["by"] == "ask_for_signature":
            self.spawn(self.sign(line["key"]))
        elif line["by"] == "webhook":
            self.spawn(self.restaurant(line["to"], line["order"]))
        elif line["by"] == "mail":
            user, subject = line["to"].partition("@")[0], line["subject"]
            if user.startswith("restaurant"):
                self.spawn(self.restaurant(user, int(subject.split()[1])))
            elif subject.startswith("Offer"):
                _, number, _, _, order = subject.partition(":")[0].split()
                self.spawn(self.courier(user, int(order), int(number)))
            elif subject.startswith("Welcome"):
                self.spawn(self.unsubscribe(user))

    async def script(self, pk: int) -> dict[str, Any] | None:
        """Return the order's script: it may be heard of before who placed it has the answer."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while pk not in self.placed and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        return self.placed.get(pk)

    async def restaurant(self, user: str, pk: int) -> None:
        script = await self.script(pk)
        if script is None:
            return
        chance = self.plan.chance("restaurant", script["number"])
        luck, minutes, path = chance.random(), chance.randint(1, 4), f"/api/restaurant/orders/{pk}"
        await asyncio.sleep(chance.uniform(0.02, 0.3))
        if not script["good"] and luck < 0.06:
            return  # never answers
        if not script["good"] and luck < 0.13:
            await self.request(user, f"{path}/reject/", {"reason": "sold out"}, event="restaurant_rejected")
            return
        answer = await self.request(user, f"{path}/accept/", {"prep_minutes": minutes}, event="restaurant_accepted")
        if answer is None or answer.status_code != 200:
            return
        if not script["good"] and luck < 0.2:
            answer = await self.request(user, f"{path}/reject/", {"reason": "burnt"}, event="restaurant_rejected")
            if answer is None or answer.status_code == 200:
                return  # else it is too late for that
        if int(user.removeprefix("restaurant")) % 3 == 2:
            await asyncio.sleep(minutes * MINUTE)
            await self.deliver(user, f"{path}/delivered/")

    async def deliver(self, user: str, path: str) -> None:
        """Deliver; too early is told by a refusal, and tried again."""
        for _ in range(100):
            answer = await self.request(user, path, event="order_delivered")
            if answer is None or answer.status_code != 409 or "order_accepted" not in str(answer.json()["state"]):
                return
            await asyncio.sleep(0.4)

    async def courier(self, user: str, pk: int, number: int) -> None:
        script = await self.script(pk)
        if script is None:
            return
        chance = self.plan.chance("courier", script["number"], number)
        luck = chance.random()
        await asyncio.sleep(chance.uniform(0.02, 0.3))
        if not script["good"] and luck < 0.08:
            return  # lets it lapse
        offers = await self.look(user, "/api/courier/offers/")
        offer = next((one for one in offers if one["order"]["id"] == pk and one["number"] == number), None)
        if offer is None:
            return
        path = f"/api/courier/offers/{offer['id']}"
        if not script["good"] and luck < 0.2:
            await self.request(user, f"{path}/reject/", event="courier_rejected")
            return
        answer = await self.request(user, f"{path}/accept/", event="courier_accepted")
        if answer is None or answer.status_code != 200:
            return
        await asyncio.sleep(chance.uniform(0.02, 0.4))
        path = f"/api/courier/deliveries/{pk}"
        closed = not script["good"] and offer["order"]["flow"] == "courier_driven" and luck > 0.85
        if closed:
            await self.request(user, f"{path}/restaurant-rejected/", {"reason": "closed"}, event="restaurant_rejected")
        else:
            await self.deliver(user, f"{path}/delivered/")

    # chaos's own machines

    async def errand(self, key: str, errand: dict[str, Any]) -> None:
        self.counting += 1
        await self.until(errand["at"])
        await self.request(key, f"/chaos/errand/{key}/", errand["data"], event="create")
        self.counting -= 1
        if errand["hurries"]:
            for _ in range(120):
                answer = await self.request(key, f"/chaos/errand/{key}/hurry/", event="hurry")
                if answer is None or answer.status_code == 200:
                    return
                if answer.json()["state"] in ("done", "failed", "wrong"):
                    return
                await asyncio.sleep(0.25)

    async def sign(self, token: str) -> None:
        await asyncio.sleep(self.plan.chance("sign", token).uniform(0, 0.2))
        while (answer := await self.request("signer", f"/chaos/complete/{token}/", event="complete")) is not None:
            if answer.status_code == 200:
                return
            await asyncio.sleep(0.2)

    async def count(self, key: str) -> None:
        """Several raise one count at once, all the time."""
        self.counting += 1
        await self.request("counter", f"/chaos/counter/{key}/", {}, event="create")

        async def raise_it(number: int) -> None:
            for _ in range(self.plan.counts // 4):
                await self.request(f"counter{number}", f"/chaos/counter/{key}/count/", event="count")

        await asyncio.gather(*map(raise_it, range(4)))
        await self.request("counter", f"/chaos/counter/{key}/stop/", event="stop")
        self.counting -= 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("plan", type=json.loads)
    parser.add_argument("folder", type=Path)
    parser.add_argument("webs", type=json.loads)
    parser.add_argument("receiver", type=int)
    options = parser.parse_args()
    asyncio.run(Clients(Plan(**options.plan), options.folder, options.webs, options.receiver).run())


if __name__ == "__main__":
    main()
