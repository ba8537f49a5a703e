"""What all simulated people share: the site over HTTP, the orders in play, and what was answered wrongly.

Limits: knows the site by its API alone, and nobody's part.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any
from uuid import uuid4

import httpx

from .people import PASSWORD, login_of
from .sample import SampleOrder

LOOK_SECONDS = 1.0
ATTEMPTS = 8
SETTLE_SECONDS = 10
QUICK_SECONDS = 0.2
THINK_SECONDS = (0.1, 0.6)
FIND_SECONDS = 5
# Shorter than the web server's: a connection that it is just closing must not be used again.
KEEPALIVE_SECONDS = 2


class Stage:
    """`placed` tells each order's sample, `surprises` what was answered wrongly, `failed` which could not be placed."""

    def __init__(self, site: str, seconds_per_minute: float) -> None:
        self.seconds_per_minute = seconds_per_minute
        self.placed: dict[int, SampleOrder] = {}
        self.surprises: dict[int, list[str]] = {}
        self.failed: list[str] = []
        self.answer_seconds = 0.0
        self.random = random.Random(1)
        self.tasks: set[asyncio.Task[None]] = set()
        self.group = asyncio.TaskGroup()
        limits = httpx.Limits(max_connections=40, keepalive_expiry=KEEPALIVE_SECONDS)
        self.client = httpx.AsyncClient(base_url=f"{site}/api/", timeout=30, limits=limits)

    async def request(self, method: str, name: str, path: str, body: Any = None) -> httpx.Response:
        """Ask the site as somebody, and keep in mind how long it takes to answer."""
        began = time.monotonic()
        answer = await self.insist(method, path, body, (login_of(name), PASSWORD))
        self.answer_seconds += (time.monotonic() - began - self.answer_seconds) / 10
        return answer

    async def insist(self, method: str, path: str, body: Any, auth: tuple[str, str]) -> httpx.Response:
        """Ask again where no answer came (a web server died): the key lets the site do it once, whatever arrived."""
        headers = {"Idempotency-Key": uuid4().hex} if method == "POST" else {}
        for _ in range(ATTEMPTS - 1):
            with suppress(httpx.TransportError):
                return await self.client.request(method, path, json=body, auth=auth, headers=headers)
            await asyncio.sleep(LOOK_SECONDS)
        return await self.client.request(method, path, json=body, auth=auth, headers=headers)

    async def calm(self) -> None:
        """Wait until the site answers quickly, so that nobody's patience ends by mere slowness."""
        while self.answer_seconds > QUICK_SECONDS:
            await asyncio.sleep(0.1)

    async def get(self, name: str, path: str) -> Any:
        answer = await self.request("GET", name, path)
        answer.raise_for_status()
        return answer.json()

    async def post(self, pk: int, name: str, path: str, body: Any = None, *, expect: int = 200) -> None:
        """Post, and write it down where the answer is not the one that must come."""
        answer = await self.request("POST", name, path, body or {})
        if answer.status_code != expect:
            self.surprise(pk, f"{name}: POST {path} got {answer.status_code}, not {expect}: {answer.text[:300]}")

    async def until(self, name: str, path: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Look until it is as it should be, and return what is seen then."""
        while not holds(seen := await self.get(name, path)):
            await asyncio.sleep(LOOK_SECONDS / 2)
        return seen

    async def look(self, once: Callable[[], Awaitable[None]]) -> None:
        """Look again and again, with pauses of differing length, so that not all look at once."""
        while True:
            await asyncio.sleep(LOOK_SECONDS * self.random.uniform(0.7, 1.3))
            with suppress(httpx.HTTPError):  # a web server that is started again is looked at again
                await once()

    async def sample(self, pk: int) -> SampleOrder | None:
        """Return an order's sample, as soon as its customer knows its number. An earlier run's order has none."""
        for _ in range(FIND_SECONDS * 10):
            if pk in self.placed:
                return self.placed[pk]
            await asyncio.sleep(0.1)
        return None

    async def think(self) -> None:
        await asyncio.sleep(self.random.uniform(*THINK_SECONDS))

    async def minutes(self, count: float) -> None:
        await asyncio.sleep(count * self.seconds_per_minute)

    def surprise(self, pk: int, text: str) -> None:
        self.surprises.setdefault(pk, []).append(text)

    def spawn(self, pk: int, doing: Coroutine[Any, Any, None]) -> None:
        """Do something for an order beside all else; where the site does not answer, that is a surprise."""

        async def done() -> None:
            try:
                await doing
            except httpx.HTTPError as error:
                self.surprise(pk, f"no answer: {error!r}")

        task = self.group.create_task(done())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def settle(self) -> None:
        """Wait for what people still try when their order has ended."""
        await asyncio.sleep(2 * LOOK_SECONDS)
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=SETTLE_SECONDS)
