"""One town for the folder, a browser, windows for each who looks, and nothing that goes wrong unseen.

A courier is offered what nobody before was offered for longer: each test sends its own couriers to work, and home.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.conftest import browser, playwright

from .people import be
from .town import Town, town

__all__ = ["browser", "playwright"]

SECONDS = 30
SECONDS_PER_MINUTE = 1

Windows = Callable[..., Page]


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("town"), SECONDS_PER_MINUTE) as found:
        yield found


@pytest.fixture
def contexts(site: Town, browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Make a browser of its own, whose pages have no faults: `contexts(**options)`."""
    faults: list[str] = []
    made: list[BrowserContext] = []

    def watch(page: Page) -> None:
        page.set_default_timeout(SECONDS * 1000)
        page.on("pageerror", lambda error: faults.append(f"script: {error}"))
        page.on("console", lambda message: faults.append(message.text) if "Security Policy" in message.text else None)
        page.on(
            "response", lambda answer: faults.append(f"{answer.status}: {answer.url}") if answer.status >= 500 else None
        )

    def make(**options: Any) -> BrowserContext:
        context = browser.new_context(base_url=site.address, locale="en", **options)
        context.on("page", watch)
        made.append(context)
        return context

    yield make
    for context in made:
        for page in context.pages:
            if page.url.endswith("/courier/"):
                page.request.post("/courier/at-work/", form=at_home(page))
        context.close()
    assert faults == []


def at_home(page: Page) -> dict[str, str]:
    """Return the form of a courier who goes home, so that the next test's are asked."""
    token = page.locator("input[name=csrfmiddlewaretoken]").first.input_value()
    return {"at_work": "0", "csrfmiddlewaretoken": token}


@pytest.fixture
def window(contexts: Callable[..., BrowserContext]) -> Windows:
    """Be somebody in a browser of their own: `window("Amara Okafor", **options of the browser)`."""
    return lambda name, **options: be(contexts(**options), name)
