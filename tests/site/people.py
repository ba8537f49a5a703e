"""What the people in the tests do in their windows, and what they see."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Locator, Page, expect

QUICK = 1
"""How many minutes a kitchen says where a test does not care."""


def be(context: BrowserContext, name: str) -> Page:
    """Open the front page and become somebody by one click, in a window of their own."""
    front = context.new_page()
    front.goto("/")
    with context.expect_page() as opened:
        front.get_by_role("button", name=name).click()
    front.close()
    window = opened.value
    window.wait_for_load_state()
    return window


def order(page: Page, restaurant: str) -> int:
    """Order something, and return the order's number."""
    page.goto("/customer/")
    page.locator(".restaurants a", has_text=restaurant).click()
    page.get_by_role("button", name="Order now").click()
    page.wait_for_url("**/customer/orders/*/")
    return int(page.url.rstrip("/").rpartition("/")[2])


def headline(page: Page, text: str) -> None:
    """See what the order's page says in large letters."""
    expect(page.locator(".follow h1")).to_have_text(text)


def card(page: Page, number: int) -> Locator:
    """Find an order on a board."""
    return page.locator(f"#order-{number}")


def accept(page: Page, number: int, minutes: int = QUICK) -> None:
    """Accept an order as a kitchen does."""
    card(page, number).get_by_label("Minutes").fill(str(minutes))
    press(page, number, "Accept")


def at_once(*buttons: Locator) -> None:
    """Have people click at the same instant, each in a window of their own."""
    for button in buttons:
        button.evaluate("button => { setTimeout(() => button.click(), 100); }")


def button(page: Page, number: int, label: str) -> Locator:
    return page.get_by_role("button", name=f"{label}, order {number}")


def press(page: Page, number: int, label: str) -> None:
    button(page, number, label).click()
