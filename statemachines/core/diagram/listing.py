"""The last resort, which needs nothing: nested boxes in rows, with every transition as lines in the box it leaves.

Limits: no arrows.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from .graph import Arrow, Box, Graph, Line
from .layout import Layout, Rect
from .measure import content

NAME = "listing"
WIDEST = 900
GAP = 16
PAGE = 8


def listing(graph: Graph) -> Graph:
    """Return the graph without arrows: what they say stands in the boxes."""
    titles = {box.path: box.title for box in graph.root.walk()}
    leaving: dict[str, list[Arrow]] = {}
    for arrow in graph.arrows:
        leaving.setdefault(arrow.source, []).append(arrow)

    def told(box: Box) -> Box:
        dots = [child for child in box.children if child.kind == "initial"]
        starts = [Line("start", titles[arrow.target]) for dot in dots for arrow in leaving[dot.path]]
        ways = [
            replace(line, trigger=trigger.id)
            for arrow in leaving.get(box.path, ())
            for trigger in arrow.triggers
            for line in (*trigger.lines, Line("to", titles[arrow.target]))
        ]
        children = tuple(told(child) for child in box.children if child not in dots)
        return replace(box, lines=(*starts, *box.lines, *ways), children=children)

    return replace(graph, root=told(graph.root), arrows=())


def layout(graph: Graph) -> Layout:
    """Place the boxes of a listing."""
    boxes: dict[str, Rect] = {}
    size = _place(graph.root, PAGE, PAGE, boxes)
    return Layout(NAME, size.width + 2 * PAGE, size.height + 2 * PAGE, boxes, {})


class Size(NamedTuple):
    width: float
    height: float


def _place(box: Box, x: float, y: float, boxes: dict[str, Rect]) -> Size:
    """Place a box and what it holds, row after row; return how large it is."""
    head = content(box)
    right, left, top, row = x + head.width, x + GAP, y + head.height + GAP, 0.0
    for child in box.children:
        size = _place(child, left, top, boxes)
        if left > x + GAP and left + size.width > x + WIDEST:
            left, top, row = x + GAP, top + row + GAP, 0.0
            size = _place(child, left, top, boxes)
        left, row = left + size.width + GAP, max(row, size.height)
        right = max(right, left)
    bottom = top + row + GAP if box.children else y + head.height
    boxes[box.path] = Rect(x, y, right - x, bottom - y)
    return Size(right - x, bottom - y)
