"""The orders' policy, through the generic API: everybody has their own, staff have all."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from orders.models import Order
from statemachines.models import MachineInstance

from .conftest import Town, signed_in

ORDERS = "/api/machines/orders.order/instances/"


def seen(user: User) -> list[int]:
    return [one["view"]["order"] for one in signed_in(user).get(ORDERS).json()["items"]]


def ready(town: Town) -> Order:
    order = town.order()
    path = f"{ORDERS}{order.instance.pk}/events/restaurant_accepted/"
    assert signed_in(town.owner).post(path, {"prep_minutes": 10}, format="json").status_code == 200
    town.elapse(order)
    return order


def test_everybody_sees_their_own(town: Town) -> None:
    """Customers, restaurants and couriers see orders of theirs, a courier those offered; staff see all."""
    order, other = ready(town), town.order("restaurant_driven", town.other)
    staff = User.objects.create_user("sue", password="secret", is_staff=True)
    assert seen(town.customer) == seen(town.owner) == seen(town.couriers[0].user) == [order.pk]
    assert seen(town.other) == seen(town.other_owner) == [other.pk]
    assert seen(town.couriers[1].user) == []
    assert seen(staff) == [other.pk, order.pk]


def test_an_order_is_driven_to_its_end(town: Town) -> None:
    """Each sends what is theirs, as typed events; the view tells what they may know, and no more."""
    order = ready(town)
    courier, path = signed_in(town.couriers[0].user), f"{ORDERS}{order.instance.pk}/events/"
    assert courier.post(f"{path}courier_accepted/", {"offer": 1}, format="json").json()["view"]["courier"] == "Ines"
    view = courier.post(f"{path}order_delivered/", {}, format="json").json()["view"]
    assert (view["state"], view["tags"], view["total"], view["prep_minutes"]) == (["delivered"], ["ended"], "17.25", 10)
    assert "email" not in str(view)


@pytest.mark.parametrize(
    ("who", "event", "body"),
    [
        ("customer", "restaurant_accepted", {"prep_minutes": 1}),
        ("customer", "order_delivered", {}),
        ("owner", "customer_canceled", {}),
        ("owner", "courier_accepted", {"offer": 1}),
        ("courier", "customer_canceled", {}),
        ("courier", "restaurant_accepted", {"prep_minutes": 1}),
    ],
)
def test_events_of_other_roles_are_forbidden(town: Town, who: str, event: str, body: Any) -> None:
    """What is another role's to say is answered by 403, whatever the state, and changes nothing."""
    order = ready(town)
    user = town.couriers[0].user if who == "courier" else getattr(town, who)
    before = MachineInstance.objects.get().sequence
    answer = signed_in(user).post(f"{ORDERS}{order.instance.pk}/events/{event}/", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert MachineInstance.objects.get().sequence == before
    possible = signed_in(user).get(f"{ORDERS}{order.instance.pk}/events/").json()["events"]
    assert event not in [one["type"] for one in possible]


def test_orders_are_placed_not_created(town: Town) -> None:
    """Nobody creates an order's machine with data of their own choice."""
    staff = User.objects.create_user("sue", password="secret", is_staff=True)
    data = {"order": 1, "flow": "standard", "customer": "me", "address": "x", "restaurant": 1}
    data |= {"restaurant_name": "x", "lines": [], "total": "0"}
    for user in (town.customer, town.owner, staff):
        answer = signed_in(user).post(ORDERS, {"data": data}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_staff_operate(town: Town) -> None:
    """Only staff pause an order."""
    order = town.order()
    staff = User.objects.create_user("sue", password="secret", is_staff=True)
    for user, status in [(town.customer, 403), (town.owner, 403), (town.other, 404), (staff, 200)]:
        path = f"{ORDERS}{order.instance.pk}/pause/"
        assert signed_in(user).post(path, {"reason": "x"}, format="json").status_code == status


def test_reading_an_order_costs_few_queries(town: Town, django_assert_max_num_queries: Any) -> None:
    """Beside signing in (2): whether they are staff, and the order."""
    order, client = town.order(), signed_in(town.customer)
    with django_assert_max_num_queries(4):
        assert client.get(f"{ORDERS}{order.instance.pk}/").status_code == 200
