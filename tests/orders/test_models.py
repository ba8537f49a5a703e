"""Orders in the database: placing, and questions in SQL."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orders.events import CourierAccepted, CourierRejected, CustomerCanceled, RestaurantAccepted
from orders.models import Courier, Dish, Offer, Order, OrderItem, Restaurant
from orders.services import place_order
from statemachines import Refuse
from statemachines.exceptions import EventRefused
from statemachines.models import MachineInstance

from .conftest import Town


def test_placing_creates_the_order_and_its_instance(town: Town) -> None:
    """An order is placed with its items, its total, and an instance that owns the same, to the cent."""
    order = town.order()
    data = order.instance.snapshot().data
    assert order.total == Decimal("17.25")
    assert [(item.dish, item.price, item.quantity) for item in order.items.all()] == [
        ("Soup of the day", Decimal("7.50"), 2),
        ("Bread", Decimal("2.25"), 1),
    ]
    assert order.instance.key == str(order.pk)
    assert (data.total, data.customer, data.lines[0].price) == (Decimal("17.25"), "Selam Tesfaye", Decimal("7.50"))
    assert order.instance.state == "standard.create_order"


def test_placing_is_one_transaction(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """An order whose machine cannot start is not placed at all."""

    def broken(*given: Any, **named: Any) -> None:
        raise RuntimeError("no machine today")

    monkeypatch.setattr("orders.services.create", broken)
    with pytest.raises(RuntimeError):
        town.order()
    assert (Order.objects.count(), OrderItem.objects.count(), MachineInstance.objects.count()) == (0, 0, 0)


def test_only_the_restaurants_own_dishes_can_be_ordered(town: Town) -> None:
    """Placing refuses a dish of another restaurant, an empty order, and less than one of something."""
    here, there = town.restaurants["standard"], town.restaurants["restaurant_driven"]
    with pytest.raises(ValueError, match="Pho 79 does not sell"):
        place_order(town.customer, here, {there.dishes.first(): 1}, "Meent 12")
    with pytest.raises(ValueError, match="at least one dish"):
        place_order(town.customer, here, {}, "Meent 12")
    with pytest.raises(ValueError, match="at least one of"):
        place_order(town.customer, here, {here.dishes.first(): 0}, "Meent 12")


def test_the_pace_is_stored_with_the_order(town: Town, settings: Any) -> None:
    """The seconds per minute are those of the moment in which the order is placed, and no nonsense."""
    settings.ORDERS_SECONDS_PER_MINUTE = 0.5
    order = town.order()
    settings.ORDERS_SECONDS_PER_MINUTE = 60
    assert order.instance.snapshot().data.seconds_per_minute == 0.5
    settings.ORDERS_SECONDS_PER_MINUTE = 0
    with pytest.raises(ValueError, match="positive"):
        town.order()


def test_orders_are_found_and_counted_by_state_in_sql(town: Town) -> None:
    """Filtering and counting by state is one query each; a compound state includes what is inside it."""
    accepted, waiting, bought = town.order(), town.order(), town.order("courier_driven")
    town.send(accepted, RestaurantAccepted(prep_minutes=10), town.owner)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert set(Order.objects.in_state("standard")) == {accepted, waiting}
        assert set(Order.objects.in_state("standard.order_accepted")) == {accepted}
        assert set(Order.objects.in_state("standard.order_accepted", "courier_driven")) == {accepted, bought}
        assert Order.objects.filter(customer=town.customer).count_by_state() == {
            "standard.create_order": 1,
            "standard.order_accepted": 1,
            "courier_driven.create_order": 1,
        }
    assert len(queries) == 4


def test_offers_go_to_whoever_waits_longest(town: Town) -> None:
    """The next courier is who got the last offer before all others; who is not at work gets none."""
    Courier.objects.filter(name="Bram").update(at_work=False)
    asked = [town.order("courier_driven").offers.get().courier.name for _ in range(3)]
    assert asked == ["Ines", "Chidi", "Ines"]


def test_an_offer_is_open_until_it_is_answered_or_lapses(town: Town) -> None:
    """Open offers are the latest ones of orders that wait for a courier."""
    rejected, lapsed, accepted = (town.order("courier_driven") for _ in range(3))
    town.send(rejected, CourierRejected(offer=1), town.couriers[0].user)
    town.elapse(lapsed)
    town.send(accepted, CourierAccepted(offer=1), town.couriers[2].user)
    assert {(offer.order, offer.number) for offer in Offer.objects.open()} == {(rejected, 2), (lapsed, 2)}
    assert set(Order.objects.delivered_by(town.couriers[2])) == {accepted}


def test_an_offer_that_lapsed_is_lost(town: Town) -> None:
    """Who lets an offer lapse cannot accept it; the refusal says so, and history does not change."""
    order = town.order("courier_driven")
    town.elapse(order)
    with pytest.raises(EventRefused) as refusal:
        town.send(order, CourierAccepted(offer=1), town.couriers[0].user)
    assert isinstance(refusal.value.__cause__, Refuse)
    assert (refusal.value.code, order.instance.entries.count()) == ("offer_lapsed", 2)


def test_the_history_tells_an_order(town: Town) -> None:
    """Each step of an order stands in its history, with who did it."""
    order = town.order()
    town.send(order, CustomerCanceled(), town.customer)
    told = [(entry.event, entry.target[-1], entry.actor_label) for entry in order.instance.entries.all()]
    assert told == [
        ("xstate.init", "standard.create_order", "selam"),
        ("customer_canceled", "canceled", "selam"),
    ]


@pytest.mark.parametrize("model", [Restaurant, Courier, Dish, Order, OrderItem, Offer])
def test_the_admin_shows_and_changes_nothing(town: Town, model: Any) -> None:
    """Every model has its page in the admin, for looking only."""
    town.order("courier_driven")
    boss = User.objects.create_superuser("boss", password="secret")
    client = Client()
    client.force_login(boss)
    name = model._meta.model_name
    assert admin.site.is_registered(model)
    assert client.get(f"/admin/orders/{name}/").status_code == 200
    one = model.objects.first()
    assert client.get(f"/admin/orders/{name}/{one.pk}/change/").status_code == 200
    assert client.post(f"/admin/orders/{name}/{one.pk}/change/", {}).status_code == 403
    assert client.get(f"/admin/orders/{name}/add/").status_code == 403
