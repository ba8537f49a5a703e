"""What everybody who may see an order is shown of it by its machine: a pure function of state and data.

Limits: people by name; whom an offer was made to is nobody's business.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from statemachines.core.events import Actor
from statemachines.policy import Subject

from .data import Line


class PublicOrder(Struct, frozen=True):
    """An order; `prep_minutes` and `courier` are there once somebody accepted, `canceled_because` once it is."""

    state: tuple[str, ...]
    tags: tuple[str, ...]
    order: int
    flow: str
    customer: str
    address: str
    restaurant: str
    lines: tuple[Line, ...]
    total: Decimal
    prep_minutes: int | None
    courier: str | None
    canceled_because: str


def public_order(subject: Subject, actor: Actor) -> PublicOrder:
    """Return what is shown of an order."""
    data = subject.data
    return PublicOrder(
        state=subject.states,
        tags=tuple(subject.tags),
        order=data.order,
        flow=data.flow,
        customer=data.customer,
        address=data.address,
        restaurant=data.restaurant_name,
        lines=data.lines,
        total=data.total,
        prep_minutes=data.acceptance.prep_minutes if data.acceptance else None,
        courier=data.courier.name if data.courier else None,
        canceled_because=data.canceled_because,
    )
