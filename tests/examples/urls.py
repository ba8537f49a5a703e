"""An async view that drives a door, as a project would write it."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import path

from statemachines.core.events import Actor
from statemachines.engine import acreate, asend
from statemachines.exceptions import EventRefused

from .machines import Open, door

VISITOR = Actor("visitor")


async def open_door(request: HttpRequest, key: str) -> JsonResponse:
    """Make the door and open it, twice: the second time is refused."""
    made = await acreate(door.machine, key, actor=VISITOR)
    await asend(made, Open(), actor=VISITOR, origin="asgi")
    try:
        await asend(made, Open(), actor=VISITOR, origin="asgi")
    except EventRefused as refusal:
        return JsonResponse({"state": made.state, "refused": refusal.code, "possible": refusal.possible}, status=409)
    return JsonResponse({"state": made.state})


urlpatterns = [path("doors/<key>/", open_door)]
