"""The ways through the pages: finding, reading, choosing, holding, acting on many, by keyboard, in another language."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from playwright.sync_api import Locator, Page, expect

from statemachines.engine import create, jobs, send
from statemachines.models import BulkJob, MachineInstance
from tests.examples.machines import Open, door, regions

from .acts import ACTS
from .conftest import Look
from .places import address, page_of
from .scenes import a_door, last, stuck, waiting

pytestmark = pytest.mark.django_db(transaction=True)


def locked() -> MachineInstance:
    made = a_door()
    send(made, door.machine.events["lock"](code="1234"), system=True)
    return made


def test_an_error_stands_at_its_field(look: Look, olga: User) -> None:
    """What the server refuses of a payload is said at the field, and nothing is sent."""
    made = a_door()
    page = look(olga)
    page.goto(page_of(made))
    page.locator("summary", has_text="Lock").click()
    form = page.locator("[data-event=lock] form")
    form.evaluate("(form) => { form.noValidate = true }")  # a browser that asks for nothing itself
    form.get_by_role("button").click()
    row = page.locator(".form-row.errors")
    expect(row).to_contain_text("This field is required.")
    expect(row.get_by_label("Code")).to_be_visible()
    assert made.entries.count() == 1


def test_a_refused_event_is_grey_and_tells_its_guard(look: Look, olga: User) -> None:
    """An event that a guard refuses now is no button, and the guard is named."""
    page = look(olga)
    page.goto(page_of(locked()))
    refused = page.locator("[data-event=demolish]")
    expect(refused).to_contain_text("It would need that it is old")
    expect(refused.locator("button, form, a")).to_have_count(0)


def test_a_refusal_is_told_in_the_machines_words(look: Look, olga: User) -> None:
    """An event that its payload makes impossible is refused with the machine's sentence, and listed afterwards."""
    made = locked()
    page = look(olga)
    page.goto(page_of(made))
    page.locator("summary", has_text="Open").click()
    page.get_by_role("button", name="Send “Open”").click()
    expect(page.get_by_role("alert")).to_contain_text("Say the code.")
    page.goto(page_of(made))
    expect(page.get_by_role("region", name="Refused lately")).to_contain_text("Say the code.")


def test_regions_are_chosen_each_on_the_picture(look: Look, olga: User) -> None:
    """On the picture one state of each region is chosen; another one of the same region takes its place."""
    made = create(regions.machine, "both", data={}, system=True)
    page = look(olga)
    page.goto(page_of(made, "force"))
    for state in ("left.l1", "left.l2", "right.r2"):
        page.locator(f"[data-state='both.{state}']").click()
    chosen = page.locator("input[name=targets]:checked")
    assert [one.get_attribute("value") for one in chosen.all()] == ["both.left.l2", "both.right.r2"]
    page.get_by_label("Reason").fill("Both were seen.")
    page.get_by_role("button", name="Show before and after").click()
    expect(page.get_by_role("heading", name="After: L2 of left, r2 of right")).to_be_visible()
    page.get_by_role("button", name="Force").click()
    expect(page.locator("#timeline li").first).to_contain_text("Forced by olga")
    assert last(made).target == ["both", "both.left", "both.left.l2", "both.right", "both.right.r2"]


def test_the_state_as_of_an_entry(look: Look, olga: User) -> None:
    """From an entry of the timeline one sees the instance as it was then, and goes on to its neighbours."""
    page = look(olga)
    page.goto(page_of(locked()))
    page.get_by_role("link", name="#1").click()
    expect(page.get_by_role("heading", name="As of entry 1")).to_be_visible()
    data = page.get_by_role("region", name="Data")
    expect(data).not_to_contain_text("1234")
    page.get_by_role("navigation", name="Entries").get_by_role("link", name="After").click()
    expect(data).to_contain_text("1234")


def test_a_kind_of_effect_is_held_and_released(look: Look, olga: User, tmp_path: Path) -> None:
    """From a failed effect its kind is held, with a reason; it is marked as held until it is released."""
    made = stuck(tmp_path)
    page = look(olga)
    page.goto(page_of(made))
    page.get_by_role("link", name="Hold its kind").first.click()
    page.get_by_label("Reason").fill("The notebook is full.")
    page.get_by_role("button", name="Hold", exact=True).click()
    held = page.get_by_role("region", name="Held")
    expect(held).to_contain_text("“The notebook is full.” olga")
    page.goto(page_of(made))
    expect(page.get_by_role("region", name="Effects").get_by_text("held", exact=True)).to_be_visible()
    page.goto(address("machineoverview_changelist"))
    held.get_by_role("button", name="Release").click()
    expect(held).to_contain_text("Nothing is held.")


