"""Each act in a browser: done once by a double click, not done on what has moved, not there without the permission."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import expect

from statemachines import engine
from tests.admin.conftest import ACTS as PERMISSIONS
from tests.admin.conftest import staff

from .acts import ACTS, REASON, Act, clock, door
from .conftest import Look
from .places import page_of
from .scenes import a_door, stuck, waiting

pytestmark = pytest.mark.django_db(transaction=True)

each_act = pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)


@each_act
def test_a_double_click_does_it_once(act: Act, look: Look, olga: User, tmp_path: Path) -> None:
    """An act is found on the instance's page, done once by a double click, and told in the timeline with its reason."""
    made = act.scene(tmp_path)
    before = made.entries.count()
    page = look(olga)
    act.begin(page, made)
    act.last(page).dblclick()
    expect(page.locator(".messagelist .success")).to_be_visible()
    entry = page.locator(f"#timeline [data-sequence='{before + 1}']")
    expect(entry).to_contain_text(f"{act.words} by olga")
    if act.permission != "send_event":
        expect(entry).to_contain_text(REASON)
    events = list(made.entries.order_by("sequence").values_list("event", "actor_label"))[before:]
    by_hand = [event for event, actor in events if actor == "olga"]
    assert len(by_hand) == 1, events


@each_act
def test_a_stale_form_does_nothing(act: Act, look: Look, olga: User, tmp_path: Path) -> None:
    """A form that was opened before the instance moved does nothing, and says what happened meanwhile."""
    made = act.scene(tmp_path)
    page = look(olga)
    act.begin(page, made)
    made.refresh_from_db()
    engine.edit_data(made, made.data, reason="Somebody was faster.", system=True)
    before = made.entries.count()
    act.last(page).click()
    expect(page.locator(".errornote")).to_contain_text("It has moved while this page was open")
    expect(page.get_by_role("status")).to_contain_text("Somebody was faster.")
    assert made.entries.count() == before


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_without_its_permission_an_act_is_not_there(
    permission: str, look: Look, transactional_db: None, tmp_path: Path
) -> None:
    """Who lacks a permission sees no button for its acts, and is told at their addresses; the rest is there."""
    user = staff("ursula", "view_machineinstance", *(one for one in PERMISSIONS if one != permission))
    page = look(user)
    for scene in (door, stuck, clock):
        made = scene(tmp_path)
        page.goto(page_of(made))
        acts = [act for act in ACTS.values() if act.scene is scene]
        for act in acts:
            expect(act.way(page)).to_have_count(0 if act.permission == permission else 1)
        for act in acts:
            if act.permission == permission:
                page.goto(act.address(made))
                expect(page.get_by_role("alert")).to_contain_text("ursula lacks the permission")


def test_readers_see_all_and_touch_nothing(look: Look, rita: User, tmp_path: Path) -> None:
    """Who may only look sees picture, data, timers, effects and timeline, and not one button or form that acts."""
    page = look(rita)
    for made in (a_door(), stuck(tmp_path), waiting()):
        page.goto(page_of(made))
        expect(page.locator(".statechart")).to_be_visible()
        expect(page.locator("#timeline li").first).to_be_visible()
        expect(page.locator(".sm-page form, .sm-page .button")).to_have_count(0)


def test_strangers_see_nothing(look: Look, transactional_db: None) -> None:
    """Staff without any permission of instances are not even told that there are any."""
    page = look(staff("sam"))
    page.goto("/admin/")
    expect(page.get_by_role("link", name="Machine instances")).to_have_count(0)
    answer = page.goto(page_of(a_door()))
    assert answer is not None
    assert answer.status == 403
