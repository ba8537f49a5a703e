"""What must hold of a layout: said as sentences about what does not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from statemachines.core.diagram.graph import Box, Graph
from statemachines.core.diagram.layout import Layout, Point, Rect
from statemachines.core.diagram.measure import content


def problems(graph: Graph, layout: Layout) -> list[str]:
    """Return what is wrong with a layout."""
    return [*_nesting(graph.root, layout), *_ends(graph, layout), *_labels(graph, layout)]


def _nesting(box: Box, layout: Layout) -> Iterator[str]:
    """Boxes lie in what holds them, below its head, as large as their content, and not on each other."""
    around, head = layout.boxes[box.path], content(box)
    if around.width < head.width - 1 or around.height < head.height - 1:
        yield f"{box.path or 'the machine'} is smaller than its texts"
    for child in box.children:
        inside = layout.boxes[child.path]
        if not around.holds(inside):
            yield f"{child.path} is not in {box.path or 'the machine'}"
        if inside.y < around.y + head.height - 3:
            yield f"{child.path} lies on the head of {box.path or 'the machine'}"
        yield from _nesting(child, layout)
    for one, other in combinations(box.children, 2):
        if overlap(layout.boxes[one.path], layout.boxes[other.path]):
            yield f"{one.path} lies on {other.path}"


def _ends(graph: Graph, layout: Layout) -> Iterator[str]:
    """Arrows begin and end at the borders of their states; below the head where they come from inside."""
    boxes = {box.path: box for box in graph.root.walk()}
    for arrow in graph.arrows:
        lines = layout.routes[arrow.id].lines
        for path, point in ((arrow.source, lines[0][0]), (arrow.target, lines[-1][-1])):
            rect = layout.boxes[path]
            height = content(boxes[path]).height - 2
            below = Rect(rect.x, rect.y + height, rect.width, max(rect.height - height, 0))
            if not (on_border(rect, point) or (boxes[path].children and on_border(below, point))):
                yield f"{arrow.id}: {point} is not on the border of {path or 'the machine'}"


def _labels(graph: Graph, layout: Layout) -> Iterator[str]:
    """Labels lie on no state without states in it, and not on each other."""
    placed = {id: route.labels for id, route in layout.routes.items() if route.labels}
    leaves = {box.path: layout.boxes[box.path] for box in graph.root.walk() if not box.children}
    for (one, rect), (other, second) in combinations((placed | leaves).items(), 2):
        if overlap(rect, second):
            yield f"{one} lies on {other}"
    for arrow in graph.arrows:
        if arrow.triggers and arrow.id not in placed:
            yield f"{arrow.id} has no label"


def overlap(one: Rect, other: Rect) -> bool:
    """Say whether two boxes share more than a border."""
    return (
        min(one.right, other.right) - max(one.x, other.x) > 1
        and min(one.bottom, other.bottom) - max(one.y, other.y) > 1
    )


def on_border(rect: Rect, point: Point) -> bool:
    """Say whether a point is on a box's border."""
    x, y = point
    near_x, near_y = rect.x - 1 <= x <= rect.right + 1, rect.y - 1 <= y <= rect.bottom + 1
    return (near_x and min(abs(y - rect.y), abs(y - rect.bottom)) <= 1) or (
        near_y and min(abs(x - rect.x), abs(x - rect.right)) <= 1
    )