def test_the_list_is_filtered_and_searched(look: Look, olga: User, tmp_path: Path) -> None:
    """By machine, state, status and need, and by key, the list comes down to what one looks for."""
    opened = a_door("back")
    send(opened, Open(), system=True)
    a_door("front"), waiting("clock"), stuck(tmp_path, "failed")
    page = look(olga)
    rows = page.locator("#result_list tbody tr")
    filters = page.locator("#changelist-filter")
    page.goto(address("machineinstance_changelist"))
    expect(rows).to_have_count(4)
    filters.get_by_role("link", name="examples.door").click()
    expect(rows).to_have_count(2)
    filters.get_by_role("link", name="Opened", exact=True).click()
    expect(rows).to_contain_text(["back"])
    page.goto(address("machineinstance_changelist"))
    filters.get_by_role("link", name="Needs attention").click()
    expect(rows).to_contain_text(["failed"])
    page.goto(address("machineinstance_changelist"))
    page.get_by_role("textbox", name="Search").fill("clock")
    page.keyboard.press("Enter")
    expect(rows).to_contain_text(["clock"])


def test_a_machines_picture_leads_to_its_instances(look: Look, olga: User) -> None:
    """On a machine's page a state tells how many instances are in it, and leads to their list."""
    a_door("back"), a_door("front")
    page = look(olga)
    page.goto(address("machineoverview_change", "examples.door"))
    page.locator(".statechart a[href*='state=closed']").first.click()
    expect(page.locator("#result_list tbody tr")).to_have_count(2)


def test_many_are_done_in_the_background_with_progress(look: Look, olga: User) -> None:
    """An act on many says how many it touches and what would be refused; the page follows it to its end."""
    doors = [a_door(f"door {number}") for number in range(52)]
    send(doors[0], Open(), system=True)
    page = look(olga)
    page.goto(address("machineinstance_changelist") + "?machine=examples.door")
    page.get_by_label("Select all objects on this page for an action").check()
    page.get_by_role("button", name="Select all 52").click()
    page.get_by_role("combobox", name="Action").select_option(label="Send an event…")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("This touches 52 instances.")).to_be_visible()
    page.get_by_label("Event").select_option(label="Open")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.get_by_text("1 would be refused.")).to_be_visible()
    page.get_by_role("button", name="Send “Open”: 52").dblclick()
    expect(page.get_by_text("0 of 52")).to_be_visible()
    job = BulkJob.objects.get(status="running")
    jobs.run(job.pk, "default")
    expect(page.get_by_text("50 of 52")).to_be_visible()
    jobs.run(job.pk, "default")
    expect(page.get_by_text("52 of 52")).to_be_visible()
    expect(
        page.get_by_text("The state machine").or_(page.get_by_role("region", name="Refused or failed"))
    ).to_be_visible()
    assert MachineInstance.objects.filter(state="opened").count() == 52


def test_bulk_acts_need_their_permission(look: Look, rita: User) -> None:
    """Who may only look is offered no act on many."""
    a_door()
    page = look(rita)
    page.goto(address("machineinstance_changelist"))
    expect(page.get_by_role("combobox", name="Action")).to_have_count(0)


def test_the_keyboard_is_enough(look: Look, olga: User) -> None:
    """An instance is forced without a mouse: by the page's links, the states of the picture, and the buttons."""
    made = a_door()
    page = look(olga)
    page.goto(page_of(made))
    press(page, page.get_by_role("link", name="Force into a state"))
    press(page, page.locator("[data-state=locked]"))
    expect(page.locator("input[value=locked]")).to_be_checked()
    tab_to(page, page.get_by_label("Reason"))
    page.keyboard.type("The key broke.")
    press(page, page.get_by_role("button", name="Show before and after"))
    press(page, page.get_by_role("button", name="Force"))
    expect(page.locator("#timeline li").first).to_contain_text("Forced by olga")
    assert last(made).reason == "The key broke."


def press(page: Page, target: Locator) -> None:
    tab_to(page, target)
    page.keyboard.press("Enter")


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until something has the focus, and see that one sees it."""
    target.wait_for()
    for _ in range(150):
        page.keyboard.press("Tab")
        if target.evaluate("(one) => one === document.activeElement"):
            return
    raise AssertionError(f"Tab does not lead to {target}")


def test_german_with_separators(look: Look, olga: User, tmp_path: Path, settings: Any) -> None:
    """In German, with separators in numbers and ids beyond a thousand, acts are found and done."""
    settings.LANGUAGE_CODE, settings.USE_THOUSAND_SEPARATOR = "de", True
    with connection.cursor() as cursor:
        for table in ("machineinstance", "effect", "timer"):
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('statemachines_{table}', 'id'), 12345)")
    failed, timed, made = stuck(tmp_path), waiting(), a_door(fee=Decimal("1234.50"))
    page = look(olga, locale="de-DE")
    for instance, name in ((failed, "retry"), (timed, "postpone"), (made, "force")):
        page.goto(page_of(instance))
        page.locator(f"a[href='{ACTS[name].address(instance)}']").first.click()
        if name == "force":
            page.get_by_role("radio", name="Locked").check()
        if name == "postpone":
            page.locator("[name=to]").fill("2040-12-31T08:30:00")
        page.locator("[name=reason]").fill("Auf Wunsch.")
        page.locator("#content button[type=submit]").first.click()
        if name == "force":
            page.locator("button[value=confirm]").click()
        expect(page.locator("#timeline li").first).to_contain_text("Auf Wunsch.")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    assert (last(made).target, timed.timers.get().due_at.year) == (["locked"], 2040)
