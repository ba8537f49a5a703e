"""The orders' own endpoints against what somebody may try: on every one that takes a body, or a number."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from orders.models import Order
from statemachines.models import HistoryEntry

from .conftest import Town, signed_in
from .test_views import COURIER, CUSTOMER, LISTS, RESTAURANT, ready

DEEP = b'{"reason": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
ACTS = [path for method, path in CUSTOMER + RESTAURANT + COURIER if method == "post"]


def role_of(town: Town, path: str) -> Any:
    """Return who may use an endpoint."""
    users = {"customer": town.customer, "restaurant": town.owner, "courier": town.couriers[0].user}
    return signed_in(users[path.partition("/")[0]])


def address(path: str, order: Order) -> str:
    return f"/api/{path.format(order=order.pk, offer=order.offers.get().pk)}"


@pytest.mark.parametrize("path", [*ACTS, "customer/orders/", "customer/onboarding/unsubscribe/"])
@pytest.mark.parametrize(
    ("body", "kind", "statuses"),
    [
        (b"{", "application/json", {400, 404}),
        (b"[]", "application/json", {400, 404}),
        (DEEP, "application/json", {400, 404}),
        (b'{"reason": "' + b"x" * 3_000_000 + b'"}', "application/json", {413, 404}),
        (b"reason=x", "application/x-www-form-urlencoded", {415, 404}),
        (b"<reason/>", "text/xml", {415, 404}),
        (b'{"state": "delivered", "instance": 1, "total": "0", "customer": 1}', "application/json", {400, 404}),
        (b'{"actor": "admin", "type": "order_delivered"}', "application/json", {400, 404}),
    ],
)
def test_bodies_may_be_anything(town: Town, path: str, body: bytes, kind: str, statuses: set[int]) -> None:
    """What is no payload of the event is told, as a problem; it changes no order, and no column is ever assigned."""
    order = ready(town)
    before = HistoryEntry.objects.count()
    answer = role_of(town, path).generic("POST", address(path, order), body, content_type=kind)
    assert answer.status_code in statuses, answer.content[:300]
    assert answer["Content-Type"] == "application/problem+json"
    assert (Order.objects.count(), HistoryEntry.objects.count()) == (1, before)


@pytest.mark.parametrize("minutes", [0, -1, 241, 10**30, 1.5, True, "10", None])
def test_numbers_have_bounds(town: Town, minutes: Any) -> None:
    """A number out of range, or none, is told with what would be right."""
    order = town.order()
    path = f"/api/restaurant/orders/{order.pk}/accept/"
    answer = signed_in(town.owner).post(path, {"prep_minutes": minutes}, format="json")
    assert (answer.status_code, answer.json()["field"]) == (400, "prep_minutes")


@pytest.mark.parametrize("field", ["restaurant", "dish"])
@pytest.mark.parametrize("number", [-1, 0, 2**63, 10**30])
def test_what_is_named_by_a_number_has_to_be_there(town: Town, field: str, number: int) -> None:
    """Restaurants and dishes that are not there, however large their number is."""
    restaurant = town.restaurants["standard"]
    dish = number if field == "dish" else restaurant.dishes.first().pk
    wanted = {"restaurant": number if field == "restaurant" else restaurant.pk, "address": "Meent 12"}
    answer = signed_in(town.customer).post("/api/customer/orders/", wanted | {"items": [{"dish": dish}]}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize("pk", ["0", "-1", "9" * 30, "9" * 5000, "x", "%00", "1%0a", "..", "1;drop"])
def test_numbers_in_addresses_may_be_anything(town: Town, pk: str) -> None:
    """What is no order's number is not there."""
    for path in ("customer/orders", "restaurant/orders", "courier/offers", "courier/deliveries"):
        assert role_of(town, path).get(f"/api/{path}/{pk}/").status_code == 404, path


@pytest.mark.parametrize(
    "query", ["state=", "state=%00", "state=a&state=b", "limit=x", "offset=-1", "offset=" + "9" * 30]
)
def test_parameters_may_be_anything(town: Town, query: str) -> None:
    """A parameter that makes no sense is no error of ours."""
    ready(town)
    for path in LISTS:
        user = town.customer if path == "restaurants/" else None
        client = signed_in(user) if user else role_of(town, path)
        assert client.get(f"/api/{path}?{query}").status_code in {200, 400}, path


def test_staff_are_nobody_here(town: Town) -> None:
    """Who is of the staff has no orders of their own: theirs are the admin, and the API of all machines."""
    order = ready(town)
    client = signed_in(User.objects.create_user("sue", password="secret", is_staff=True))
    for path in ACTS:
        expected = 404 if path.startswith("customer") else 403
        assert client.post(address(path, order)).status_code == expected, path
