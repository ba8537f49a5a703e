"""Two versions of a machine side by side, with dashed arrows from each old state to what it becomes at the upgrade.

What only the old one has is red, what only the new one has green. Limits: each is placed by itself, so an arrow may
pass behind labels that stand between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from msgspec.structs import replace

from statemachines.core.differences import differences, same_states
from statemachines.core.machine import Machine
from statemachines.core.upgrade import Upgrade, listed
from statemachines.core.words import state_in_words

from . import palette
from .graph import Graph
from .lanes import way
from .layout import Layout, Point, Rect
from .measure import TEXT
from .overlay import Overlay
from .paths import curve, head
from .svg import LEGEND_ROW, Attribute, Writer, box, document, element, legend_below, text
from .widths import width

GAP = 130
"""Between the two machines."""
APART = 14
"""Between arrows that end at the same state."""
DASHES = "6 5"

Becoming = Mapping[str, Sequence[str]]
"""The images of each old leaf; under "" those among which a function chooses."""


class Side(NamedTuple):
    """A version, as it is drawn."""

    machine: Machine[Any]
    graph: Graph
    layout: Layout


def becoming(upgrades: Sequence[Upgrade], old: Machine[Any]) -> dict[str, tuple[str, ...]]:
    """Return what becomes of each state in which an instance can be, over all upgrades one after another."""
    found: dict[str, tuple[str, ...]] = {node.path: (node.path,) for node in old.chart.nodes if node.leaf}
    for upgrade in upgrades:
        if upgrade.image is not None:
            found = {"": upgrade.images}
        else:
            images = {path: [listed(upgrade.states.get(one, one)) for one in now] for path, now in found.items()}
            found = {path: tuple(dict.fromkeys(chain(*now))) for path, now in images.items()}
    return found


def beside(old: Side, new: Side, becomes: Becoming) -> str:
    """Draw both versions; without images no arrow is drawn between them."""
    removed, added = _tints(old, new, becomes)
    writers = (
        Writer(old.graph, old.layout, Overlay(tints=dict.fromkeys(removed, "removed")), "old-"),
        Writer(new.graph, new.layout, Overlay(tints=dict.fromkeys(added, "added")), "new-"),
    )
    left = old.layout.width + GAP
    aside = f"translate({left:.1f} 0)"
    wide, high = left + new.layout.width, max(old.layout.height, new.layout.height)
    between, right = list(_entries(old, new, becomes, removed, added)), 16.0
    key = []
    for wide_entry, drawn in between:
        key.append(element("g", {"transform": f"translate({right:.1f} {high:.1f})"}, *drawn))
        right += wide_entry
    top = high + (LEGEND_ROW if between else 0)
    legend, wide, height = legend_below(writers[0].used | writers[1].used, max(wide, right), top)
    return document(
        f"{old.graph.root.title}: from version {old.graph.version} to version {new.graph.version}",
        " ".join(_told(old.graph, new.graph, becomes)),
        new.layout.engine,
        wide,
        height,
        element("g", {"class": "version old"}, *writers[0].frames()),
        element("g", {"class": "version new", "transform": aside}, *writers[1].frames()),
        *_arrows(old, new, left, becomes),
        element("g", {"class": "version old"}, *writers[0].inside()),
        element("g", {"class": "version new", "transform": aside}, *writers[1].inside()),
        *key,
        *legend,
    )


def _told(old: Graph, new: Graph, becomes: Becoming) -> Iterator[str]:
    """Yield sentences for those who hear the picture."""
    yield f"Version {old.version} stands on the left, version {new.version} on the right."
    for path, images in becomes.items():
        if not path:
            yield f"A function decides between: {', '.join(map(state_in_words, images))}."
        elif list(images) != [path]:
            yield f"{state_in_words(path).capitalize()} becomes {' and '.join(map(state_in_words, images))}."


# what came and went


def _tints(old: Side, new: Side, becomes: Becoming) -> tuple[set[str], set[str]]:
    """Return the states and transitions that only the old version has, and those that only the new one has."""
    was, now = (side.machine.chart.by_path.keys() for side in (old, new))
    same = same_states(old.machine, new.machine)
    for path in was - same.keys():
        images = becomes.get(path, ())
        if len(images) == 1 and images[0] in now - set(same.values()):
            same[path] = images[0]  # it has another name
    found = [one for one in differences(old.machine, new.machine, same) if one.kind.startswith("transition")]
    other = [one for one in found if one.kind != "transition_order"]
    removed, added = {one.before for one in other}, {one.after for one in other}
    return (removed | (was - same.keys())) - {""}, (added | (now - set(same.values()))) - {""}


# arrows between the machines


def _arrows(old: Side, new: Side, left: float, becomes: Becoming) -> Iterator[str]:
    boxes = old.layout.boxes, {path: replace(box, x=box.x + left) for path, box in new.layout.boxes.items()}
    pairs = [(path, image) for path, images in becomes.items() for image in images]
    pairs = [(path, image) for path, image in pairs if path in boxes[0] and image in boxes[1]]
    for path, image in pairs:
        source, target = boxes[0][path], boxes[1][image]
        ends = sorted((one for one, other in pairs if other == image), key=lambda one: boxes[0][one].y)
        starts = sorted((other for one, other in pairs if one == path), key=lambda one: boxes[1][one].y)
        start = source.right + 1, _port(source, starts.index(image), len(starts), head_only=not path)
        end = target.x - 2, _port(target, ends.index(path), len(ends))
        points = way(start, end, _others(old, boxes[0], path), _others(new, boxes[1], image))
        yield element(
            "g", {"data-source": path, "data-target": image}, *_dashed(points, curve(points), kept=path == image)
        )
    if "" in becomes:
        whole = boxes[0][""]
        yield text(whole.right + 8, whole.y + 17, "a function decides", class_="muted", fill=palette.MUTED)


def _others(side: Side, boxes: Mapping[str, Rect], path: str) -> list[Rect]:
    """Return what an arrow should not pass behind: the boxes of all other leaves."""
    leaves = (node.path for node in side.machine.chart.nodes if node.leaf and node.path != path)
    return [boxes[leaf] for leaf in leaves if leaf in boxes]


def _port(rect: Rect, at: int, of: int, *, head_only: bool = False) -> float:
    """Return the height at which one of several arrows meets a box; those of a whole machine leave at its head."""
    apart = min(APART, rect.height / (of + 1))
    middle = rect.y + (24 if head_only else rect.height / 2)
    return middle + (at - (of - 1) / 2) * (0 if head_only else apart)


def _dashed(points: Sequence[Point], path: str, *, kept: bool) -> Iterator[str]:
    """Yield a dashed arrow along a path, on a paler one that parts it from what it crosses."""
    ink, thick = (palette.LINE, 1.2) if kept else (palette.ACCENT, 1.8)
    line: dict[str, Attribute] = {"d": path, "fill": "none", "stroke-linecap": "round"}
    halo: dict[str, Attribute] = {"class": "halo", "stroke": palette.PAGE, "stroke-width": thick + 3.5}
    dashes: dict[str, Attribute] = {"class": "way", "stroke": ink, "stroke-width": thick, "stroke-dasharray": DASHES}
    tip: dict[str, Attribute] = {"class": "head", "d": head(points, 1.0), "fill": ink}
    drawn = element("path", line | halo), element("path", line | dashes), element("path", tip)
    yield element("g", {"class": "becomes" if kept else "becomes changed"}, *drawn)


# the legend's first row


def _entries(
    old: Side, new: Side, becomes: Becoming, removed: set[str], added: set[str]
) -> Iterator[tuple[float, list[str]]]:
    """Yield what is told of the two versions, at the origin, and how wide each is."""
    kept = [path in images for path, images in becomes.items()]
    for used, same, told in ((any(kept), True, "goes on"), (not all(kept), False, "becomes another")):
        if used:
            yield _entry(f"{told}, at the upgrade", *_dashed(((2.0, 11.0), (24.0, 11.0)), "M2 11 H17", kept=same))
    for tint, some, graph in (("removed", removed, old.graph), ("added", added, new.graph)):
        if some:
            fill, border = palette.TINTS[tint]
            swatch = box(Rect(2, 3, 18, 16), 5, fill, border, 1.6, class_="box")
            yield _entry(f"only in version {graph.version}", element("g", {"class": f"state {tint}"}, swatch))


def _entry(told: str, *drawn: str) -> tuple[float, list[str]]:
    return width(told, TEXT) + 46, [*drawn, text(29, 15, told, class_="muted", fill=palette.MUTED)]
