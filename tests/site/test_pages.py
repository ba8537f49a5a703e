"""What pages do for people, each in their window: choosing, presenting, and being nobody any more."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from .people import accept, headline, order


def test_dishes_are_chosen_by_hand_or_by_keyboard(window: Callable[..., Page]) -> None:
    """The buttons beside a number change it, up to where it may go, and the total with it."""
    customer = window("Amara Okafor")
    customer.locator(".restaurants a", has_text="Casa Lusitana").click()
    first = customer.locator(".stepper").first
    price = float(first.locator("input").get_attribute("data-price") or 0)
    first.get_by_role("button").last.click()
    customer.keyboard.press("Enter")
    expect(customer.locator(".total")).to_have_text(f"Total € {3 * price:.2f}")
    first.locator("input").fill("0")
    first.get_by_role("button").first.click()
    expect(first.locator("input")).to_have_value("0")
    customer.get_by_role("button", name="Order now").click()
    expect(customer.get_by_role("alert")).to_contain_text("Choose at least one dish.")


def test_a_presenter_plays_all_three_on_one_page(contexts: Callable[..., BrowserContext]) -> None:
    """Three pages side by side hear of each other by one stream, and the machine below them moves along."""
    page = contexts(viewport={"width": 1400, "height": 900}).new_page()
    streams: list[str] = []
    page.on("request", lambda sent: streams.append(sent.url) if sent.url.endswith("/live/") else None)
    page.goto("/stage/")
    page.get_by_role("button", name="They deliver themselves").click()
    customer, kitchen = (page.frame_locator(f"iframe[title={role}]") for role in ("Customer", "Restaurant"))
    customer.get_by_role("button", name="Order now").click()
    page.locator("#behind > summary").click()
    kitchen.get_by_label("Minutes").fill("1")
    kitchen.get_by_role("button", name="Accept").click()
    expect(page.locator("#scene .active .title", has_text="order accepted")).to_be_visible()
    expect(customer.locator(".follow h1")).to_contain_text("is on the way")
    assert len(streams) == 1


def test_who_is_nobody_any_more_is_led_to_the_front(window: Callable[..., Page]) -> None:
    """A page that stayed open while its person was signed out is not filled with another page's parts."""
    customer, kitchen = window("Robin de Wit"), window("Taverna Kostas")
    number = order(customer, "Taverna Kostas")
    headline(customer, "Waiting for Taverna Kostas")
    customer.context.clear_cookies()
    accept(kitchen, number)
    expect(customer.get_by_text("you have to be a customer first")).to_be_visible()
