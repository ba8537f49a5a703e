"""The demo's parts, where they can be proved without the whole: names, the kitchen, the report."""

from __future__ import annotations

import dataclasses
import json
import os
from collections import Counter
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orders.events import CustomerCanceled
from orders.mail import mail
from orders.models import Order, Restaurant
from orders.onboarding.data import Unsubscribed
from orders.onboarding.effects import FIRST_DRIP, WELCOME
from orders.onboarding.start import NAME
from orders.services import place_order
from project.demo import former, people, report
from project.demo.customers import UNSUBSCRIBER, waiting
from project.demo.kitchen import Kitchen
from project.demo.onboardings import mails_in, onboardings
from project.demo.outcomes import figures, outcomes
from project.demo.processes import alive, free_port, owner
from project.demo.sample import sample_orders
from statemachines import registry
from statemachines.actors import actor_of
from statemachines.engine import force, send
from statemachines.models import MachineInstance
from statemachines.testing.travel import Clock


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


def test_who_unsubscribes_has_one_order_that_is_delivered() -> None:
    """The one who unsubscribes has a single order, so it is clear when their onboarding begins."""
    (order,) = [one for one in sample_orders() if one.customer.name == UNSUBSCRIBER]
    assert order.expected.end == "delivered"


def test_an_email_that_was_sent_twice_counts_once(tmp_path: Path, settings: Any) -> None:
    """E-mails are counted by addressee and subject, one Message-ID is one e-mail, and a file may hold several."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    for key, template in (("a", "welcome"), ("a", "welcome"), ("b", "first_drip")):
        mail(
            "selam@demo.test", template, f"orders/{template}.txt", {"onboarding": {"name": "Þórður", "orders": ()}}, key
        )
    together = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    (tmp_path / "together.log").write_bytes(together)
    assert mails_in(tmp_path) == {("selam@demo.test", "welcome"): 1, ("selam@demo.test", "first_drip"): 1}


@pytest.fixture
def played(db: None, settings: Any) -> Order:
    """The first sample order of a standard flow that its customer cancels, played."""
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


def test_onboardings_are_told_with_their_mails(machines: Clock) -> None:
    """Each onboarding that the orders began is held against its end and its e-mails; what went wrong is named."""
    people.load(sample_orders(), "http://127.0.0.1:1")
    placed = [delivered(name) for name in ("Selam Tesfaye", "Þórður Einarsson", UNSUBSCRIBER)]
    elsewhere = delivered("Elif Yıldırım")
    machines.effects.run()
    at = figures(placed, [])
    assert (at.placed, at.delivered, at.ended, at.served, at.onboarded) == (3, 3, 3, 3, 0)
    seen = MachineInstance.objects.of("orders.onboarding").get(data__name=UNSUBSCRIBER)
    send(seen, Unsubscribed(), system=True)
    machines.advance(days=1)
    machines.effects.run()
    assert figures(placed, []).onboarded == 3
    mails = Counter({(f"{people.login_of(name)}@demo.test", WELCOME): 1 for name in ("Selam Tesfaye", UNSUBSCRIBER)})
    mails["selam.tesfaye@demo.test", FIRST_DRIP] = 1
    mails["thordur.einarsson@demo.test", FIRST_DRIP] = 2
    good, wrong, left = onboardings(placed, [], mails)
    assert (good.as_expected, wrong.as_expected, left.as_expected) == (True, False, True)
    assert [one.data.name for one in onboardings([elsewhere], [], mails)] == ["Elif Yıldırım"]
    out = console()
    report.welcomes(out, [good, wrong, left], 5)
    text = out.file.getvalue()
    assert "2 of 3 onboardings" in text
    assert f"{UNSUBSCRIBER} unsubscribed in time" in text
    assert "Þórður Einarsson: expected onboarded" in text


def test_former_customers_are_upgraded_while_they_wait(
    machines: Clock, mailoutbox: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the release before has begun and welcomed is upgraded once, ends on time as version 2, and is told of."""
    monkeypatch.setitem(registry._machines, NAME, dict(registry._machines[NAME]))
    keys = former.begin()
    assert former.begin() == []  # a second run on one database
    waiting = MachineInstance.objects.of(NAME).filter(version=1, state="await_first_drip_email")
    assert (len(keys), waiting.count(), len(mailoutbox)) == (len(former.CUSTOMERS), len(keys), len(keys))
    del registry._machines[NAME][1]  # the workers do not have it
    machines.advance(seconds=former.DAY_SECONDS - 1)
    assert (former.upgrade(), former.upgrade()) == (len(keys), 0)
    assert figures([], keys).onboarded == 0
    machines.advance(seconds=1)
    machines.effects.run()
    at = figures([], keys)
    assert (at.served, at.onboarded) == (len(keys), len(keys))
    found = onboardings([], keys, Counter((mail.to[0], mail.subject) for mail in mailoutbox))
    assert all(one.as_expected and (one.begun, one.version) == (1, 2) for one in found)
    out = console()
    report.welcomes(out, [*found, dataclasses.replace(found[0], version=1)], 5)
    text = " ".join(out.file.getvalue().split())
    assert f"{len(keys)} of them had been begun by version 1: upgraded while they waited for their day (30 s)" in text
    assert "they ended as version 2, and nobody got an e-mail twice" in text
    assert f"{found[0].data.name}: expected onboarded" in text


def delivered(name: str) -> int:
    """Have somebody's order delivered, and return its number."""
    restaurant = Restaurant.objects.get(name=people.WITHOUT_WEBHOOK[0])
    customer = people.User.objects.get(username=people.login_of(name))
    order = place_order(customer, restaurant, {restaurant.dishes.first(): 1}, "Meent 12")
    force(order.instance, "delivered", reason="it is about what follows", system=True, entering=True)
    return order.pk


def console() -> Any:
    return Console(file=StringIO(), width=120)


def shown(*parts: Any) -> str:
    out = console()
    for part in parts:
        out.print(part)
    text: str = out.file.getvalue()
    return text
