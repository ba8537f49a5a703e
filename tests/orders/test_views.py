"""The API: each actor does what is theirs, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from orders.events import RestaurantAccepted
from orders.models import Order

from .conftest import Town, signed_in

Answer = Any


def accepted(town: Town) -> Order:
    order = town.order()
    town.send(order, RestaurantAccepted(prep_minutes=10), town.owner)
    return order


def ready(town: Town) -> Order:
    order = accepted(town)
    town.elapse(order)
    return order


def test_a_customer_places_an_order(town: Town) -> None:
    """A customer places an order from a menu, and sees where it is and what can happen to it."""
    client = signed_in(town.customer)
    menu = next(one for one in client.get("/api/restaurants/").json()["results"] if one["name"] == "Pho 79")
    items = [{"dish": menu["dishes"][0]["id"], "quantity": 3}]
    answer = client.post(
        "/api/customer/orders/", {"restaurant": menu["id"], "address": "Meent 12", "items": items}, format="json"
    )
    seen = answer.json()
    assert answer.status_code == 201
    assert (seen["state"], seen["total"], seen["items"][0]["quantity"]) == ("standard.create_order", "22.50", 3)
    assert seen["possible"] == ["restaurant_accepted", "restaurant_rejected", "customer_canceled"]
    assert client.get(f"/api/customer/orders/{seen['id']}/").json() == seen


@pytest.mark.parametrize(
    ("change", "field", "expected", "received"),
    [
        ({"restaurant": "Pho 79"}, "restaurant", "int", "str"),
        ({"restaurant": 0}, "restaurant", "a restaurant", "0"),
        ({"items": []}, "items", "length >= 1", "[]"),
        ({"address": ""}, "address", "length >= 1", "''"),
        ({"items": [{"dish": 0}]}, "items[0].dish", "a dish on the restaurant's menu", "0"),
        ({"items": [{"dish": "soup"}]}, "items[0].dish", "int", "str"),
        ({"tip": 3}, "tip", "no such field", "one"),
    ],
)
def test_a_bad_order_is_told_what_is_wrong(town: Town, change: Any, field: str, expected: str, received: str) -> None:
    """A bad payload is answered by 400 with the field, what was expected and what was received."""
    restaurant = town.restaurants["standard"]
    good = {"restaurant": restaurant.pk, "address": "Meent 12", "items": [{"dish": restaurant.dishes.first().pk}]}
    answer = signed_in(town.customer).post("/api/customer/orders/", good | change, format="json")
    told = answer.json()
    assert answer.status_code == 400
    assert told["field"] == field
    assert expected in told["expected"]
    assert received in told["received"]
    assert Order.objects.count() == 0


@pytest.mark.parametrize("quantity", [0, -1, 10_000])
def test_quantities_have_bounds(town: Town, quantity: int) -> None:
    """Less than one of a dish, or more than a kitchen can cook, is a bad payload."""
    restaurant = town.restaurants["standard"]
    items = [{"dish": restaurant.dishes.first().pk, "quantity": quantity}]
    wanted = {"restaurant": restaurant.pk, "address": "Meent 12", "items": items}
    answer = signed_in(town.customer).post("/api/customer/orders/", wanted, format="json")
    assert (answer.status_code, answer.json()["field"]) == (400, "items[0].quantity")


@pytest.mark.parametrize(
    ("body", "field", "expected", "received"),
    [
        ({}, "prep_minutes", "a value", "none"),
        ({"prep_minutes": "soon"}, "prep_minutes", "int", "str"),
        ({"prep_minutes": 10, "offer": 1}, "offer", "no such field", "one"),
        ([10], "", "object", "list"),
    ],
)
def test_a_bad_event_is_told_what_is_wrong(town: Town, body: Any, field: str, expected: str, received: str) -> None:
    """An event whose payload does not fit is answered by 400 with field, expected and received; nothing changes."""
    order = town.order()
    answer = signed_in(town.owner).post(f"/api/restaurant/orders/{order.pk}/accept/", body, format="json")
    told = answer.json()
    assert answer.status_code == 400
    assert (told["field"], told["expected"], told["received"]) == (field, expected, received)
    assert order.instance.entries.count() == 1


def test_a_restaurant_accepts_and_rejects(town: Town) -> None:
    """A restaurant accepts with its preparation time, and may still reject while it cooks."""
    order, client = town.order(), signed_in(town.owner)
    answer = client.post(f"/api/restaurant/orders/{order.pk}/accept/", {"prep_minutes": 15}, format="json")
    assert (answer.status_code, answer.json()["state"]) == (200, "standard.order_accepted")
    assert answer.json()["prep_minutes"] == 15
    answer = client.post(f"/api/restaurant/orders/{order.pk}/reject/", {"reason": "The cook is ill"}, format="json")
    assert (answer.json()["state"], answer.json()["canceled_because"]) == ("canceled", "The cook is ill")


def test_a_refusal_is_a_409_that_explains(town: Town) -> None:
    """An event that is not possible now is answered by 409 with code, text, state and what would be possible."""
    order = accepted(town)
    answer = signed_in(town.owner).post(
        f"/api/restaurant/orders/{order.pk}/accept/", {"prep_minutes": 5}, format="json"
    )
    told = answer.json()
    assert (answer.status_code, told["code"]) == (409, "not_possible")
    assert told["state"] == ["standard", "standard.order_accepted"]
    assert told["possible"] == ["restaurant_rejected"]
    assert "restaurant_accepted" in told["detail"]


def test_an_order_that_has_ended_takes_nothing(town: Town) -> None:
    """An order that has ended refuses every event as ended."""
    order, client = town.order(), signed_in(town.customer)
    assert client.post(f"/api/customer/orders/{order.pk}/cancel/").json()["state"] == "canceled"
    answer = client.post(f"/api/customer/orders/{order.pk}/cancel/")
    assert (answer.status_code, answer.json()["code"]) == (409, "ended")


def test_a_courier_accepts_and_delivers(town: Town) -> None:
    """A courier sees the offer made to them with what the restaurant accepted, takes it, and delivers."""
    order, client = ready(town), signed_in(town.couriers[0].user)
    (offer,) = client.get("/api/courier/offers/").json()
    assert (offer["order"]["id"], offer["order"]["prep_minutes"]) == (order.pk, 10)
    answer = client.post(f"/api/courier/offers/{offer['id']}/accept/")
    assert (answer.status_code, answer.json()["courier"]) == (200, "Ines")
    assert client.get("/api/courier/offers/").json() == []
    (delivery,) = client.get("/api/courier/deliveries/").json()["results"]
    answer = client.post(f"/api/courier/deliveries/{delivery['id']}/delivered/")
    assert (answer.status_code, answer.json()["state"]) == (200, "delivered")


def test_a_courier_who_rejected_comes_too_late(town: Town) -> None:
    """A courier who rejected is refused when they accept after all; the next courier has the offer."""
    ready(town)
    client = signed_in(town.couriers[0].user)
    (offer,) = client.get("/api/courier/offers/").json()
    assert client.post(f"/api/courier/offers/{offer['id']}/reject/").status_code == 200
    answer = client.post(f"/api/courier/offers/{offer['id']}/accept/")
    told = answer.json()
    assert (answer.status_code, told["code"]) == (409, "offer_lapsed")
    assert told["possible"] == ["courier_accepted", "courier_rejected"]
    assert len(signed_in(town.couriers[1].user).get("/api/courier/offers/").json()) == 1


def test_a_courier_reports_that_the_shop_rejects(town: Town) -> None:
    """In the courier-driven flow the courier on the way reports the shop's rejection."""
    order, client = town.order("courier_driven"), signed_in(town.couriers[0].user)
    client.post(f"/api/courier/offers/{order.offers.get().pk}/accept/")
    path = f"/api/courier/deliveries/{order.pk}/restaurant-rejected/"
    answer = client.post(path, {"reason": "Sold out"}, format="json")
    assert (answer.json()["state"], answer.json()["canceled_because"]) == ("canceled", "Sold out")


