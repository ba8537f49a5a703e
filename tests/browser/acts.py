"""Each act of an operator: on what, behind which button, by which permission, and how its form is filled.

Limits: up to the last click, which is the test's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Locator, Page

from statemachines.models import MachineInstance

from .places import page_of
from .scenes import a_door, a_paused_door, stuck, waiting

REASON = "Asked for by the customer."


def reason(page: Page) -> None:
    page.get_by_label("Reason").fill(REASON)


def preview(page: Page) -> None:
    reason(page)
    page.get_by_role("button", name="Show before and after").click()


def code(page: Page) -> None:
    page.get_by_role("textbox", name="Code").fill("1234")


def result(page: Page) -> None:
    page.get_by_label("Value").fill("noted by hand")
    reason(page)


def later(page: Page) -> None:
    page.get_by_label("New time").fill("2040-12-31T08:30:00")
    reason(page)


def locked(page: Page) -> None:
    page.get_by_role("radio", name="Locked").check()
    preview(page)


def fee(page: Page) -> None:
    page.get_by_label("Fee").fill("1.50")
    preview(page)


class Act(NamedTuple):
    """`link` leads from the instance's page to the form, `button` sends it; `words` is how the timeline calls it."""

    scene: Callable[[Path], MachineInstance]
    permission: str
    link: str
    fill: Callable[[Page], None]
    button: str
    words: str
    route: tuple[str, ...]

    def way(self, page: Page) -> Locator:
        """Return what is clicked first on the instance's page."""
        if self.route[0] == "send":
            return page.locator("summary", has_text=self.link)
        if self.route[0] in ("effect", "timer"):  # what it is about follows, for those who do not see the row
            return page.get_by_role("link", name=re.compile(rf"^{self.link} ?: {self.about}$")).first
        return page.get_by_role("link", name=self.link, exact=True)

    def begin(self, page: Page, made: MachineInstance) -> None:
        """Go from the instance's page to the last click."""
        page.goto(page_of(made))
        self.way(page).click()
        self.fill(page)

    @property
    def about(self) -> str:
        """Return what the act is about, as its button says it."""
        return self.button.partition(": ")[2]

    def last(self, page: Page) -> Locator:
        return page.get_by_role("button", name=self.button, exact=True)

    def address(self, made: MachineInstance) -> str:
        name, *args = self.route
        row: list[Any] = []
        if name in ("effect", "timer"):
            row = [made.effects.get().pk if name == "effect" else made.timers.get().pk]
        return page_of(made, name, *row, *args)


def door(folder: Path) -> MachineInstance:
    return a_door()


def paused(folder: Path) -> MachineInstance:
    return a_paused_door()


def clock(folder: Path) -> MachineInstance:
    return waiting()


ACTS = {
    "send": Act(door, "send_event", "Lock", code, "Send “Lock”", "Lock", ("send", "lock")),
    "pause": Act(door, "operate_instance", "Pause…", reason, "Pause", "Paused", ("act", "pause")),
    "resume": Act(paused, "operate_instance", "Resume…", reason, "Resume", "Resumed", ("act", "resume")),
    "cancel": Act(door, "operate_instance", "Cancel…", reason, "Cancel", "Cancelled", ("act", "cancel")),
    "force": Act(door, "force_transition", "Force into a state…", locked, "Force", "Forced", ("force",)),
    "data": Act(door, "edit_data", "Edit data…", fee, "Edit data", "Data edited", ("data",)),
    "retry": Act(
        stuck, "operate_effects", "Retry", reason, "Retry: Note", "Effect retried", ("effect", "retry")
    ),
    "skip": Act(stuck, "operate_effects", "Skip", reason, "Skip: Note", "Effect skipped", ("effect", "skip")),
    "result": Act(
        stuck, "operate_effects", "Give a result", result, "Give a result: Note", "Effect given a result",
        ("effect", "result"),
    ),
    "fire": Act(
        clock, "operate_effects", "Fire now", reason, "Fire now: Time elapsed in waiting",
        "Timer fired by hand", ("timer", "fire"),
    ),
    "postpone": Act(
        clock, "operate_effects", "Postpone", later, "Postpone: Time elapsed in waiting",
        "Timer postponed", ("timer", "postpone"),
    ),
    "cancel_timer": Act(
        clock, "operate_effects", "Cancel", reason, "Cancel: Time elapsed in waiting",
        "Timer cancelled", ("timer", "cancel"),
    ),
}  # fmt: skip
