"""What happens to an instance, as Server-Sent Events: each history entry, by its sequence, then the instance.

The policy is asked again at each item: who may not see the instance any more is told that it is gone. A client that
comes back with `Last-Event-ID` goes on where it was. Limits: needs ASGI; under WSGI the answer is 501, and pages poll.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from statemachines.core.events import Actor
from statemachines.exceptions import InvalidValue
from statemachines.models import MachineInstance
from statemachines.registry import Registered

from .base import is_asgi
from .hub import Move, Told, Watcher, hub_of
from .instances import OfMachine
from .listener import listened
from .operations import LAST_EVENT, Operation
from .problems import Unavailable
from .public import shown, shown_entry
from .waiting import in_turn

HEARTBEAT_SECONDS = 15.0
EVENT_STREAM = "text/event-stream"


def told(name: str, data: Any, id: int | None = None) -> bytes:
    """Return an event as it stands in the stream."""
    number = b"" if id is None else b"id: %d\n" % id
    return number + b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


@dataclass(frozen=True)
class Feed:
    """What one person is told of a machine's instances."""

    registered: Registered
    actor: Actor
    using: str

    def read(self, moves: Sequence[Move]) -> list[Told]:
        """Return what to tell of each move."""
        policy = self.registered.policy
        assert policy is not None  # it has routes
        rows = [move.instance for move in moves if move.instance is not None]
        visible = {row.pk: row for row in policy.visible_rows(self.actor, rows)} if rows else {}
        return [self._told(move, visible.get(move.pk)) for move in moves]

    def _told(self, move: Move, instance: MachineInstance | None) -> Told:
        if instance is None:
            return Told(told("gone", {}), move.seen, more=False)
        entries = move.entries
        items = [told("entry", shown_entry(self.registered, one, self.actor), one.sequence) for one in entries]
        last = entries[-1].sequence if entries else move.seen
        if last >= instance.sequence:
            items.append(told("instance", shown(self.registered, instance, self.actor), instance.sequence))
        ended = instance.status in MachineInstance.ENDED and last >= instance.sequence
        return Told(b"".join(items), last, more=not ended)

    async def stream(self, pk: int, seen: int) -> AsyncIterator[bytes]:
        """Yield what happens, and a comment now and then, so that nobody on the way takes it for dead."""
        watcher, hub = Watcher(pk, seen, self), hub_of(self.using)
        with listened(pk, self.using, hub.moved), hub.watched(watcher):
            yield b": here\n\n"
            while True:
                try:
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        items = await watcher.queue.get()
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if items is None:
                    return
                yield items


class Stream(OfMachine):
    """An instance's stream."""

    http_method_names = ["get"]

    def operation(self, method: str) -> Operation:
        return Operation(
            f"stream_{self.machine}",
            "Follow an instance by Server-Sent Events; `Last-Event-ID` goes on after a sequence.",
            str,
            headers=(LAST_EVENT,),
            problems=(404, 501),
            media_type=EVENT_STREAM,
        )

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Accept what is asked for: there is only the stream."""
        return super().perform_content_negotiation(request, force=True)

    def dispatch(self, request: HttpRequest, *given: Any, **named: Any) -> HttpResponseBase:
        """Open as one of few: hundreds may come at once, and under ASGI each has a connection of its own."""
        with in_turn():
            return super().dispatch(request, *given, **named)

    def get(self, request: Request, pk: int) -> HttpResponseBase:
        instance = self.instance(pk)
        if not is_asgi(request._request):
            raise Unavailable(501, "needs_asgi", "This server runs under WSGI, which holds no streams open.")
        seen = self._seen(instance)
        if instance.status in MachineInstance.ENDED and seen >= instance.sequence:
            return HttpResponse(status=204)  # tells a browser's EventSource to come back no more
        feed = Feed(self.registered, self.actor, self.using)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(feed.stream(pk, seen), content_type=EVENT_STREAM, headers=headers)

    def _seen(self, instance: MachineInstance) -> int:
        """Return the sequence after which to begin: what the client has seen, or now. Raises InvalidValue."""
        given = self.request.headers.get(LAST_EVENT)
        if given is None:
            return instance.sequence
        if not (given.isascii() and given.isdigit() and len(given) < 19):
            raise InvalidValue("header", field=LAST_EVENT, expected="a sequence", received=repr(given[:40]))
        return min(int(given), instance.sequence)
