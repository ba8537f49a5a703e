"""How large boxes and labels are, and where in them each text stands: the same for every engine and for the writer.

Limits: pixels; a box's own content only, what it holds is placed by an engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from .graph import WHEN, Box, Line, Role, Trigger
from .widths import balanced, width, wrap

TITLE, TEXT = 13, 11
TITLE_ROW, ROW, TAG_ROW = 17, 15, 19
PAD = 12
ICON = 14
"""How far an icon moves the text that it stands before."""
WIDEST, WIDEST_HEAD = 190, 260
"""Where text is broken; in the head of what holds states there is more room."""
LABELS: dict[Role, str] = {"entry": "entry", "start": "start", "invoke": "during", "exit": "exit"}
"""The word before what a state does."""
ICONS: dict[Role, str] = {
    "after": "clock",
    "always": "arrow",
    "done": "check",
    "failed": "cross",
    "guard": "diamond",
    "effect": "bolt",
    "do": "slash",
    "to": "arrow",
}
DOT, HISTORY = 12, 26
CHIP_GAP = 4


class Text(NamedTuple):
    """A text at its place in a box; `line` is what it is a row of, `first` whether it is the first of its rows."""

    x: float
    y: float
    text: str
    role: str
    line: Line | None = None
    first: bool = True


class Content(NamedTuple):
    """What a box shows of itself; `rule` is the height at which a line divides it, 0 where none does."""

    width: float
    height: float
    texts: tuple[Text, ...]
    rule: float = 0


def bold(role: Role) -> bool:
    """Say whether a line is emphasised: what is waited for."""
    return role in WHEN


def icon(line: Line) -> str:
    """Return the name of a line's icon; "" where it has none."""
    return "bolt" if line.effect else ICONS.get(line.role, "")


def indent(line: Line, labels: float) -> float:
    """Return where a line's text begins, after its label and icon."""
    return (labels if line.role in LABELS else 0) + (ICON if icon(line) else 0)


@cache
def label_width() -> float:
    """Return the width of the column of labels."""
    return max(width(label, TEXT) for label in LABELS.values()) + 8


@cache
def content(box: Box) -> Content:
    """Measure a state: its name, description, what it does, tags. For what holds states, this is its head."""
    if box.kind in ("initial", "history"):
        size = DOT if box.kind == "initial" else HISTORY
        return Content(size, size, ())
    holds = bool(box.children)
    y = 8.0
    texts: list[Text] = []
    for row in wrap(box.title, TITLE, WIDEST, bold=True):
        texts.append(Text(0, y + 13, row, "title"))
        y += TITLE_ROW
    if box.about:
        for row in wrap(box.about, TEXT, WIDEST_HEAD) if holds else balanced(box.about, TEXT, WIDEST):
            texts.append(Text(0, y + 10, row, "about"))
            y += ROW
    y += 6
    rule = 0.0
    if box.lines:
        rule = 0.0 if holds else y
        y += 0 if holds else 5
        for text in _rows(box.lines, PAD, label_width()):
            texts.append(text._replace(y=y + 11))
            y += ROW
        y += 5
    wide = max(_right(text) for text in texts)
    tags, y = _tags(box.tags, max(wide, 110), y)
    texts += tags
    wide = max(wide, *(_right(text) for text in tags)) if tags else wide
    return Content(round(max(wide + 2 * PAD, 72)), round(y + (4 if box.kind == "final" else 0)), tuple(texts), rule)


def _right(text: Text) -> float:
    """Return where a text ends, from the left padding on."""
    if text.role == "title":
        return width(text.text, TITLE, bold=True)
    if text.line is None:
        return text.x + width(text.text, TEXT)
    return text.x - PAD + width(text.text, TEXT, bold(text.line.role))


def _rows(lines: Iterable[Line], left: float, labels: float) -> Iterator[Text]:
    for line in lines:
        x = left + indent(line, labels)
        for at, row in enumerate(wrap(line.text, TEXT, WIDEST - indent(line, labels), bold(line.role))):
            yield Text(x, 0, row, line.role, line, at == 0)


def _tags(tags: tuple[str, ...], limit: float, y: float) -> tuple[list[Text], float]:
    """Put tags in rows below each other where they do not fit beside each other."""
    texts: list[Text] = []
    x = 0.0
    for tag in tags:
        wide = tag_width(tag)
        if texts and x + wide > limit:
            x, y = 0.0, y + TAG_ROW
        texts.append(Text(x, y + 11, tag, "tag"))
        x += wide + 5
    return texts, y + TAG_ROW + 3 if tags else y


def tag_width(tag: str) -> float:
    """Return how wide a tag is with what is around it."""
    return width(tag, TEXT - 1) + 12


@cache
def chip(trigger: Trigger) -> Content:
    """Measure a transition's label."""
    texts = [text._replace(y=6 + ROW * at + 10) for at, text in enumerate(_rows(trigger.lines, 8, 0))]
    wide = max(text.x + width(text.text, TEXT, bold=text.line is not None and bold(text.line.role)) for text in texts)
    return Content(round(wide + 9), ROW * len(texts) + 8, tuple(texts))


@cache
def chips(triggers: tuple[Trigger, ...]) -> tuple[float, float]:
    """Return width and height of an arrow's labels, one below the other."""
    each = [chip(trigger) for trigger in triggers]
    return max(one.width for one in each), sum(one.height for one in each) + CHIP_GAP * (len(each) - 1)
