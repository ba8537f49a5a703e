"""Who may do what with orders and onboardings: everybody with their own, staff with all.

Orders are placed by `services.place_order`, never created by a client. Limits: whether it is possible now, and which
courier an offer was made to, the machine decides.
"""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth import get_user_model
from django.db.models import Q

from statemachines.core.events import Actor
from statemachines.policy import Policy, Subject
from statemachines.querysets import MachineInstanceQuerySet

from .models import Courier, Offer, Order, Restaurant

CUSTOMER = ("customer_canceled",)
RESTAURANT = ("restaurant_accepted", "restaurant_rejected", "order_delivered")
COURIER = ("courier_accepted", "courier_rejected", "order_delivered", "restaurant_rejected")


def is_staff(actor: Actor) -> bool:
    """Say whether an actor is one of us."""
    return actor.kind == "user" and get_user_model().objects.filter(pk=actor.id, is_staff=True).exists()


class Staffed(Policy):
    """Staff see and operate all, and read how the machine works; so do, of that, all who are signed in."""

    def may_explore(self, actor: Actor) -> bool:
        return actor.kind == "user"

    def may_operate(self, actor: Actor, subject: Subject) -> bool:
        return is_staff(actor)


class OrderPolicy(Staffed):
    """Customers, restaurants and couriers have their own orders; a courier's are those carried or offered."""

    def visible(self, actor: Actor, instances: MachineInstanceQuerySet) -> MachineInstanceQuerySet:
        if actor.kind != "user":
            return instances.none()
        if is_staff(actor):
            return instances
        own = Q(customer=actor.id) | Q(restaurant__owner=actor.id)
        offered = Q(pk__in=Offer.objects.filter(courier__user=actor.id).values("order"))
        return instances.filter(order__in=Order.objects.filter(own | offered).order_by().values("pk"))

    def events(self, actor: Actor, subject: Subject) -> Collection[str]:
        """Name the events by what somebody is to the order; who is more than one thing may send those of each."""
        if is_staff(actor):
            return {*CUSTOMER, *RESTAURANT, *COURIER}
        may: set[str] = set()
        if Order.objects.filter(pk=subject.data.order, customer=actor.id).exists():
            may.update(CUSTOMER)
        if Restaurant.objects.filter(pk=subject.data.restaurant, owner=actor.id).exists():
            may.update(RESTAURANT)
        if Courier.objects.filter(user=actor.id).exists():
            may.update(COURIER)
        return may


class OnboardingPolicy(Staffed):
    """A customer's onboarding is theirs: they see it and may leave it."""

    def visible(self, actor: Actor, instances: MachineInstanceQuerySet) -> MachineInstanceQuerySet:
        if actor.kind != "user":
            return instances.none()
        return instances if is_staff(actor) else instances.filter(key=actor.id)

    def events(self, actor: Actor, subject: Subject) -> Collection[str]:
        return ("unsubscribed",) if actor.kind == "user" and (actor.id == subject.key or is_staff(actor)) else ()
