"""The buttons: events that a role may send, and of those the ones that the machine would take now.

That is not decided here. The policy is asked who may, and the machine itself is played one event further, by who looks.
Limits: labels and form fields; the event is sent by `sending`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from django.contrib.auth.models import User
from msgspec import Struct

from orders.events import (
    CourierAccepted,
    CourierRejected,
    CustomerCanceled,
    OrderDelivered,
    RestaurantAccepted,
    RestaurantRejected,
)
from orders.models import Order
from statemachines.actors import actor_of
from statemachines.core.events import Event, event_type
from statemachines.core.scenes import resume
from statemachines.engine.standing import scene_of
from statemachines.exceptions import EventRefused
from statemachines.policy import subject_of

EXAMPLE = {"prep_minutes": 15, "reason": ""}
"""What a form begins with."""


class Act(Struct, frozen=True):
    """An event as a button: `label` by a tag of the state ("" for all others); `asks` is what a person fills in."""

    event: type[Event]
    label: Mapping[str, str]
    good: bool = True
    asks: str = ""

    @property
    def name(self) -> str:
        return event_type(self.event)

    def read(self, given: Mapping[str, Any]) -> Event:
        """Make the event of a form's fields. Raises msgspec.ValidationError."""
        fields = {name: given[name] for name in self.event.__struct_fields__ if name in given}
        return msgspec.convert(fields | {"type": self.name}, self.event, strict=False)


ACTS: dict[str, tuple[Act, ...]] = {
    "customer": (Act(CustomerCanceled, {"": "Cancel the order"}, good=False),),
    "restaurant": (
        Act(RestaurantAccepted, {"": "Accept"}, asks="prep_minutes"),
        Act(RestaurantRejected, {"": "Reject", "in_the_kitchen": "Cancel after all"}, good=False, asks="reason"),
        Act(OrderDelivered, {"": "Delivered"}),
    ),
    "courier": (
        Act(CourierAccepted, {"": "Accept"}),
        Act(CourierRejected, {"": "Reject"}, good=False),
        Act(OrderDelivered, {"": "Delivered"}),
        Act(RestaurantRejected, {"": "They do not sell it"}, good=False, asks="reason"),
    ),
}


class Button(Struct, frozen=True):
    """An act that would be taken now."""

    name: str
    label: str
    good: bool
    asks: str


def buttons(order: Order, user: User, role: str, offer: int) -> list[Button]:
    """Return what somebody could do with an order now; `offer` is the number of the one made to them, else 0."""
    actor, subject, registered = actor_of(user), subject_of(order.instance), order.instance.registered
    may = registered.policy.events(actor, subject) if registered.policy else ()
    now = resume(registered.machine, scene_of(order.instance), facts=lambda name, data: None, actor=actor)

    def taken(act: Act) -> bool:
        try:
            now.copy().send(act.read(EXAMPLE | {"offer": max(offer, 1)}), actor=actor)
        except EventRefused:
            return False
        return True

    return [
        Button(
            act.name,
            next((act.label[tag] for tag in subject.tags if tag in act.label), act.label[""]),
            act.good,
            act.asks,
        )
        for act in ACTS[role]
        if act.name in may and taken(act)
    ]


def act_of(role: str, name: str) -> Act | None:
    """Find an act by the name of its event."""
    return next((act for act in ACTS[role] if act.name == name), None)
