"""How the orders ended, read from the database, beside how the sample says that they must.

Limits: reads; how it looks is `report`'s business.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from orders.models import Order
from statemachines.models import Effect, HistoryEntry

from . import onboardings
from .sample import SampleOrder


@dataclass(frozen=True)
class Figures:
    """How far all is: orders placed and ended, customers served (now or before), of those how many onboarded."""

    placed: int
    delivered: int
    canceled: int
    served: int
    onboarded: int

    @property
    def ended(self) -> int:
        return self.delivered + self.canceled


def figures(placed: Collection[int], former: Collection[str]) -> Figures:
    """Count these orders, and the onboardings of their customers and of former ones."""
    states = Order.objects.filter(pk__in=placed).count_by_state()
    served = [*onboardings.served(placed), *former]
    ends = [states.get(end, 0) for end in ("delivered", "canceled")]
    return Figures(len(placed), *ends, len(served), onboardings.ended(served))


@dataclass(frozen=True)
class Outcome:
    """An order's end: the root's final state (or where it stands still), the flow's, and the event that led there."""

    sample: SampleOrder
    order: Order
    end: str
    path: str
    event: str
    surprises: tuple[str, ...] = ()

    @property
    def as_expected(self) -> bool:
        expected = self.sample.expected
        return not self.surprises and (self.end, self.path, self.event) == (expected.end, expected.path, expected.event)


def outcomes(placed: Mapping[int, SampleOrder], surprises: Mapping[int, Iterable[str]]) -> list[Outcome]:
    """Return each placed order's outcome, in the order of the sample."""
    orders = Order.objects.select_related("instance").in_bulk(placed)
    found = []
    for pk, sample in sorted(placed.items(), key=lambda item: item[1].number):
        order = orders[pk]
        last = order.instance.entries.last()
        found.append(
            Outcome(
                sample, order, order.instance.state, flow_end(last), plain(last.event), tuple(surprises.get(pk, ()))
            )
        )
    return found


def flow_end(entry: HistoryEntry) -> str:
    """Return the path of the flow's final state that the entry's step passed through, or where it stands."""
    entered = [path for microstep in entry.microsteps for path in microstep.get("entered", ())]
    inside = [path for path in entered if "." in path]
    return inside[-1] if inside else entry.target[-1]


def plain(event: str) -> str:
    """Name a timer's event by its delay: what it is to a reader."""
    return event.split(".")[2] if event.startswith("xstate.after.") else event


def effects_by_sequence(order: Order) -> dict[int, list[str]]:
    """Return what each step asked the workers to do, and how that went."""
    found: dict[int, list[str]] = {}
    for effect in Effect.objects.filter(instance=order.instance).order_by("pk"):
        attempts = f", attempt {effect.attempts}" if effect.attempts > 1 else ""
        status = "✓" if effect.status == Effect.Status.APPLIED else f"({effect.get_status_display()})"
        told = f"{effect.name.rpartition('.')[2]} {status}{attempts}"
        found.setdefault(effect.sequence, []).append(told)
    return found
