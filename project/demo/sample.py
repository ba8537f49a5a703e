"""The sample orders as typed values: who orders what, how each actor behaves, and how the order must end.

Limits: reads the file; that the scripts lead to the expected ends is proved by the tests and by the demo.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from orders.data import Flow

FILE = Path(__file__).resolve().parents[2] / "orders" / "sample_orders.jsonl"


class Customer(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    country: str
    address: str


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    dish: str
    price: Decimal
    quantity: int


class Restaurant(Struct, frozen=True, forbid_unknown_fields=True):
    """`gives_up` accepts first, `too_late` tries to accept when the order has ended."""

    does: Literal["accepts", "rejects", "gives_up", "never_answers", "too_late"]
    prep_minutes: int = 0
    reason: str = ""


class Delivery(Struct, frozen=True, forbid_unknown_fields=True):
    does: Literal["delivers", "restaurant_rejected"]
    reason: str = ""


class Script(Struct, frozen=True, forbid_unknown_fields=True):
    """How the actors behave; `couriers` says it for each offer in turn."""

    customer: Literal["waits", "cancels", "cancels_too_late"]
    restaurant: Restaurant | None = None
    couriers: tuple[Literal["accepts", "rejects", "lapses", "too_late"], ...] = ()
    delivery: Delivery | None = None


class Expected(Struct, frozen=True, forbid_unknown_fields=True):
    """The root's final state, the flow's, and the event (or the patience that ended) that led there."""

    end: Literal["delivered", "canceled"]
    path: str
    event: str


class SampleOrder(Struct, frozen=True, forbid_unknown_fields=True):
    number: int
    customer: Customer
    restaurant: str
    flow: Flow
    items: tuple[Item, ...]
    script: Script
    expected: Expected


def sample_orders(file: Path = FILE) -> list[SampleOrder]:
    """Read the sample orders. Raises msgspec.ValidationError that names the field."""
    return [msgspec.json.decode(line, type=SampleOrder) for line in file.read_text(encoding="utf-8").splitlines()]
