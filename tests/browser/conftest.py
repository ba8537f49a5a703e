"""A browser and a server for the folder, a signed-in page for each who looks, and nothing that goes wrong unseen.

Playwright keeps an event loop running in the thread of the tests, for as long as it is started: it is started for this
folder alone, so that no other test runs inside that loop, and here Django is told that the database may be used in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client, override_settings
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Playwright, Response, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.admin.conftest import ACTS, staff

from . import chromium

SECONDS = 60
"""How long the browser waits at most for what a test expects."""

Look = Callable[..., Page]


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with pytest.MonkeyPatch.context() as environment, sync_playwright() as started:
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "yes")
        expect.set_options(timeout=SECONDS * 1000)
        yield started


@pytest.fixture(scope="package")
def browser(playwright: Playwright) -> Iterator[Browser]:
    path = chromium.found(playwright)
    if path is None:
        pytest.fail(chromium.MISSING, pytrace=False)
    with playwright.chromium.launch(executable_path=path) as launched:
        yield launched


@pytest.fixture(scope="package")
def live_server(django_db_setup: None) -> Iterator[LiveServer]:
    middleware = ["tests.browser.policy.content_security", *django_settings.MIDDLEWARE]
    with override_settings(MIDDLEWARE=middleware):
        server = LiveServer("127.0.0.1")
        yield server
        server.stop()


@pytest.fixture(scope="package")
def browser_context_args(live_server: LiveServer) -> dict[str, Any]:
    return {"base_url": live_server.url}


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """What goes wrong in any page: scripts' errors, breaches of the policy, dialogs, files that are missing."""
    seen: list[str] = []
    yield seen
    assert seen == []


@pytest.fixture
def look(new_context: Any, live_server: LiveServer, faults: list[str], playwright: Playwright) -> Look:
    """Open a window in which a user is signed in: `look(user, **options of the window)`."""

    def watch(page: Page) -> None:
        page.set_default_timeout(SECONDS * 1000)
        page.on("dialog", lambda dialog: _dialog(dialog, faults))
        page.on("pageerror", lambda error: faults.append(f"script: {error}"))
        page.on("console", lambda message: _console(message, faults))
        page.on("response", lambda response: _response(response, faults))

    def look(user: User, **options: Any) -> Page:
        client = Client()
        client.force_login(user)
        context = new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.on("page", watch)
        cookie = client.cookies[django_settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        page: Page = context.new_page()
        return page

    return look


def _dialog(dialog: Dialog, faults: list[str]) -> None:
    faults.append(f"dialog: {dialog.message}")
    dialog.dismiss()


def _console(message: ConsoleMessage, faults: list[str]) -> None:
    # A page that is answered by 403 or 409 is what a test may be about; files are looked at as responses.
    if message.type == "error" and not message.text.startswith("Failed to load resource"):
        faults.append(f"console: {message.text}")


def _response(response: Response, faults: list[str]) -> None:
    document = response.request.resource_type == "document"
    if response.status >= (500 if document else 400) and not response.url.endswith("/favicon.ico"):
        faults.append(f"{response.status}: {response.url}")


@pytest.fixture(autouse=True)
def no_workers(settings: Any) -> None:
    """Nothing is handed over: a test does it, or starts a worker."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}


@pytest.fixture
def olga(transactional_db: None) -> User:
    """An operator with every permission."""
    return staff("olga", "view_machineinstance", *ACTS)


@pytest.fixture
def rita(transactional_db: None) -> User:
    """Somebody who may look, and touch nothing."""
    return staff("rita", "view_machineinstance")
