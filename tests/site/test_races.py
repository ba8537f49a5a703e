"""Old pages and two people at the same instant: one of them wins, and the other is told what happened meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from .conftest import SECONDS
from .people import at_once, be, button, card, headline, order, press

Contexts = Callable[..., BrowserContext]


def stale(contexts: Contexts, name: str) -> Page:
    """Be somebody whose page hears of nothing: what it shows grows old."""
    context = contexts()
    for streams in ("**/live/", "**/stream/"):
        context.route(streams, lambda route: route.abort())
    return be(context, name)


def refused(page: Page) -> Any:
    return page.get_by_role("alert")


def test_who_rejected_comes_back_with_an_old_page(contexts: Contexts, window: Callable[..., Page]) -> None:
    """A courier who rejected in one window cannot accept in another that is old; the offer is another courier's."""
    customer, context = window("Amara Okafor"), contexts()
    context.route("**/live/", lambda route: route.abort())
    old = be(context, "Ines Duarte")
    number = order(customer, "Toko Mitra")
    old.reload()
    expect(card(old, number)).to_be_visible()
    new = context.new_page()
    new.goto("/courier/")
    other = window("Bram Visser")
    press(new, number, "Reject")
    expect(card(other, number)).to_be_visible()
    press(old, number, "Accept")
    expect(refused(old)).to_contain_text("This offer is not open any more")
    expect(refused(old)).to_contain_text("the next one is asked")
    expect(card(old, number)).to_have_count(0)
    press(other, number, "Accept")
    headline(customer, "Bram Visser is shopping for you")


def test_two_couriers_click_at_the_same_instant(contexts: Contexts, window: Callable[..., Page]) -> None:
    """Of two who accept, only the one whose offer is open gets the job, whoever was first."""
    customer, one = window("Robin de Wit"), stale(contexts, "Ines Duarte")
    number = order(customer, "Toko Mitra")
    one.reload()
    expect(card(one, number)).to_be_visible()
    other = window("Bram Visser")
    expect(card(other, number)).to_be_visible()  # the first offer has lapsed, and the first courier's page is old
    at_once(button(one, number, "Accept"), button(other, number, "Accept"))
    expect(refused(one)).to_contain_text("This offer is not open any more")
    headline(customer, "Bram Visser is shopping for you")


def test_a_customer_cancels_while_the_restaurant_accepts(contexts: Contexts) -> None:
    """One of the two is taken, the other is refused and told so, where no stream has taken the button away before."""
    customer, kitchen = stale(contexts, "Amara Okafor"), stale(contexts, "Pho 79")
    number = order(customer, "Pho 79")
    kitchen.reload()
    expect(card(kitchen, number)).to_be_visible()
    at_once(button(customer, number, "Cancel the order"), button(kitchen, number, "Accept"))
    deadline = time.monotonic() + SECONDS
    while not refused(customer).count() + refused(kitchen).count():
        assert time.monotonic() < deadline, "Nobody was refused."
        customer.wait_for_timeout(50)
    headline(customer, "Canceled" if refused(kitchen).count() else "Pho 79 is cooking")


def test_a_form_that_is_sent_twice_is_done_once(window: Callable[..., Page]) -> None:
    """An order that was placed by a double click is one order, an event that was sent twice is one event."""
    customer, kitchen = window("Robin de Wit"), window("Trattoria da Nello")
    customer.locator(".restaurants a", has_text="Trattoria").click()
    placed = {customer.request.post(customer.url, form=form_of(customer, ".menu form")).url for _ in range(2)}
    assert len(placed) == 1
    number = int(placed.pop().rstrip("/").rpartition("/")[2])
    expect(card(kitchen, number)).to_be_visible()
    accepting = form_of(kitchen, f"#order-{number} form.prep_minutes")
    address = f"/restaurant/orders/{number}/restaurant_accepted/"
    assert [kitchen.request.post(address, form=accepting).status for _ in range(2)] == [200, 200]
    customer.goto(f"/customer/orders/{number}/")
    headline(customer, "Trattoria da Nello is cooking")
    expect(customer.locator(".timeline li")).to_have_count(2)


def form_of(page: Page, selector: str) -> dict[str, str]:
    """Return a form's fields as a browser sends them."""
    return page.locator(selector).evaluate("form => Object.fromEntries(new FormData(form))")
