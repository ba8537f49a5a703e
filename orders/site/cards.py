"""What a page shows of an order: a function of its machine's state, data, timers and history, for one role.

Limits: reads; whose order it is, the view has asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.db.models import Prefetch
from msgspec import Struct

from orders.data import OrderData
from orders.models import Offer, Order
from statemachines.models import HistoryEntry, MachineInstance

from . import texts
from .acts import Button, buttons


class Stage(Struct, frozen=True):
    """A state of the flow on the way to the customer; `standing` is "passed", "now" or "ahead"."""

    name: str
    standing: str


class Line(Struct, frozen=True):
    """Something that happened, in words."""

    at: datetime
    text: str
    sequence: int


class Card(Struct, frozen=True):
    """An order as a role sees it. `key` names the next request, so that a button that is clicked twice is clicked once.

    `due`: when the running timer fires; `pace`: how many seconds a minute of this order lasts.
    """

    order: Order
    role: str
    state: str
    data: OrderData
    told: texts.Told
    buttons: list[Button]
    offer: int
    ended: bool
    tone: str
    stages: list[Stage]
    lines: list[Line]
    due: datetime | None
    sequence: int
    key: str

    @property
    def pace(self) -> float:
        return self.data.seconds_per_minute


def card(order: Order, user: User, role: str) -> Card:
    """Return what somebody is shown of an order."""
    instance = order.instance
    data, ended = instance.snapshot().data, instance.status in MachineInstance.ENDED
    offer = offer_of(order, user) if role == "courier" else 0
    timer = instance.timers.order_by("due_at").first()
    told = texts.told(instance.state, role, data)
    return Card(
        order=order,
        role=role,
        state=instance.state,
        data=data,
        told=told,
        buttons=buttons(order, user, role, offer),
        offer=offer,
        ended=ended,
        tone=instance.state if ended else "running",
        stages=stages(instance, data),
        lines=lines(instance, data),
        due=timer.due_at if timer and told.clock else None,
        sequence=instance.sequence,
        key=uuid4().hex,
    )


def offer_of(order: Order, user: User) -> int:
    """Return the number of the latest offer of an order that was made to a courier; 0 where there is none."""
    return max((one.number for one in order.offers.all() if one.courier.user_id == user.pk), default=0)


def stages(instance: MachineInstance, data: OrderData) -> list[Stage]:
    """Return the flow's states, as the machine has them, but for the one that leads nowhere."""
    flow = instance.registered.machine.chart.by_path[data.flow]
    paths = [node.path for node in flow.children if not node.path.endswith("order_canceled")]
    entries = list(instance.entries.all())
    passed = {path for entry in entries for path in (*entry.source, *entry.target)} - {instance.state}
    if instance.state == "delivered":
        passed.update(paths)
    standing = {path: "passed" if path in passed else "now" if path == instance.state else "ahead" for path in paths}
    return [Stage(STAGES[path.rpartition(".")[2]], where) for path, where in standing.items()]


STAGES = {
    "create_order": "Ordered",
    "order_accepted": "Cooking",
    "order_ready": "Ready",
    "courier_on_the_way": "On the way",
    "delivery_complete": "Delivered",
}


def lines(instance: MachineInstance, data: OrderData, since: int = 0) -> list[Line]:
    """Tell what happened after a sequence, the latest first."""
    entries: Iterable[HistoryEntry] = instance.entries.all()
    found = [Line(one.at, texts.happened(one, data), one.sequence) for one in entries if one.sequence > since]
    return found[::-1]


def with_all(orders: Any) -> Any:
    """Fetch what cards need along with the orders."""
    offers = Prefetch("offers", Offer.objects.select_related("courier"))
    entries = Prefetch("instance__entries", HistoryEntry.objects.order_by("sequence"))
    return orders.select_related("instance", "restaurant", "customer").prefetch_related("items", offers, entries)
