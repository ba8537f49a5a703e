"""Each flow from end to end, by people in windows of their own who only see what the pages tell them live."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from .people import accept, be, card, headline, order, press


def test_a_dinner_is_ordered_cooked_and_delivered(window: Callable[..., Page]) -> None:
    """Standard: all three see each other's doing without asking for it, and the courier's name is told."""
    customer, kitchen, courier = window("Amara Okafor"), window("Pho 79"), window("Ines Duarte")
    number = order(customer, "Pho 79")
    headline(customer, "Waiting for Pho 79")
    accept(kitchen, number)
    headline(customer, "Pho 79 is cooking")
    expect(customer.get_by_role("button", name="Cancel the order")).to_have_count(0)
    press(courier, number, "Accept")
    headline(customer, "Ines Duarte is on the way")
    press(courier, number, "Delivered")
    headline(customer, "Delivered. Enjoy!")
    expect(card(kitchen, number)).to_have_count(0)
    expect(customer.locator(".timeline li")).to_have_count(5)


def test_a_courier_buys_in_a_shop(window: Callable[..., Page]) -> None:
    """Courier-driven: nobody cooks; one order is bought and delivered, of another the shop has none."""
    customer, courier = window("Amara Okafor"), window("Ines Duarte")
    bought, missing = order(customer, "Toko Mitra"), order(customer, "Gelateria Fiore")
    for number in (bought, missing):
        press(courier, number, "Accept")
    press(courier, bought, "Delivered")
    card(courier, missing).get_by_placeholder("Reason, if you like").fill("sold out")
    press(courier, missing, "They do not sell it")
    headline(customer, "Canceled")
    expect(customer.locator(".follow .sentence")).to_contain_text("sold out")
    customer.goto(f"/customer/orders/{bought}/")
    headline(customer, "Delivered. Enjoy!")


def test_a_restaurant_brings_it_itself(contexts: Callable[..., BrowserContext]) -> None:
    """Restaurant-driven: customer and kitchen alone; both live in one browser, each in a window of their own."""
    context = contexts()
    customer, kitchen = be(context, "Robin de Wit"), be(context, "Taverna Kostas")
    number = order(customer, "Taverna Kostas")
    accept(kitchen, number)
    headline(customer, "Taverna Kostas is on the way")
    press(kitchen, number, "Delivered")
    headline(customer, "Delivered. Enjoy!")


def test_an_offer_that_lapses_goes_live(window: Callable[..., Page]) -> None:
    """Who does not answer loses the offer before their eyes, and the next courier has it."""
    customer, silent = window("Amara Okafor"), window("Ines Duarte")
    number = order(customer, "Toko Mitra")
    expect(card(silent, number)).to_be_visible()
    willing = window("Bram Visser")
    expect(card(silent, number)).to_have_count(0)
    press(willing, number, "Accept")
    headline(customer, "Bram Visser is shopping for you")


def test_a_first_delivered_order_begins_a_workflow(window: Callable[..., Page]) -> None:
    """The customer's mailbox fills by itself: a welcome, and a day later the drip; the page says what moved it."""
    customer, kitchen = window("Robin de Wit"), window("Casa Lusitana")
    number = order(customer, "Casa Lusitana")
    accept(kitchen, number)
    press(kitchen, number, "Delivered")
    headline(customer, "Delivered. Enjoy!")
    customer.get_by_role("link", name="mailbox", exact=True).click()
    expect(customer.get_by_role("heading", name="Welcome to our table")).to_be_visible()
    expect(customer.get_by_role("heading", name="What will you eat next?")).to_be_visible()
    expect(customer.get_by_text("It has ended as onboarded.")).to_be_visible()
