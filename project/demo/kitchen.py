"""The restaurants' side of the webhook: a small web server of the demo's own, outside the project's processes.

It stores each idempotency key once, in memory and in a file, and tells the simulation of each new order.
Limits: listens on this machine only, and trusts who calls.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvicorn

Message = MutableMapping[str, Any]


class Kitchen:
    """An ASGI application; `told` is called with the payload of each offer that is new."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.keys: dict[str, int] = {}
        self.told: Callable[[dict[str, Any]], None] = lambda offer: None

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        key = headers.get("idempotency-key", "")
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        status = self.receive(key, body) if scope["method"] == "POST" else 405
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    def receive(self, key: str, body: bytes) -> int:
        """Store an offer unless its key is known; return the HTTP status."""
        try:
            offer = json.loads(body)
        except ValueError:
            return 400
        if not key:
            return 400
        self.keys[key] = self.keys.get(key, 0) + 1
        if self.keys[key] == 1:
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key} | offer, ensure_ascii=False) + "\n")
            self.told(offer)
        return 204


class Server(uvicorn.Server):
    """Uvicorn that leaves the signals to the demo."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def listening(kitchen: Kitchen, port: int) -> AsyncIterator[None]:
    """Serve the kitchen's address while the block runs."""
    config = uvicorn.Config(kitchen, host="127.0.0.1", port=port, lifespan="off", log_level="warning", access_log=False)
    server = Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await serving
