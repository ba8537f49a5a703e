"""Play an order through the pure core: no database, no clock, the courier facts given by hand."""

from decimal import Decimal
from typing import Any

from orders.data import Line, OrderData
from orders.machines import order
from statemachines import Actor, Event, Moment, Occurrence
from statemachines.core.interpreter import start, step
from statemachines.core.snapshot import SetTimer, Snapshot, StartEffect, Step

COURIERS = [
    {"id": number, "user": str(100 + number), "name": name, "email": f"{name.lower()}@couriers.example"}
    for number, name in enumerate(["Ines", "Bram", "Chidi", "Noor"], 1)
]


class Play:
    """An order in play; `step` is the last one taken. Whoever was not asked yet, in order, is the next courier."""

    def __init__(self, flow: str, couriers: int = len(COURIERS), **changes: Any) -> None:
        self.couriers = COURIERS[:couriers]
        lines = (Line("Phở bò", Decimal("13.00"), 2),)
        given: dict[str, Any] = {
            "order": 7,
            "flow": flow,
            "customer": "Selam Tesfaye",
            "address": "Meent 12, Rotterdam",
            "restaurant": 3,
            "restaurant_name": "Pho 79",
            "lines": lines,
            "total": Decimal("26.00"),
        }
        data = OrderData(**given | changes)
        self.step: Step[OrderData] = start(order, data, moment=self.moment(data, None))

    def moment(self, data: OrderData, user: str | None) -> Moment:
        asked = [offer.courier.id for offer in data.offers if offer.courier]
        free = next((courier for courier in self.couriers if courier["id"] not in asked), None)
        return Moment(Actor("user", user) if user else None, facts={"next_courier": free})

    def send(self, event: Event | Occurrence, user: str | None = None) -> Step[OrderData]:
        """Take an event, of the user where one is named."""
        self.step = step(order, self.snapshot, event, moment=self.moment(self.data, user))
        return self.step

    def answer(self, kind: Any, offer: int) -> Step[OrderData]:
        """Answer an offer as the courier to whom it was made."""
        return self.send(kind(offer=offer), user=COURIERS[offer - 1]["user"])

    def elapse(self, delay: str) -> Step[OrderData]:
        """Let a delay of the current state pass."""
        (leaf,) = self.leaves
        return self.send(Occurrence(f"xstate.after.{delay}.order.{leaf}"))

    @property
    def snapshot(self) -> Snapshot[OrderData]:
        return self.step.snapshot

    @property
    def data(self) -> OrderData:
        return self.snapshot.data

    @property
    def leaves(self) -> tuple[str, ...]:
        active = self.snapshot.configuration
        return tuple(path for path in active if not any(other.startswith(path + ".") for other in active))

    @property
    def state(self) -> str:
        return ", ".join(self.leaves)

    @property
    def timers(self) -> dict[str, float]:
        """The delays that the last step started, in seconds."""
        timers = [command for command in self.step.commands if isinstance(command, SetTimer)]
        return {timer.id.split(".")[2]: timer.delay.total_seconds() for timer in timers}

    @property
    def effects(self) -> list[str]:
        """The effects that the last step asked for."""
        return [command.effect.id for command in self.step.commands if isinstance(command, StartEffect)]
