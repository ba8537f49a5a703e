"""What holds on every page of the admin: nothing bars people, a script in a text is text, no page is too wide."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from statemachines.actors import actor_of

from .conftest import Look
from .scenes import every_page

pytestmark = pytest.mark.django_db(transaction=True)

DJANGOS = [[".breadcrumbs"], ["#searchbar"]]
"""Faults of the stock admin: the colour alone tells links of breadcrumbs, and a title alone labels the search."""

OPTIONS = {"resultTypes": ["violations"], "preload": False}
"""Axe would fetch what the style sheets import, from the page's folder instead of theirs."""

TOO_WIDE = """() => [...document.querySelectorAll("body *")].filter((one) => {
  if (one.getBoundingClientRect().right <= innerWidth + 1) return false;
  for (let above = one; above; above = above.parentElement)
    if (getComputedStyle(above).position !== "static" || getComputedStyle(above).overflowX !== "visible") return false;
  return true;
}).map((one) => `${one.tagName}.${one.className}`)"""


def test_somebody_signs_in(page: Page, live_server: LiveServer) -> None:
    """The way in is the admin's own login."""
    User.objects.create_superuser("olga", password="secret")
    page.goto("/admin/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Site administration")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(scheme: str, look: Look, olga: User, tmp_path: Path) -> None:
    """No page bars people who see little, use no mouse, or hear it read, as far as axe-core can tell."""
    axe, page = Axe(), look(olga, color_scheme=scheme, bypass_csp=True)  # axe has styles of its own
    counts: Counter[str] = Counter()
    serious = []
    for name, url in every_page(tmp_path, actor_of(olga)).items():
        page.goto(url)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        for fault in axe.run(page, {"exclude": DJANGOS}, OPTIONS).response["violations"]:
            counts[fault["impact"]] += 1
            where = [(node["html"][:150], node["failureSummary"][:300]) for node in fault["nodes"]]
            print(name, scheme, fault["impact"], fault["id"], len(where))
            if fault["impact"] in ("serious", "critical"):
                serious.append((name, fault["id"], where[:3]))
    print(scheme, dict(counts))
    assert serious == []


def test_a_script_in_any_text_is_text(look: Look, olga: User, tmp_path: Path) -> None:
    """A script in a key, data, payload, reason or name is shown and never run: that the window watches for."""
    page = look(olga)
    for name, url in every_page(tmp_path, actor_of(olga)).items():
        page.goto(url)
        assert page.locator("#content script:not([src]), #content img[src=x]").count() == 0, name


def test_a_narrow_screen_is_enough(look: Look, olga: User, tmp_path: Path) -> None:
    """On 390 pixels no page is wider than the screen; what is wide scrolls in a box of its own."""
    page = look(olga, viewport={"width": 390, "height": 844}, has_touch=True)
    wide = {}
    for name, url in every_page(tmp_path, actor_of(olga)).items():
        page.goto(url)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide[name] = page.evaluate(TOO_WIDE)
    assert wide == {}
