"""Take the pictures of the admin that the README and the docs show: `make screenshots`.

Limits: no test; it is run by its name, on a database that an evening of sample orders has filled.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from playwright.sync_api import Locator, Page

from statemachines import picture
from statemachines.models import MachineInstance

from .conftest import Look
from .evening import evening
from .places import address, page_of

pytestmark = pytest.mark.django_db(transaction=True)

PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestIdleCallback(done)))"

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"


def test_screenshots(look: Look) -> None:
    """Light and dark, each main page."""
    olga = User.objects.create_superuser("olga", password="secret", first_name="Olga")
    lay_out()
    evening(olga)
    for scheme in ("light", "dark"):
        page = look(olga, color_scheme=scheme, viewport={"width": 1280, "height": 860})
        page.add_init_script("localStorage.setItem('django.admin.navSidebarIsOpen', 'false')")
        for name, go in PICTURES.items():
            shown = go(page)
            page.evaluate(PAINTED)
            shown.screenshot(path=FOLDER / f"admin-{name}-{scheme}.png")


def lay_out() -> None:
    """Have the order laid out by ELK; a machine that is busy may need more than one try."""
    for _ in range(10):
        if 'data-engine="elk"' in picture.machine_svg("orders.order"):
            return
        cache.clear()
    pytest.fail("ELK laid nothing out in time: run `make vendor`, or take the pictures when the machine is idle.")


def instances(page: Page) -> Page:
    page.goto(address("machineinstance_changelist") + "?machine=orders.order")
    return page


def machine(page: Page) -> Page:
    page.goto(address("machineoverview_change", "orders.order"))
    return page


def instance(page: Page) -> Page:
    page.goto(page_of(MachineInstance.objects.filter(effects__needs_attention=True).latest("pk")))
    return page


def timeline(page: Page) -> Locator:
    retried = MachineInstance.objects.filter(entries__event="statemachines.effect.retry").latest("pk")
    page.goto(page_of(retried))
    return page.locator("#timeline")


def force(page: Page) -> Page:
    cooking = MachineInstance.objects.filter(state="standard.order_accepted", status="active").latest("pk")
    page.goto(page_of(cooking, "force"))
    page.locator("input[value='standard.order_canceled']").check()
    page.get_by_label("Enter the states").check()
    page.get_by_label("Reason").fill("The kitchen burned down.")
    page.get_by_role("button", name="Show before and after").click()
    return page


PICTURES: dict[str, Callable[[Page], Page | Locator]] = {
    "instances": instances, "machine": machine, "instance": instance, "timeline": timeline, "force": force,
}  # fmt: skip
