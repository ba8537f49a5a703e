"""What may happen to an order, for tests that find their own ways through its machine."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from orders.couriers import next_courier
from orders.data import Flow, Line, OrderData
from orders.events import CourierAccepted, CourierRejected, RestaurantAccepted
from statemachines.core.snapshot import Snapshot

FLOWS: tuple[Flow, ...] = ("standard", "courier_driven", "restaurant_driven")


def placed(flow: Flow) -> OrderData:
    line = Line("Phở bò", Decimal("13.00"), 2)
    return OrderData(7, flow, "Selam", "Meent 12", 3, "Pho 79", (line,), Decimal("26.00"))


def free(data: OrderData) -> dict[str, Any]:
    """There is always another courier."""
    number = len(data.offers) + 1
    return {"id": number, "user": str(100 + number), "name": f"Courier {number}", "email": f"{number}@couriers.example"}


def accepts(snapshot: Snapshot[OrderData]) -> list[CourierAccepted]:
    return [CourierAccepted(offer=len(snapshot.data.offers))]


def rejects(snapshot: Snapshot[OrderData]) -> list[CourierRejected]:
    return [CourierRejected(offer=len(snapshot.data.offers))]


WAYS: dict[str, Any] = {
    "starts": [placed(flow) for flow in FLOWS],
    "events": {
        RestaurantAccepted: [RestaurantAccepted(prep_minutes=20)],
        "courier_accepted": accepts,
        "courier_rejected": rejects,
    },
    "facts": {next_courier: free},
}
