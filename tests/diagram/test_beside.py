"""Two versions side by side: what each state becomes, what came and what went."""

from __future__ import annotations

import re

from statemachines import Upgrade
from statemachines.core.diagram.beside import becoming, beside
from statemachines.picture import side
from tests.versions.journey import V1, V2

RENAMING = Upgrade("journey", 1, 2, states={"wait": "pause"})
CHOOSING = Upgrade("journey", 1, 2, states=lambda state: "pause", images=["pause", "remind"])


def drawn(*upgrades: Upgrade) -> str:
    return beside(side(V1), side(V2), becoming(upgrades, V1))


def arrows(svg: str) -> set[tuple[str, str]]:
    return set(re.findall(r'<g data-source="([^"]*)" data-target="([^"]*)"><g class="becomes', svg))


def classes(svg: str, id: str) -> set[str]:
    found = re.search(rf'id="{id}" class="([^"]*)"', svg)
    assert found is not None, id
    return set(found[1].split())


def test_each_state_leads_to_its_image() -> None:
    """A dashed arrow leads from each old state to what it becomes, and those that have another name stand out."""
    svg = drawn(RENAMING)
    assert arrows(svg) == {("greet", "greet"), ("wait", "pause"), ("remind", "remind"), ("done", "done")}
    assert svg.count('class="becomes changed"') == 2  # the arrow, and the legend's
    assert "Wait becomes pause." in svg


def test_what_came_and_went_is_tinted() -> None:
    """New states and transitions are green, those that are gone red, and a renamed state is neither."""
    svg = drawn(RENAMING)
    assert "added" in classes(svg, "new-s-channel")
    assert "added" in classes(svg, "new-t-pause%7Cskip%7C0-done")
    assert "removed" in classes(svg, "old-t-greet%7Cpoke%7C0-wait")
    assert not {"added", "removed"} & (classes(svg, "old-s-wait") | classes(svg, "new-s-pause"))
    assert not {"added", "removed"} & classes(svg, "new-t-pause%7Cnudge%7C0-remind")


def test_without_an_upgrade_nothing_is_said_to_become_something() -> None:
    """Where no upgrade leads to the new version the two stand side by side without an arrow."""
    svg = beside(side(V1), side(V2), {})
    assert not arrows(svg)
    assert "removed" in classes(svg, "old-s-wait")


def test_of_a_function_the_images_are_shown() -> None:
    """Where a function chooses, arrows lead from the machine to all that it may answer; a later mapping is applied."""
    assert arrows(drawn(CHOOSING)) == {("", "pause"), ("", "remind")}
    back = Upgrade("journey", 2, 2, states={"pause": "remind"})
    assert arrows(drawn(CHOOSING, back)) == {("", "remind")}


def test_nothing_needs_a_style_and_no_id_is_there_twice() -> None:
    """A strict Content-Security-Policy has nothing to forbid, and ids are unique though states have the same names."""
    svg = drawn(RENAMING)
    assert "style" not in re.sub(r">[^<]*<", "><", svg)
    ids = re.findall(r'\sid="([^"]*)"', svg)
    assert len(ids) == len(set(ids))
