"""Orders that releases before this one have left behind: each goes on as the current version, in every state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.core.management import call_command

from orders.data import Line
from orders.events import (
    CourierAccepted,
    CourierRejected,
    CustomerCanceled,
    OrderDelivered,
    RestaurantAccepted,
    RestaurantRejected,
)
from orders.models import Offer, Order
from orders.services import order_data
from statemachines import Machine, registry
from statemachines.actors import actor_of
from statemachines.core.published import fingerprint
from statemachines.engine import create
from statemachines.exceptions import EventRefused
from statemachines.models import Effect, MachineInstance, Timer
from statemachines.upgrades import way
from statemachines.versions import published

from . import order_v1 as v1
from . import order_v2 as v2
from .conftest import Town
from .releases import release

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "orders.order"

Step = Callable[[Town, Order], None]


def accepts(town: Town, order: Order) -> None:
    town.send(order, RestaurantAccepted(prep_minutes=10), town.owner)


def cooks(town: Town, order: Order) -> None:
    town.elapse(order)


def takes(town: Town, order: Order) -> None:
    town.send(order, CourierAccepted(offer=1), town.couriers[0].user)


def brings(town: Town, order: Order) -> None:
    town.send(order, OrderDelivered(), town.couriers[0].user)


STEPS: dict[str, dict[str, Step]] = {
    "standard": {"create_order": accepts, "order_accepted": cooks, "order_ready": takes, "courier_on_the_way": brings},
    "courier_driven": {"create_order": takes, "courier_on_the_way": brings},
}
"""By flow: its states one after another, each with what leads on."""

LEFT = [
    *[(v1.order, "standard", state) for state in STEPS["standard"]],
    *[(v2.order, flow, state) for flow, steps in STEPS.items() for state in steps],
]


def placed(town: Town, machine: Machine[Any], flow: str) -> Order:
    """Place an order as a release did that had only this version."""
    restaurant = town.restaurants[flow]
    order = Order.objects.create(customer=town.customer, restaurant=restaurant, address="Meent 12", total=Decimal(15))
    now = msgspec.to_builtins(order_data(order, (Line("Soup of the day", Decimal("7.50"), 2),)))
    data = {name: value for name, value in now.items() if name in machine.data_type.__struct_fields__}
    order.instance = create(machine, str(order.pk), data=data, actor=actor_of(town.customer), system=True)
    order.save()
    return order


def left_behind(town: Town, machine: Machine[Any], flow: str, state: str) -> Order:
    """Return an order that an older version has brought to a state; what that asked of workers still waits."""
    with release(machine):
        order = placed(town, machine, flow)
        for passed, step in STEPS[flow].items():
            if passed == state:
                break
            town.run_effects(order)
            step(town, order)
    path = state if machine.version == 1 else f"{flow}.{state}"
    assert (order.instance.version, order.instance.state) == (machine.version, path)
    return order


def upgraded(order: Order) -> MachineInstance:
    call_command("upgrade_instances", "order", verbosity=0)
    order.instance.refresh_from_db()
    assert order.instance.version == 3
    return order.instance


def test_what_was_released_stays_as_it_was() -> None:
    """The files of the published versions are those machines, and a way leads from each to the current one."""
    known = published(registry.find(NAME))
    assert list(known) == [1, 2, 3]
    for number, machine in ((1, v1.order), (2, v2.order), (3, registry.find(NAME).machine)):
        assert known[number].fingerprint == fingerprint(machine)
        assert len(way(NAME, number, 3)) == 3 - number


@pytest.mark.parametrize(("machine", "flow", "state"), LEFT)
def test_orders_of_older_versions_are_delivered(
    town: Town, mailoutbox: list[Any], machine: Machine[Any], flow: str, state: str
) -> None:
    """From every state they come to their end as version 3; restaurant and courier are asked by one e-mail each."""
    order = left_behind(town, machine, flow, state)
    assert upgraded(order).state == f"{flow}.{state}"
    assert order.data.flow == flow
    steps = list(STEPS[flow])
    for left in steps[steps.index(state) :]:
        town.run_effects(order)
        STEPS[flow][left](town, order)
    town.run_effects(order)
    order.instance.refresh_from_db()
    assert (order.instance.state, order.instance.status) == ("delivered", "done")
    offered = {f"Order {order.pk}": 1} if flow == "standard" else {}
    offered[f"Offer 1 of order {order.pk}: {order.restaurant.name}"] = 1
    assert Counter(mail.subject for mail in mailoutbox) == offered
    assert set(Effect.objects.filter(instance=order.instance).values_list("status", flat=True)) == {"applied"}
    assert MachineInstance.objects.of("orders.onboarding").count() == 1  # version 3 began it


@pytest.mark.parametrize(("machine", "flow", "state"), LEFT)
def test_orders_of_older_versions_are_canceled(town: Town, machine: Machine[Any], flow: str, state: str) -> None:
    """Where an order could be given up, it still can, as version 3 says."""
    order = left_behind(town, machine, flow, state)
    upgraded(order)
    match flow, state:
        case "standard", "create_order" | "order_accepted":
            town.send(order, RestaurantRejected(reason="no eggs"), town.owner)
        case "courier_driven", "courier_on_the_way":
            town.send(order, RestaurantRejected(reason="no eggs"), town.couriers[0].user)
        case "standard", "courier_on_the_way":
            with pytest.raises(EventRefused):
                town.send(order, RestaurantRejected(reason="no eggs"), town.owner)
            return
        case _:  # a courier is asked, and then the next two
            for number, courier in enumerate(town.couriers, 1):
                town.send(order, CourierRejected(offer=number), courier.user)
    assert (order.instance.state, order.instance.status) == ("canceled", "done")
    assert order.data.canceled_because in ("no eggs", "no courier took it")


def test_the_kitchen_keeps_its_time(town: Town) -> None:
    """Food that is cooked at the upgrade is ready when it was to be ready before."""
    order = left_behind(town, v1.order, "standard", "order_accepted")
    before = Timer.objects.get(instance=order.instance)
    upgraded(order)
    after = Timer.objects.get(instance=order.instance)
    assert (after.due_at, after.state) == (before.due_at, "standard.order_accepted")


@pytest.mark.parametrize("machine", [v1.order, v2.order])
def test_nobody_is_waited_for_for_ever_any_more(town: Town, machine: Machine[Any]) -> None:
    """A restaurant or courier who never answers an old offer has from the upgrade on as long as with a new one."""
    asked, ready = (left_behind(town, machine, "standard", state) for state in ("create_order", "order_ready"))
    assert not Timer.objects.exists()
    for order in (asked, ready):
        upgraded(order)
        town.elapse(order)
    assert asked.instance.state == "canceled"
    assert asked.data.canceled_because == "the restaurant never answered"
    assert ready.instance.state == "standard.order_ready"
    assert list(Offer.objects.filter(order=ready).order_by("pk").values_list("number", flat=True)) == [1, 2]


def test_customers_may_change_their_mind_now(town: Town) -> None:
    """What version 1 did not take, its orders take after the upgrade."""
    order = left_behind(town, v1.order, "standard", "create_order")
    upgraded(order)
    town.send(order, CustomerCanceled(), town.customer)
    assert order.instance.state == "canceled"


@pytest.mark.parametrize("machine", [v1.order, v2.order])
@pytest.mark.parametrize("end", ["delivered", "canceled"])
def test_what_has_ended_has_ended(town: Town, machine: Machine[Any], end: str) -> None:
    """An ended order stays on its version unless it is asked for; then it has the same end, and begins nothing."""
    last = "courier_on_the_way" if end == "delivered" else "create_order"
    order = left_behind(town, machine, "standard", last)
    with release(machine):
        if end == "delivered":
            brings(town, order)
        else:
            town.send(order, RestaurantRejected(), town.owner)
    call_command("upgrade_instances", "order")
    order.instance.refresh_from_db()
    assert (order.instance.version, order.instance.status) == (machine.version, "done")
    call_command("upgrade_instances", "order", "--ended")
    order.instance.refresh_from_db()
    assert (order.instance.version, order.instance.state, order.instance.status) == (3, end, "done")
    assert not Effect.objects.filter(name="orders.start_onboarding").exists()
