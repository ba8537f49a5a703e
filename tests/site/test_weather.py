"""Bad weather: no JavaScript, a connection that is lost, a phone, and people who do not see or point."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from .people import accept, be, card, headline, order, press
from .town import Town

SERIOUS = ("serious", "critical")


def test_without_javascript_forms_post_and_pages_refresh(window: Callable[..., Page]) -> None:
    """All three play without any script: the customer's page follows by refreshing itself."""
    plain = {"java_script_enabled": False}
    customer, kitchen = window("Amara Okafor", **plain), window("Taverna Kostas", **plain)
    number = order(customer, "Taverna Kostas")
    kitchen.reload()
    accept(kitchen, number)
    headline(customer, "Taverna Kostas is on the way")
    kitchen.reload()
    press(kitchen, number, "Delivered")
    headline(customer, "Delivered. Enjoy!")
    customer.goto(f"/customer/orders/{number}/behind/")
    expect(customer.locator("svg.statechart")).to_be_visible()


def test_a_lost_connection_is_told_and_made_good(window: Callable[..., Page], site: Town) -> None:
    """The page says that it hears nothing, and when it does again it shows what happened meanwhile."""
    customer, kitchen = window("Robin de Wit"), window("Pho 79")
    number = order(customer, "Pho 79")
    accept(kitchen, number, minutes=2)
    headline(customer, "Pho 79 is cooking")
    site.stop()
    expect(customer.get_by_text("The connection is lost.")).to_be_visible()
    site.start()
    headline(customer, "Your food is ready")
    expect(customer.get_by_text("The connection is lost.")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_bars_people_with_disabilities(contexts: Callable[..., BrowserContext], scheme: str) -> None:
    """Axe finds nothing serious on any page, in the light, in the dark, and on a phone."""
    context = contexts(color_scheme=scheme, viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    customer, kitchen, courier = (be(context, name) for name in ("Amara Okafor", "Casa Lusitana", "Bram Visser"))
    sound(customer)
    number = order(customer, "Casa Lusitana")
    customer.get_by_text("Behind the scenes").click()
    expect(customer.locator("#scene svg")).to_be_visible()
    expect(card(kitchen, number)).to_be_visible()
    for page in (customer, kitchen, courier):
        sound(page)
    for address in ("/", "/customer/mails/", "/stage/"):
        customer.goto(address)
        sound(customer)


def sound(page: Page) -> None:
    """Hold a page to axe, and to the width of its window."""
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in SERIOUS]
    assert [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in found] == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} is wider than a phone"


def test_the_picture_moves_with_the_machine(window: Callable[..., Page]) -> None:
    """Behind the scenes, the active state, the last event, what it caused and the next timer follow each event."""
    customer, kitchen = window("Robin de Wit"), window("Trattoria da Nello")
    number = order(customer, "Trattoria da Nello")
    customer.get_by_text("Behind the scenes").click()
    scene = customer.locator("#scene")
    expect(scene.locator("#s-standard\\.create_order.active")).to_be_visible()
    expect(scene.get_by_text("restaurant patience", exact=False).first).to_be_visible()
    expect(scene.locator(".chip.applied")).to_contain_text("offer to restaurant")
    accept(kitchen, number, minutes=240)
    expect(scene.locator("#s-standard\\.order_accepted.active")).to_be_visible()
    expect(scene.locator(".chip.event").first).to_contain_text("restaurant accepted")
    press(kitchen, number, "Cancel after all")
    headline(customer, "Canceled")
