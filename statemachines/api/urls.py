"""The generic endpoints: `path("machines/", include("statemachines.api.urls"))`.

A machine without a policy has none. Limits: what is registered after this module was imported is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, path

from statemachines import registry
from statemachines.registry import Registered

from .base import NOWHERE
from .events import Events, OneEvent, known_events
from .instances import Act, History, Instance, Instances
from .machines import Definition, Description, Machines, Picture, Simulate, SimulateInstance
from .stream import Stream

ACTS = ("pause", "resume", "cancel")


def routes() -> Iterator[Any]:
    """Yield the routes of all machines that have a policy."""
    yield path("", Machines.as_view(), name="machines")
    yield path("openapi.json", Description.as_view(), name="openapi")
    for registered in registry.machines():
        if registered.policy is not None:
            yield from routes_of(registered)
    yield NOWHERE


def routes_of(registered: Registered) -> Iterator[URLPattern]:
    """Yield the routes of a machine."""
    name = registered.name
    one = f"{name}/instances/<int:pk>"

    def route(at: str, view: Any, called: str, **more: str) -> URLPattern:
        made: URLPattern = path(at, view.as_view(machine=name, **more), name=f"{name}-{called}")
        return made

    yield route(f"{name}/", Definition, "definition")
    yield route(f"{name}/picture.svg", Picture, "picture")
    yield route(f"{name}/simulate/", Simulate, "simulate")
    yield route(f"{name}/instances/", Instances, "instances")
    yield route(f"{one}/", Instance, "instance")
    yield route(f"{one}/history/", History, "history")
    yield route(f"{one}/stream/", Stream, "stream")
    yield route(f"{one}/simulate/", SimulateInstance, "instance-simulate")
    for act in ACTS:
        yield route(f"{one}/{act}/", Act, act, act=act)
    yield route(f"{one}/events/", Events, "events")
    for event in known_events(registered.machine):
        yield route(f"{one}/events/{event}/", OneEvent, f"event-{event}", event=event)
    yield route(f"{one}/events/<path:type>/", OneEvent, "event")


urlpatterns = list(routes())
