"""The sample orders: real enough to read, complete, and each one's end reachable by its script on the pure machine."""

from __future__ import annotations

from collections import Counter

import pytest

from orders.data import OrderData
from orders.events import (
    CourierAccepted,
    CourierRejected,
    CustomerCanceled,
    OrderDelivered,
    RestaurantAccepted,
    RestaurantRejected,
)
from project.demo.outcomes import plain
from project.demo.sample import SampleOrder, sample_orders
from statemachines.testing import Run

from .play import COURIERS, by, placed

ORDERS = sample_orders()


def test_there_are_200_orders_from_many_places() -> None:
    """There are 200 numbered orders, of many customers from many countries, at many restaurants."""
    assert [order.number for order in ORDERS] == list(range(1, 201))
    assert len({order.customer.name for order in ORDERS}) >= 80
    assert len({order.customer.country for order in ORDERS}) >= 25
    assert len({order.restaurant for order in ORDERS}) >= 20
    assert all(order.items and all(item.price > 0 and item.quantity > 0 for item in order.items) for order in ORDERS)


def test_a_restaurant_has_one_kind_and_a_dish_one_price() -> None:
    """Each restaurant takes one flow, and each of its dishes has one price."""
    assert len({(order.restaurant, order.flow) for order in ORDERS}) == len({order.restaurant for order in ORDERS})
    menu = {(order.restaurant, item.dish, item.price) for order in ORDERS for item in order.items}
    assert len(menu) == len({(where, dish) for where, dish, _ in menu})


def test_all_scripts_occur() -> None:
    """All flows, all ends, and everything that a customer, a restaurant or a courier may do occur."""
    assert Counter(order.flow for order in ORDERS) == {"standard": 90, "courier_driven": 50, "restaurant_driven": 60}
    assert {order.expected.end for order in ORDERS} == {"delivered", "canceled"}
    assert {order.script.customer for order in ORDERS} == {"waits", "cancels", "cancels_too_late"}
    restaurants = {order.script.restaurant.does for order in ORDERS if order.script.restaurant}
    assert restaurants == {"accepts", "rejects", "gives_up", "never_answers", "too_late"}
    couriers = {courier for order in ORDERS for courier in order.script.couriers}
    assert couriers == {"accepts", "rejects", "lapses", "too_late"}
    assert {order.expected.event for order in ORDERS} == {
        "order_delivered",
        "restaurant_rejected",
        "courier_rejected",
        "customer_canceled",
        "restaurant_patience",
        "courier_patience",
    }


@pytest.mark.parametrize("sample", ORDERS, ids=lambda sample: f"{sample.number}")
def test_the_script_leads_to_the_expected_end(sample: SampleOrder) -> None:
    """Played on the pure machine, each script ends as the sample says: root, flow, and event."""
    run = placed(sample.flow)
    act(run, sample)
    last = run.history[-1]
    assert run.state == sample.expected.end
    assert last.step.microsteps[0].plan.entered[-1] == sample.expected.path
    assert plain(last.event.type) == sample.expected.event


def act(run: Run[OrderData], sample: SampleOrder) -> None:
    """Play everybody's part, in the order in which they come."""
    script = sample.script
    if script.customer == "cancels":
        run.send(CustomerCanceled())
        return
    if script.restaurant is not None:
        match script.restaurant.does:
            case "rejects":
                run.send(RestaurantRejected(reason=script.restaurant.reason))
                return
            case "never_answers":
                run.elapse("restaurant_patience")
                return
        run.send(RestaurantAccepted(prep_minutes=script.restaurant.prep_minutes))
        if script.restaurant.does == "gives_up":
            run.send(RestaurantRejected(reason=script.restaurant.reason))
            return
        run.elapse("prep_time")
    for number, courier in enumerate(script.couriers, 1):
        if courier == "lapses":
            run.elapse("courier_patience")
        else:
            answer = CourierAccepted if courier == "accepts" else CourierRejected
            run.send(answer(offer=number), actor=by(COURIERS[number - 1]))
    if script.delivery is not None:
        gone = script.delivery.does == "restaurant_rejected"
        run.send(RestaurantRejected(reason=script.delivery.reason) if gone else OrderDelivered())
