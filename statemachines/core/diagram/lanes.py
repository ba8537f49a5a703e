"""The way of an arrow to a picture that stands right of another, past the boxes that stand between.

Limits: boxes are avoided, not labels, and two arrows may share a way.
"""

from __future__ import annotations

from collections.abc import Sequence

from .layout import Point, Rect

CLEAR = 7.0
"""Between an arrow and a box that it passes."""

SAMPLES = 120


def way(start: Point, end: Point, left: Sequence[Rect], right: Sequence[Rect]) -> tuple[Point, ...]:
    """Return Bézier points from a box on the left to one on the right: one curve, or, where others stand in its way,
    through free lanes between them. `left` and `right` are the boxes of each side without the arrow's own.
    """
    straight = _sweep(start, end)
    if not any(_hits(straight, box) for box in (*left, *right)):
        return straight
    leaving = _lane(start, [box for box in left if box.right > start[0]])
    arriving = [_mirror(point) for point in _lane(_mirror(end), [_mirrored(box) for box in right if box.x < end[0]])]
    return (*leaving, *_sweep(leaving[-1], arriving[-1])[1:], *reversed(arriving[:-1]))


def _sweep(start: Point, end: Point) -> tuple[Point, Point, Point, Point]:
    reach = max(50.0, (end[0] - start[0]) / 2)
    return start, (start[0] + reach, start[1]), (end[0] - reach, end[1]), end


def _lane(start: Point, boxes: Sequence[Rect]) -> list[Point]:
    """Return Bézier points to the right of all boxes, at the nearest height at which none of them stands."""
    if not boxes:
        return [start]
    x, y = start
    heights = [y, *(height for box in boxes for height in (box.y - CLEAR, box.bottom + CLEAR))]
    free = [height for height in heights if not any(_within(height, box) for box in boxes)]
    lane = min(free, key=lambda height: abs(height - y))
    low, high = sorted((y, lane))
    first = min((box.x for box in boxes if box.x > x and box.y < high and box.bottom > low), default=x)
    middle, out = (x + first) / 2, max(box.right for box in boxes)
    return [start, (middle, y), (middle, lane), (first, lane), (first, lane), (out, lane), (out, lane)]


def _within(height: float, box: Rect) -> bool:
    return box.y - CLEAR < height < box.bottom + CLEAR


def _hits(points: Sequence[Point], box: Rect) -> bool:
    return any(box.x - CLEAR < x < box.right + CLEAR and _within(y, box) for x, y in _samples(points))


def _samples(points: Sequence[Point]) -> list[Point]:
    def at(part: float, axis: int) -> float:
        first, second, third, fourth = (point[axis] for point in points)
        rest = 1 - part
        return rest**3 * first + 3 * rest**2 * part * second + 3 * rest * part**2 * third + part**3 * fourth

    return [(at(step / SAMPLES, 0), at(step / SAMPLES, 1)) for step in range(SAMPLES + 1)]


def _mirror(point: Point) -> Point:
    return -point[0], point[1]


def _mirrored(box: Rect) -> Rect:
    return Rect(-box.right, box.y, box.width, box.height)
