"""What a page shows of an order: a function of its machine's state, data, timers and history, for one role.

Limits: reads; whose order it is, the view has asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from math import ceil
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.db.models import Prefetch
from django.utils.timezone import now
from msgspec import Struct

from orders.data import Line, OrderData
from orders.models import Offer, Order
from orders.services import order_data
from statemachines import registry
from statemachines.exceptions import UnknownVersion
from statemachines.models import HistoryEntry, MachineInstance

from . import texts
from .acts import Button, buttons


class Stage(Struct, frozen=True):
    """A state of the flow on the way to the customer; `standing` is "passed", "now" or "ahead"."""

    name: str
    standing: str


class Happening(Struct, frozen=True):
    """Something that happened, in words."""

    at: datetime
    text: str
    sequence: int


class Card(Struct, frozen=True):
    """An order as a role sees it. `key` names the next request, so that a button that is clicked twice is clicked once.

    `due`: when the running timer fires, and `left` until then, as "12:30"; `pace`: how many seconds a minute of this
    order lasts.
    """

    order: Order
    role: str
    data: OrderData
    told: texts.Told
    buttons: list[Button]
    offer: int
    ended: bool
    tone: str
    stages: list[Stage]
    lines: list[Happening]
    due: datetime | None
    left: str
    sequence: int
    key: str

    @property
    def pace(self) -> float:
        return self.data.seconds_per_minute


def card(order: Order, user: User, role: str) -> Card:
    """Return what somebody is shown of an order."""
    instance, data, known = order.instance, data_of(order), knows(order.instance)
    ended = instance.status in MachineInstance.ENDED
    state = end_of(instance.state) if ended else instance.state
    offer = offer_of(order, user) if role == "courier" else 0
    timer = instance.timers.order_by("due_at").first()
    told = texts.told(state, role, data) if known or ended else texts.EARLIER
    return Card(
        order=order,
        role=role,
        data=data,
        told=told,
        buttons=buttons(order, user, role, offer) if known else [],
        offer=offer,
        ended=ended,
        tone=state if ended else "running",
        stages=stages(instance, state, data),
        lines=lines(instance, data),
        due=timer.due_at if timer and told.clock else None,
        left=left(timer.due_at, data) if timer else "",
        sequence=instance.sequence,
        key=uuid4().hex,
    )


def knows(instance: MachineInstance) -> bool:
    """Say whether this code has the version that an instance is on."""
    try:
        return bool(instance.registered)
    except UnknownVersion:
        return False


def data_of(order: Order) -> OrderData:
    """Return what an order's machine owns; of one that an earlier release began, what the order itself says."""
    if knows(order.instance):
        data: OrderData = order.instance.snapshot().data
        return data
    return order_data(order, tuple(Line(one.dish, one.price, one.quantity) for one in order.items.all()))


def end_of(state: str) -> str:
    """Name the end of an order, whichever version it ended as."""
    return "delivered" if leaf(state) in ("delivered", "delivery_complete") else "canceled"


def leaf(path: str) -> str:
    return path.rpartition(".")[2]


def left(due: datetime, data: OrderData) -> str:
    """Say how much of the order's own time is left, as the page's script goes on counting."""
    minutes, seconds = divmod(ceil(max(0.0, (due - now()).total_seconds()) / data.seconds_per_minute * 60), 60)
    return f"{minutes}:{seconds:02}"


def offer_of(order: Order, user: User) -> int:
    """Return the number of the latest offer of an order that was made to a courier; 0 where there is none."""
    return max((one.number for one in order.offers.all() if one.courier.user_id == user.pk), default=0)


def stages(instance: MachineInstance, state: str, data: OrderData) -> list[Stage]:
    """Return the flow's states, as the current machine has them, but for the one that leads nowhere."""
    flow = registry.find(instance.machine).machine.chart.by_path[data.flow]
    ahead = [name for node in flow.children if (name := leaf(node.path)) != "order_canceled"]
    entries = list(instance.entries.all())
    passed = {leaf(path) for entry in entries for path in (*entry.source, *entry.target)} - {leaf(state)}
    if state == "delivered":
        passed.update(ahead)
    standing = {name: "passed" if name in passed else "now" if name == leaf(state) else "ahead" for name in ahead}
    return [Stage(STAGES[name], where) for name, where in standing.items()]


STAGES = {
    "create_order": "Ordered",
    "order_accepted": "Cooking",
    "order_ready": "Ready",
    "courier_on_the_way": "On the way",
    "delivery_complete": "Delivered",
}


def lines(instance: MachineInstance, data: OrderData, since: int = 0) -> list[Happening]:
    """Tell what happened after a sequence, the latest first."""
    entries: Iterable[HistoryEntry] = instance.entries.all()
    found = [Happening(one.at, texts.happened(one, data), one.sequence) for one in entries if one.sequence > since]
    return found[::-1]


def with_all(orders: Any) -> Any:
    """Fetch what cards need along with the orders."""
    offers = Prefetch("offers", Offer.objects.select_related("courier"))
    entries = Prefetch("instance__entries", HistoryEntry.objects.order_by("sequence"))
    return orders.select_related("instance", "restaurant", "customer").prefetch_related("items", offers, entries)
