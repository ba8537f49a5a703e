"""Questions about orders, offers and couriers, answered in SQL.

Limits: an order's state is its instance's; questions about it go through the instance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from statemachines.models import MachineInstance

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

    from .models import Courier

WAITING_FOR_COURIER = ("standard.order_ready", "courier_driven.create_order")


class OrderQuerySet(QuerySet[Any]):
    def in_state(self, *paths: str) -> OrderQuerySet:
        """Keep the orders in which one of the states is active: "standard" as well as "standard.order_ready"."""
        instances = MachineInstance.objects.of("orders.order")
        return self.filter(
            _any(Q(instance__in=instances.in_state(path).values("pk")) for path in paths),
        )

    def count_by_state(self) -> dict[str, int]:
        """Count the orders by their active state."""
        return MachineInstance.objects.of("orders.order").filter(order__in=self.order_by()).count_by_state()

    def delivered_by(self, courier: Courier) -> OrderQuerySet:
        """Keep the orders that a courier accepted."""
        return self.filter(instance__data__courier__id=courier.pk)

    def of_restaurants_of(self, user: AbstractBaseUser) -> OrderQuerySet:
        """Keep the orders of the restaurants that a user owns."""
        return self.filter(restaurant__owner=user)


class OfferQuerySet(QuerySet[Any]):
    def open(self) -> OfferQuerySet:
        """Keep the offers that can be answered: the latest of an order that waits for a courier."""
        later = self.model.objects.filter(order=OuterRef("order"), number__gt=OuterRef("number"))
        waiting = self.model._meta.get_field("order").related_model.objects.in_state(*WAITING_FOR_COURIER)
        return self.filter(~Exists(later), order__in=waiting.order_by().values("pk"))


class CourierQuerySet(QuerySet[Any]):
    def at_work(self) -> CourierQuerySet:
        return self.filter(at_work=True)

    def longest_without_offer(self) -> Courier | None:
        """Return who got the last offer before all others; those who never got one come first."""
        offers = self.model._meta.get_field("offers").related_model.objects
        last = offers.filter(courier=OuterRef("pk")).order_by("-pk").values("pk")[:1]
        asked = self.select_related("user").annotate(last_offer=Subquery(last))
        found: Courier | None = asked.order_by(F("last_offer").asc(nulls_first=True), "pk").first()
        return found


def _any(conditions: Any) -> Q:
    found = Q()
    for condition in conditions:
        found |= condition
    return found
