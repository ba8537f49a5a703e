"""Pages hear of what happens: one order by the machine's own event stream, and what is new among somebody's by a look.

An order's page is told each history entry, by the hub that serves the REST API's streams. A board also has to hear of
orders that are new, which no instance's stream can tell: it is told that something moved, and asks for itself again.
Limits: needs ASGI, else 501, and pages ask every few seconds. Where LISTEN_ALIAS is set a board looks when anything
moved, else twice a second; each look is a query.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connections
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from orders.models import Offer
from orders.onboarding.start import NAME as ONBOARDING
from statemachines import registry
from statemachines.actors import actor_of
from statemachines.api.base import is_asgi
from statemachines.api.listener import EVERY, hears, listened
from statemachines.api.stream import EVENT_STREAM, Feed, told
from statemachines.models import MachineInstance

LOOK_SECONDS = 0.5
HEARING_SECONDS = 15.0
"""The wait for a look where moves are heard of: only for what may have been lost on the way."""
REST_SECONDS = 0.1
"""However much moves: what moves meanwhile is looked at together."""
DEFAULT = "default"


class Bell:
    """Rung by the listener's thread, heard in the loop that it was made in."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.rung = asyncio.Event()

    def set(self) -> None:
        self.loop.call_soon_threadsafe(self.rung.set)

    async def wait(self) -> None:
        """Wait for something that moves, as long as it makes sense to wait for it."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.rung.wait(), HEARING_SECONDS if hears(DEFAULT) else LOOK_SECONDS)
        self.rung.clear()


def follow(request: HttpRequest, user: User, instance: MachineInstance) -> HttpResponseBase:
    """Stream what happens to an instance from now on; the page catches up by itself when the stream begins."""
    feed = Feed(registry.find(instance.machine), actor_of(user), DEFAULT)
    return streaming(request, lambda: feed.stream(instance.pk, instance.sequence))


def board(request: HttpRequest, who: Mapping[str, User]) -> HttpResponseBase:
    """Stream that something moved among what concerns people, each in a role."""
    return streaming(request, lambda: moves(who))


def streaming(request: HttpRequest, stream: Callable[[], AsyncIterator[bytes]]) -> HttpResponseBase:
    if not is_asgi(request):
        return HttpResponse("This server runs under WSGI, which holds no streams open.", status=501)
    connections.close_all()
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(stream(), content_type=EVENT_STREAM, headers=headers)


async def moves(who: Mapping[str, User]) -> AsyncIterator[bytes]:
    """Yield an event whenever it looks different from the last look, and else a comment, for who may be gone.

    The first comes at once: what moved while the stream was opened would else be told by nobody.
    """
    bell = Bell()
    with listened(EVERY, DEFAULT, bell):
        seen = await mark(who)
        yield told("moved", {})
        while True:
            await bell.wait()
            now = await mark(who)
            yield b": still here\n\n" if now == seen else told("moved", {})
            seen = now
            await asyncio.sleep(REST_SECONDS)


@sync_to_async
def mark(who: Mapping[str, User]) -> list[Any]:
    """Return what changes whenever an order of theirs, or their onboarding, takes an event."""
    try:
        return [
            MachineInstance.objects.filter(concerned(role, user)).aggregate(Count("pk"), Sum("sequence"))
            for role, user in who.items()
        ]
    finally:
        connections.close_all()


def concerned(role: str, user: User) -> Q:
    """Return which instances concern somebody in a role."""
    if role == "customer":
        return Q(machine=ONBOARDING, key=str(user.pk)) | Q(order__customer=user)
    if role == "restaurant":
        return Q(order__restaurant__owner=user)
    return Q(order__in=Offer.objects.filter(courier__user=user).values("order"))
