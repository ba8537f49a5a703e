"""What the admin is for, as one story."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from playwright.sync_api import expect

from orders.events import RestaurantAccepted
from orders.models import Order
from statemachines.models import Effect, MachineInstance
from tests.orders.conftest import Town
from tests.workers import celery, eventually, send_there

from .conftest import Look
from .places import NO_MAIL_SERVER
from .scenes import exhaust

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # kombu leaves its sockets to the garbage collector
]


@pytest.fixture
def town() -> Town:
    return Town()


@pytest.fixture
def stranded(town: Town) -> Order:
    """An order whose food is ready; the mail server was down when its courier was asked."""
    order = town.order()
    town.send(order, RestaurantAccepted(prep_minutes=10), town.owner)
    town.run_effects(order)
    town.elapse(order)
    with override_settings(**NO_MAIL_SERVER):
        exhaust(order.instance.effects.get(name="orders.offer_to_courier"))
    return order


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[Path]:
    """A real worker of Celery, to which this process hands its work. Yields its log."""
    send_there(monkeypatch)
    settings.STATEMACHINES = {key: one for key, one in settings.STATEMACHINES.items() if key != "DISPATCHER"}
    log = tmp_path / "worker.log"
    with celery(log, "worker", "--concurrency=1", "--loglevel=INFO", "--without-gossip", "--without-mingle"):
        yield log


def test_an_operator_repairs_what_failed_at_night(
    stranded: Order, town: Town, worker: Path, look: Look, olga: User
) -> None:
    """An operator finds an order whose courier effect failed, sees why, retries it, forces another order to
    `order_canceled` with a reason, and finds both acts in the timeline."""
    other = town.order()
    page = look(olga)
    timeline = page.locator("#timeline li")

    # finds an order whose courier effect failed
    page.goto("/admin/")
    page.get_by_role("link", name="Machine instances").first.click()
    page.get_by_role("link", name="Needs attention").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    page.get_by_role("link", name=stranded.instance.key, exact=True).click()

    # sees why
    alarm = page.get_by_role("region", name="Needs attention")
    expect(alarm).to_contain_text("“Offer to courier” failed")
    expect(alarm).to_contain_text("ConnectionRefusedError: [Errno 111] Connection refused")

    # retries it
    alarm.get_by_role("link", name="Retry").click()
    page.get_by_label("Reason").fill("The mail server is up again.")
    page.get_by_role("button", name="Retry").click()
    effect = Effect.objects.filter(name="orders.offer_to_courier", status=Effect.Status.APPLIED)
    eventually(effect.exists, worker)
    page.reload()
    expect(alarm).to_have_count(0)
    expect(timeline.first).to_contain_text("Effect retried by olga")
    expect(timeline.first).to_contain_text("The mail server is up again.")

    # forces another order to `order_canceled` with a reason
    page.get_by_role("link", name="Machine instances").first.click()
    page.get_by_role("textbox", name="Search").fill(other.instance.key)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=other.instance.key, exact=True).click()
    page.get_by_role("link", name="Force into a state").click()
    page.locator("[data-state='standard.order_canceled']").click()
    page.get_by_label("Enter the states").check()
    page.get_by_label("Reason").fill("The kitchen burned down.")
    page.get_by_role("button", name="Show before and after").click()
    expect(page.get_by_role("heading", name="Before: Create order of standard")).to_be_visible()
    expect(page.get_by_role("heading", name="After: Canceled")).to_be_visible()
    page.get_by_role("button", name="Force").click()

    # and finds both acts in the timeline
    expect(timeline.first).to_contain_text("Forced by olga")
    expect(timeline.first).to_contain_text("Create order of standard → Canceled")
    expect(timeline.first).to_contain_text("The kitchen burned down.")
    assert MachineInstance.objects.get(order=other).state == "canceled"
