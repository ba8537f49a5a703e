"""The demo's parts, where they can be proved without the whole: names, the kitchen, the report."""

from __future__ import annotations

import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orders.models import Order, Restaurant
from project.demo import people, report
from project.demo.customers import waiting
from project.demo.kitchen import Kitchen
from project.demo.outcomes import outcomes
from project.demo.processes import alive, free_port, owner
from project.demo.sample import sample_orders
from statemachines.actors import actor_of
from statemachines.engine import send


@pytest.mark.parametrize(
    ("name", "login"),
    [
        ("Þórður Einarsson", "thordur.einarsson"),
        ("Aoife Ní Bhriain", "aoife.ni.bhriain"),
        ("Łukasz Mazur", "lukasz.mazur"),
        ("Elif Yıldırım", "elif.yildirim"),
        ("Pho 79", "pho.79"),
    ],
)
def test_logins_are_plain(name: str, login: str) -> None:
    """A login is its name in small plain letters."""
    assert people.login_of(name) == login


def test_every_name_has_a_login_of_its_own() -> None:
    """No two people or restaurants of the demo share a login."""
    orders = sample_orders()
    names = {order.customer.name for order in orders} | {order.restaurant for order in orders} | set(people.COURIERS)
    assert len({people.login_of(name) for name in names}) == len(names)


def test_the_kitchen_stores_each_key_once(tmp_path: Path) -> None:
    """An offer that arrives twice under one key is stored once and told once; without a key it is refused."""
    kitchen, told = Kitchen(tmp_path / "webhooks.jsonl"), []
    kitchen.told = told.append
    body = json.dumps({"order": 7, "restaurant": "Pho 79"}).encode()
    assert [kitchen.receive("a", body), kitchen.receive("a", body), kitchen.receive("b", body)] == [204, 204, 204]
    assert (kitchen.receive("", body), kitchen.receive("c", b"no JSON")) == (400, 400)
    stored = [json.loads(line)["key"] for line in kitchen.file.read_text().splitlines()]
    assert (stored, len(told)) == (["a", "b"], 2)


def test_a_run_knows_its_own_processes() -> None:
    """A living owner is known as alive, one that is gone, or came later under the same id, is not."""
    assert alive(owner())
    assert not alive(f"{os.getpid()}-1")
    assert not alive("999999999-1")
    assert free_port() != 0


def test_the_slowest_orders_come_first() -> None:
    """An order in which everybody is silent counts as slower than one that is answered at once."""
    orders = {order.script.couriers: waiting(order) for order in sample_orders() if order.flow == "courier_driven"}
    assert orders[("lapses", "lapses", "lapses")] > orders[("lapses", "accepts")] > orders[("accepts",)]


@pytest.fixture
def played(db: None, settings: Any) -> Order:
    """The first sample order of a standard flow that its customer cancels, played."""
    from orders.events import CustomerCanceled
    from orders.services import place_order

    settings.STATEMACHINES = {**settings.STATEMACHINES, "DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}
    people.load(sample_orders(), "http://127.0.0.1:1")
    people.load(sample_orders(), "http://127.0.0.1:2")  # a second run finds everybody there
    customer = people.User.objects.get(username="selam.tesfaye")
    restaurant = Restaurant.objects.get(name="Pho 79")
    order = place_order(customer, restaurant, {restaurant.dishes.first(): 1}, "Meent 12")
    send(order.instance, CustomerCanceled(), actor=actor_of(customer))
    return order


def test_outcomes_and_report_tell_the_order(played: Order) -> None:
    """An order that ended as its sample says counts as good; the journey shows each step with who took it."""
    sample = next(one for one in sample_orders() if one.flow == "standard" and one.script.customer == "cancels")
    (good,) = outcomes({played.pk: sample}, {})
    assert good.as_expected
    assert (good.end, good.path, good.event) == ("canceled", "standard.order_canceled", "customer_canceled")
    text = shown(report.journey(played, "Journey"), report.table_of_outcomes([good]))
    for word in ("placed", "customer_canceled", "create_order", "selam.tesfaye", "offer_to_restaurant", "✓"):
        assert word in text


def test_what_went_wrong_is_printed_with_its_history(played: Order) -> None:
    """An order that ended otherwise, or got a wrong answer on the way, is printed with its history."""
    sample = next(one for one in sample_orders() if one.expected.end == "delivered" and one.flow == "standard")
    (wrong,) = outcomes({played.pk: sample}, {played.pk: ["Selam: POST … was answered by 500"]})
    out = console()
    report.failures(out, [wrong])
    text = out.file.getvalue()
    assert not wrong.as_expected
    assert "expected standard.delivery_complete by order_delivered" in text
    assert "answered by 500" in text
    assert "customer_canceled" in text
    assert "✗" in shown(report.table_of_outcomes([wrong]))


def console() -> Any:
    return Console(file=StringIO(), width=120)


def shown(*parts: Any) -> str:
    out = console()
    for part in parts:
        out.print(part)
    text: str = out.file.getvalue()
    return text
