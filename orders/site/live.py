"""Pages hear of what happens: one order by the machine's own event stream, and what is new among somebody's by a look.

An order's page is told each history entry, by the hub that serves the REST API's streams. A board also has to hear of
orders that are new, which no instance's stream can tell: it is told that something moved, and asks for itself again.
Limits: needs ASGI, else 501, and pages ask every few seconds; a board costs a query for each look.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connections
from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from orders.models import Offer
from orders.onboarding.start import NAME as ONBOARDING
from statemachines.actors import actor_of
from statemachines.api.base import is_asgi
from statemachines.api.stream import EVENT_STREAM, Feed, told
from statemachines.models import MachineInstance

LOOK_SECONDS = 0.5
LOOKS_PER_HEARTBEAT = 30


def follow(request: HttpRequest, user: User, instance: MachineInstance) -> HttpResponseBase:
    """Stream what happens to an instance from now on; the page catches up by itself when the stream begins."""
    feed = Feed(instance.registered, actor_of(user), "default")
    return streaming(request, lambda: feed.stream(instance.pk, instance.sequence))


def board(request: HttpRequest, user: User, role: str) -> HttpResponseBase:
    """Stream that something moved among what concerns somebody."""
    return streaming(request, lambda: moves(user, role))


def streaming(request: HttpRequest, stream: Callable[[], AsyncIterator[bytes]]) -> HttpResponseBase:
    if not is_asgi(request):
        return HttpResponse("This server runs under WSGI, which holds no streams open.", status=501)
    connections.close_all()
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(stream(), content_type=EVENT_STREAM, headers=headers)


async def moves(user: User, role: str) -> AsyncIterator[bytes]:
    """Yield an event whenever it looks different from the last look, and a comment now and then.

    The first comes at once: what moved while the stream was opened would else be told by nobody.
    """
    seen, looks = await mark(user, role), 0
    yield told("moved", {})
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now, looks = await mark(user, role), looks + 1
        if now != seen:
            seen = now
            yield told("moved", {})
        elif looks % LOOKS_PER_HEARTBEAT == 0:
            yield b": still here\n\n"


@sync_to_async
def mark(user: User, role: str) -> Any:
    """Return what changes whenever an order of theirs, or their onboarding, takes an event."""
    concerned = {
        "customer": Q(machine=ONBOARDING, key=str(user.pk)) | Q(order__customer=user),
        "restaurant": Q(order__restaurant__owner=user),
        "courier": Q(order__in=Offer.objects.filter(courier__user=user).values("order")),
    }
    try:
        return MachineInstance.objects.filter(concerned[role]).aggregate(Count("pk"), Sum("sequence"))
    finally:
        connections.close_all()
