"""A small town: three kinds of restaurants, couriers and customers, on the test's database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from orders.models import Courier, Dish, Order, Restaurant
from orders.services import place_order
from statemachines.actors import actor_of
from statemachines.core.events import Event
from statemachines.engine import send
from statemachines.engine.outbox import run_effect
from statemachines.engine.timers import fire_timer
from statemachines.models import Effect, Timer


class Town:
    """Everybody there is, and what they do."""

    def __init__(self) -> None:
        self.customer = self.user("selam", "Selam", "Tesfaye")
        self.other = self.user("conor", "Conor", "O'Sullivan")
        self.owner = self.user("pho79")
        self.other_owner = self.user("kostas")
        self.restaurants = {
            "standard": self.restaurant("Pho 79", "standard", self.owner),
            "courier_driven": self.restaurant("Toko Mitra", "courier_driven", None),
            "restaurant_driven": self.restaurant("Taverna Kostas", "restaurant_driven", self.other_owner),
        }
        self.couriers = [self.courier(name) for name in ("Ines", "Bram", "Chidi")]

    def user(self, name: str, first: str = "", last: str = "") -> User:
        email = f"{name}@town.example"
        return User.objects.create_user(name, email, "secret", first_name=first, last_name=last)

    def restaurant(self, name: str, kind: str, owner: User | None) -> Restaurant:
        made = Restaurant.objects.create(name=name, kind=kind, owner=owner, email=owner.email if owner else "")
        Dish.objects.create(restaurant=made, name="Soup of the day", price=Decimal("7.50"))
        Dish.objects.create(restaurant=made, name="Bread", price=Decimal("2.25"))
        return made

    def courier(self, name: str) -> Courier:
        return Courier.objects.create(user=self.user(name.lower()), name=name)

    def order(self, kind: str = "standard", customer: User | None = None) -> Order:
        restaurant = self.restaurants[kind]
        soup, bread = restaurant.dishes.order_by("pk")
        return place_order(customer or self.customer, restaurant, {soup: 2, bread: 1}, "Meent 12, Rotterdam")

    def send(self, order: Order, event: Event, user: User) -> None:
        send(order.instance, event, actor=actor_of(user))

    def elapse(self, order: Order) -> None:
        """Let the order's one timer come due, and fire it."""
        timer = Timer.objects.get(instance=order.instance)
        Timer.objects.filter(pk=timer.pk).update(due_at=order.instance.created_at)
        assert fire_timer(timer.pk, "default")
        order.instance.refresh_from_db()

    def run_effects(self, order: Order) -> list[Effect]:
        """Run what waits in the order's outbox."""
        waiting = Effect.objects.filter(instance=order.instance, status=Effect.Status.WAITING)
        for pk in list(waiting.values_list("pk", flat=True)):
            run_effect(pk, "default")
        return list(Effect.objects.filter(instance=order.instance).order_by("pk"))


@pytest.fixture
def town(db: None, settings: Any) -> Town:
    settings.STATEMACHINES = {**settings.STATEMACHINES, "DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}
    return Town()


@pytest.fixture
def anonymous() -> APIClient:
    return APIClient()


def signed_in(user: User) -> APIClient:
    """Return a client that sends the user's name and password with each request."""
    client = APIClient()
    assert client.login(username=user.username, password="secret")
    return client