def test_a_restaurant_delivers_itself(town: Town) -> None:
    """In the restaurant-driven flow the restaurant reports the delivery."""
    order, client = town.order("restaurant_driven"), signed_in(town.other_owner)
    client.post(f"/api/restaurant/orders/{order.pk}/accept/", {"prep_minutes": 5}, format="json")
    town.elapse(order)
    assert client.post(f"/api/restaurant/orders/{order.pk}/delivered/").json()["state"] == "delivered"


def test_a_restaurant_does_not_deliver_for_the_courier(town: Town) -> None:
    """Where a courier carries the order, the restaurant cannot say that it is delivered."""
    order = ready(town)
    signed_in(town.couriers[0].user).post(f"/api/courier/offers/{order.offers.get().pk}/accept/")
    answer = signed_in(town.owner).post(f"/api/restaurant/orders/{order.pk}/delivered/")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_your_delivery")


def test_lists_are_filtered_and_counted_by_state(town: Town) -> None:
    """Orders are listed by state and counted by state, each actor's own only."""
    first, second = town.order(), accepted(town)
    town.order(customer=town.other)
    client = signed_in(town.customer)
    found = client.get("/api/customer/orders/?state=standard").json()["results"]
    assert {one["id"] for one in found} == {first.pk, second.pk}
    found = client.get("/api/customer/orders/?state=standard.order_accepted").json()["results"]
    assert [one["id"] for one in found] == [second.pk]
    counts = {"standard.create_order": 1, "standard.order_accepted": 1}
    assert client.get("/api/customer/orders/counts/").json() == counts


