"""Orders in play, on the machine alone; the couriers whom the database would find are given by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from orders.couriers import next_courier
from orders.data import Courier, Line, OrderData
from orders.events import CourierAccepted, CourierRejected, RestaurantAccepted
from orders.machines import order
from statemachines import Actor
from statemachines.testing import Run, play

INES, BRAM, CHIDI, NOOR = COURIERS = [
    Courier(number, str(100 + number), name, f"{name.lower()}@couriers.example")
    for number, name in enumerate(["Ines", "Bram", "Chidi", "Noor"], 1)
]


def placed(flow: str, couriers: list[Courier] = COURIERS, **changes: Any) -> Run[OrderData]:
    """Place an order of this flow; who was not asked yet, in order, is the next courier."""
    data: dict[str, Any] = {
        "order": 7,
        "flow": flow,
        "customer": "Selam Tesfaye",
        "address": "Meent 12, Rotterdam",
        "restaurant": 3,
        "restaurant_name": "Pho 79",
        "lines": (Line("Phở bò", Decimal("13.00"), 2),),
        "total": Decimal("26.00"),
    }

    def free(data: OrderData) -> dict[str, Any] | None:
        asked = [offer.courier.id for offer in data.offers if offer.courier]
        found = next((courier for courier in couriers if courier.id not in asked), None)
        return found and {"id": found.id, "user": found.user, "name": found.name, "email": found.email}

    return play(order, OrderData(**data | changes), facts={next_courier: free})


def cooked(flow: str, **more: Any) -> Run[OrderData]:
    """An order whose restaurant accepted, and whose food is ready."""
    run = placed(flow, **more)
    run.send(RestaurantAccepted(prep_minutes=10))
    run.advance(minutes=10)
    return run


def asking(flow: str, **more: Any) -> Run[OrderData]:
    """An order that waits for a courier's answer to the first offer."""
    return cooked(flow, **more) if flow == "standard" else placed(flow, **more)


def on_the_way(flow: str) -> Run[OrderData]:
    """An order that somebody brings: Ines, where couriers do."""
    if flow == "restaurant_driven":
        return cooked(flow)
    run = asking(flow)
    run.send(CourierAccepted(offer=1), actor=by(INES))
    return run


def by(courier: Courier) -> Actor:
    return Actor("user", courier.user, courier.name)


def rejected(run: Run[OrderData], *couriers: Courier) -> None:
    """Have couriers reject the offers that are made to them, one after another."""
    for courier in couriers:
        assert run.data.offer is not None
        run.send(CourierRejected(offer=run.data.offer.number), actor=by(courier))
