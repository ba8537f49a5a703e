"""What does not fit between an upgrade and its two definitions: sentences, each with what to write instead.

Limits: what a function of the upgrade will answer is not known; it is held against `images` when it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from .chart import Node
from .machine import Machine
from .shapes import shapes
from .upgrade import Upgrade, listed


def problems(upgrade: Upgrade, old: Machine[Any], new: Machine[Any]) -> Iterator[str]:
    """Yield everything that is wrong with an upgrade."""
    yield from _names(upgrade, old, new)
    if upgrade.image is not None:
        if not upgrade.images:
            yield "states is a function; list in images= every state that it may return"
        yield from _known("images", upgrade.images, new)
    else:
        images = {leaf.path: _images(upgrade, leaf, new) for leaf in old.chart.nodes if leaf.leaf}
        for leaf in (node for node in old.chart.nodes if node.leaf):
            yield from _leaf(leaf, images[leaf.path], new)
        if all(images.values()):
            yield from _together([node for node in old.chart.nodes if node.leaf], images)
            yield from _remembered(upgrade, old, new)
    yield from _data(upgrade, old, new)


def _names(upgrade: Upgrade, old: Machine[Any], new: Machine[Any]) -> Iterator[str]:
    """Yield what is not decided, and what is named and not there."""
    for blank in upgrade.undecided:
        yield f"{blank} is still to be decided: a new name, or None to let it go"
    for path, images in upgrade.states.items():
        if path not in old.chart.by_path:
            yield f"states={path!r}: version {old.version} has no such state{_perhaps(path, old.chart.by_path)}"
        yield from _known(f"states={path!r}", listed(images), new)
    yield from _known("timers", upgrade.timers, new)
    yield from _known("enter", upgrade.enter, new)
    for was, now in upgrade.events.items():
        if now is not None and not any(node.candidates(now) for node in new.chart.nodes):
            yield f"events={was!r}: version {new.version} takes no event {now!r}"
    invoked = {name for node in old.chart.nodes for one in node.invocations for name in (one.id, one.row.effect.id)}
    known = {name for node in new.chart.nodes for one in node.invocations for name in (one.id, one.row.effect.id)}
    for was, now in upgrade.invokes.items():
        if was not in invoked | old.names.effects.keys():
            yield f"invokes={was!r}: version {old.version} has no such effect{_perhaps(was, old.names.effects)}"
        if now is not None and now not in known | new.names.effects.keys():
            yield f"invokes={was!r}: version {new.version} has no effect {now!r}{_perhaps(now, new.names.effects)}"


def _known(where: str, paths: Iterable[str], new: Machine[Any]) -> Iterator[str]:
    for path in paths:
        node = new.chart.by_path.get(path)
        if node is None:
            yield f"{where}: version {new.version} has no state {path!r}{_perhaps(path, new.chart.by_path)}"


def _perhaps(name: str, known: Iterable[str]) -> str:
    found = get_close_matches(name, [one for one in known if one], n=1, cutoff=0.5)
    return f"; did you mean {found[0]!r}?" if found else ""


def _images(upgrade: Upgrade, state: Node, new: Machine[Any]) -> list[Node]:
    found = (new.chart.by_path.get(path) for path in listed(upgrade.states.get(state.path, state.path)))
    return [node for node in found if node is not None]


def _leaf(leaf: Node, images: list[Node], new: Machine[Any]) -> Iterator[str]:
    if not images:
        yield f"{leaf.path!r} has no image in version {new.version}; name one in states={{{leaf.path!r}: …}}"
    for image in images:
        if image.type == "history":
            yield f"{leaf.path!r} leads to {image.path!r}, which is a history state; name the state itself"
        elif (leaf.type == "final") != (image.type == "final"):
            finals = ", ".join(node.path for node in new.chart.nodes if node.type == "final") or "none"
            if leaf.type == "final":
                yield f"{leaf.path!r} is final, its image {image.path!r} is not; final are: {finals}"
            else:
                yield f"{leaf.path!r} is not final, its image {image.path!r} is: an upgrade ends nothing"


def _together(leaves: list[Node], images: dict[str, list[Node]]) -> Iterator[str]:
    """Yield leaves of different regions whose images cannot be active together."""
    for index, one in enumerate(leaves):
        for other in leaves[index + 1 :]:
            if _may_meet(one, other):
                for image in images[one.path]:
                    for rival in images[other.path]:
                        if not _may_meet(image, rival):
                            yield (
                                f"{one.path!r} and {other.path!r} are active together, their images {image.path!r} and "
                                f"{rival.path!r} cannot be"
                            )
    for leaf in leaves:
        for index, image in enumerate(images[leaf.path]):
            for rival in images[leaf.path][index + 1 :]:
                if not _may_meet(image, rival):
                    yield f"{leaf.path!r} cannot lead to {image.path!r} and {rival.path!r} at once"


def _may_meet(one: Node, other: Node) -> bool:
    """Say whether two states can be active at once: in different regions, or one inside the other."""
    if one is other or one.inside(other) or other.inside(one):
        return True
    above = {one, *one.ancestors()}
    return next(node for node in other.ancestors() if node in above).type == "parallel"


def _remembered(upgrade: Upgrade, old: Machine[Any], new: Machine[Any]) -> Iterator[str]:
    """Yield what a history state may remember, and could not in the new version."""
    for node in (node for node in old.chart.nodes if node.history is not None):
        image = new.chart.by_path.get(listed(upgrade.states.get(node.path, node.path))[0])
        if image is None or image.history is None or image.parent is None or node.parent is None:
            continue
        deep = node.history is not None and node.history.deep
        inside = (
            one
            for one in old.chart.nodes
            if (one.leaf and one.inside(node.parent) if deep else one.parent is node.parent)
        )
        for one in inside:
            if one.type != "history" and not any(it.inside(image.parent) for it in _images(upgrade, one, new)):
                where = image.parent.path or "the machine"
                yield f"{node.path!r} may remember {one.path!r}, which has no image inside {where}; name one in states="


def _data(upgrade: Upgrade, old: Machine[Any], new: Machine[Any]) -> Iterator[str]:
    code = getattr(upgrade.data, "__code__", None)
    if code is not None and ... in code.co_consts:
        yield "data= still has three dots where a value is to be decided; write what it is"
    if upgrade.data is None:
        had = shapes(old)[""]
        for name, field in shapes(new)[""].items():
            if "." not in name and field.default is None and name not in had and had:
                yield f"the data of version {new.version} need {name!r}, which has no default; give it in data="