def test_a_request_that_is_sent_again_is_done_once(town: Town) -> None:
    """With an idempotency key, an order is placed once and an event taken once, however often they are sent."""
    restaurant, once = town.restaurants["standard"], {"HTTP_IDEMPOTENCY_KEY": "abc"}
    wanted = {"restaurant": restaurant.pk, "address": "Meent 12", "items": [{"dish": restaurant.dishes.first().pk}]}
    client = signed_in(town.customer)
    answers = [client.post("/api/customer/orders/", wanted, format="json", **once) for _ in range(2)]
    placed = [answer.json()["id"] for answer in answers]
    assert (placed[0], Order.objects.count()) == (placed[1], 1)
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers] == [None, "true"]
    path, client = f"/api/restaurant/orders/{placed[0]}/accept/", signed_in(town.owner)
    answers = [client.post(path, {"prep_minutes": 5}, format="json", **once) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert Order.objects.get().instance.entries.count() == 2
    other = client.post(path, {"prep_minutes": 6}, format="json", **once)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")


@pytest.mark.parametrize("change", [{"address": "Coolsingel 1"}, {"quantity": 2}, {"restaurant": "courier_driven"}])
def test_a_key_is_for_one_order(town: Town, change: dict[str, Any]) -> None:
    """The idempotency key of another order is 422, and nothing is ordered; of another customer, it is theirs."""
    once = {"HTTP_IDEMPOTENCY_KEY": "abc"}

    def wanted(address: str = "Meent 12", quantity: int = 1, restaurant: str = "standard") -> dict[str, Any]:
        found = town.restaurants[restaurant]
        items = [{"dish": found.dishes.first().pk, "quantity": quantity}]
        return {"restaurant": found.pk, "address": address, "items": items}

    client = signed_in(town.customer)
    client.post("/api/customer/orders/", wanted(), format="json", **once)
    answer = client.post("/api/customer/orders/", wanted(**change), format="json", **once)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_conflict")
    assert Order.objects.count() == 1
    answer = signed_in(town.other).post("/api/customer/orders/", wanted(**change), format="json", **once)
    assert (answer.status_code, Order.objects.get(pk=answer.json()["id"]).customer) == (201, town.other)


CUSTOMER = [("get", "customer/orders/{order}/"), ("post", "customer/orders/{order}/cancel/")]
RESTAURANT = [
    ("get", "restaurant/orders/{order}/"),
    ("post", "restaurant/orders/{order}/accept/"),
    ("post", "restaurant/orders/{order}/reject/"),
    ("post", "restaurant/orders/{order}/delivered/"),
]
COURIER = [
    ("get", "courier/offers/{offer}/"),
    ("post", "courier/offers/{offer}/accept/"),
    ("post", "courier/offers/{offer}/reject/"),
    ("get", "courier/deliveries/{order}/"),
    ("post", "courier/deliveries/{order}/delivered/"),
    ("post", "courier/deliveries/{order}/restaurant-rejected/"),
]
LISTS = ["customer/orders/", "restaurant/orders/", "courier/offers/", "courier/deliveries/", "restaurants/"]


def ask(client: APIClient, method: str, path: str, order: Order) -> int:
    address = f"/api/{path.format(order=order.pk, offer=order.offers.get().pk)}"
    status: int = getattr(client, method)(address).status_code
    return status


@pytest.mark.parametrize(
    ("who", "paths"),
    [
        (lambda town: town.other, CUSTOMER),
        (lambda town: town.other_owner, RESTAURANT),
        (lambda town: town.couriers[1].user, COURIER),
    ],
)
def test_what_belongs_to_others_is_not_there(town: Town, who: Callable[[Town], Any], paths: Any) -> None:
    """Another one's order, offer or delivery is answered by 404, whatever is asked of it."""
    order = ready(town)
    client, before = signed_in(who(town)), order.instance.entries.count()
    assert {ask(client, method, path, order) for method, path in paths} == {404}
    assert order.instance.entries.count() == before


@pytest.mark.parametrize(
    ("who", "paths"),
    [
        (lambda town: town.customer, RESTAURANT + COURIER),
        (lambda town: town.owner, COURIER),
        (lambda town: town.couriers[0].user, RESTAURANT),
    ],
)
def test_roles_of_others_are_forbidden(town: Town, who: Callable[[Town], Any], paths: Any) -> None:
    """Who is no restaurant, or no courier, is answered by 403 where those work."""
    order = ready(town)
    client, before = signed_in(who(town)), order.instance.entries.count()
    assert {ask(client, method, path, order) for method, path in paths} == {403}
    assert order.instance.entries.count() == before


def test_nobody_does_nothing(town: Town, anonymous: APIClient) -> None:
    """Who is not signed in sees nothing and does nothing."""
    order = ready(town)
    before = order.instance.entries.count()
    asked = {ask(anonymous, method, path, order) for method, path in CUSTOMER + RESTAURANT + COURIER}
    asked |= {anonymous.get(f"/api/{path}").status_code for path in LISTS}
    asked.add(anonymous.post("/api/customer/orders/", {}, format="json").status_code)
    assert asked == {401}
    assert anonymous.get("/api/restaurants/")["WWW-Authenticate"] == 'Basic realm="api"'
    assert order.instance.entries.count() == before


def test_lists_hold_only_what_is_ones_own(town: Town) -> None:
    """Lists hold the actor's own orders and offers, and nothing of others."""
    ready(town)
    for user, path in [(town.other, "customer/orders"), (town.other_owner, "restaurant/orders")]:
        assert signed_in(user).get(f"/api/{path}/").json()["results"] == []
    assert signed_in(town.couriers[1].user).get("/api/courier/offers/").json() == []
    assert signed_in(town.couriers[0].user).get("/api/courier/deliveries/").json()["results"] == []
