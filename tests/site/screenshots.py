"""Take the pictures of the site that the documentation shows: `make screenshots`.

A whole dinner is played in one town, so that every picture is of something that happened. Limits: not a test.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser import chromium

from .people import accept, be, card, headline, order, press
from .town import town

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"
SECONDS_PER_MINUTE = 3
WIDE = {"width": 1360, "height": 850}
PHONE = {"width": 390, "height": 844}


def take(page: Page, name: str) -> None:
    """Write a picture, when what moves has come to rest."""
    page.wait_for_timeout(1500)
    page.screenshot(path=FOLDER / f"site-{name}.png", animations="disabled")


def unfold(page: Page) -> None:
    page.get_by_text("Behind the scenes").click()
    expect(page.locator("#scene svg[data-engine=elk]")).to_be_visible()


def dinner(context: BrowserContext, phone: BrowserContext) -> None:
    """Play the standard flow in the light, the courier on a phone."""
    customer, kitchen = be(context, "Amara Okafor"), be(context, "Pho 79")
    courier = be(phone, "Ines Duarte")
    number = order(customer, "Pho 79")
    unfold(customer)
    expect(card(kitchen, number)).to_be_visible()
    take(kitchen, "kitchen")
    accept(kitchen, number, minutes=5)
    headline(customer, "Pho 79 is cooking")
    take(customer, "order")
    expect(card(courier, number)).to_be_visible()
    take(courier, "courier-phone")
    press(courier, number, "Accept")
    press(courier, number, "Delivered")
    headline(customer, "Delivered. Enjoy!")
    page = context.new_page()
    page.goto("/")
    take(page, "front")


def evening(context: BrowserContext) -> None:
    """Play a restaurant that delivers, in the dark."""
    customer, kitchen = be(context, "Robin de Wit"), be(context, "Taverna Kostas")
    number = order(customer, "Taverna Kostas")
    unfold(customer)
    accept(kitchen, number, minutes=30)
    headline(customer, "Taverna Kostas is cooking")
    take(customer, "order-dark")


def stage(context: BrowserContext) -> None:
    """Play all three on one page."""
    page = context.new_page()
    page.goto("/stage/")
    page.get_by_role("button", name="Our couriers deliver").click()
    customer, kitchen = (page.frame_locator(f"iframe[title={role}]") for role in ("Customer", "Restaurant"))
    customer.get_by_role("button", name="Order now").click()
    kitchen.get_by_role("button", name="Accept").click()
    expect(customer.locator(".follow h1")).to_have_text("Pho 79 is cooking")
    page.locator("#behind > summary").click()
    expect(page.locator("#scene svg[data-engine=elk]")).to_be_visible()
    take(page, "stage")


def pictures(browser: Browser, address: str) -> None:
    """Take all pictures."""

    def window(size: dict[str, int], scheme: str = "light") -> BrowserContext:
        return browser.new_context(base_url=address, viewport=size, color_scheme=scheme, locale="en")  # type: ignore[arg-type]

    dinner(window(WIDE), window(PHONE))
    evening(window(WIDE, "dark"))
    stage(window({"width": 1500, "height": 1130}))


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    expect.set_options(timeout=60_000)
    with (
        sync_playwright() as playwright,
        tempfile.TemporaryDirectory() as folder,
        town(Path(folder), SECONDS_PER_MINUTE) as found,
        playwright.chromium.launch(executable_path=chromium.found(playwright)) as browser,
    ):
        pictures(browser, found.address)
    return 0


if __name__ == "__main__":
    sys.exit(main())
