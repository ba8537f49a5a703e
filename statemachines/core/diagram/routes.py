"""Orthogonal lines made tidy: no jogs of a few pixels, no arrow that ends on a rounded corner.

Limits: moves a line's segments by a few pixels, never its labels, and only along the border that it ends at.
"""

from __future__ import annotations

from itertools import pairwise

from .layout import Point, Rect, Route

JOG = 7.0
CORNER = 14.0


def tidied(route: Route, source: Rect, target: Rect, source_head: float = 0, target_head: float = 0) -> Route:
    """Return a route with jogs straightened and ends moved off the corners.

    A line between a state and one inside it ends below the state's head, whose texts it would cross.
    """
    lines = tuple(_tidied(line, source, target) for line in route.lines)
    if source.holds(target):
        lines = (_below(lines[0], source, source_head), *lines[1:])
    if target.holds(source):
        lines = (*lines[:-1], _below(lines[-1][::-1], target, target_head)[::-1])
    return Route(lines, route.labels, route.curved)


def _below(points: tuple[Point, ...], box: Rect, head: float) -> tuple[Point, ...]:
    """Begin a line that comes down from a box's upper border below its head."""
    (x, y), (next_x, next_y) = points[:2]
    inside = x == next_x and abs(y - box.y) < 1 and next_y > box.y + head
    return ((x, box.y + head), *points[1:]) if inside else points


def _tidied(line: tuple[Point, ...], source: Rect, target: Rect) -> tuple[Point, ...]:
    points = _straightened(_off_corner(list(line), target))
    points = _off_corner(points[::-1], source)[::-1]
    return tuple(_merged(points))


def _off_corner(points: list[Point], box: Rect) -> list[Point]:
    """Move the last segment along the border at which it ends, where a bend before it allows that."""
    if len(points) < 3:
        return points
    (x, y), (before_x, before_y) = points[-1], points[-2]
    if x == before_x and box.width > 2 * CORNER:
        moved = min(max(x, box.x + CORNER), box.right - CORNER)
        return [*points[:-2], (moved, before_y), (moved, y)]
    if y == before_y and box.height > 2 * CORNER:
        moved = min(max(y, box.y + CORNER), box.bottom - CORNER)
        return [*points[:-2], (before_x, moved), (x, moved)]
    return points


def _straightened(points: list[Point]) -> list[Point]:
    """Take out short steps between two parallel segments: the shorter way to an end moves."""
    at = 1
    while at + 2 < len(points):
        (x, y), (next_x, next_y) = points[at], points[at + 1]
        if 0 < abs(x - next_x) + abs(y - next_y) < JOG and _parallel(points, at):
            if at == 1:
                points[0] = (next_x, points[0][1]) if y == next_y else (points[0][0], next_y)
            elif at + 3 == len(points):
                points[-1] = (x, points[-1][1]) if y == next_y else (points[-1][0], y)
            else:
                at += 1
                continue
            del points[at : at + 2]
        else:
            at += 1
    return points


def _parallel(points: list[Point], at: int) -> bool:
    """Say whether the segments before and after the one that begins at `at` run the same way."""
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points[at - 1 : at + 3]
    return (ax == bx and cx == dx and by == cy) or (ay == by and cy == dy and bx == cx)


def _merged(points: list[Point]) -> list[Point]:
    """Drop points that lie on a straight line between their neighbours."""
    kept = points[:1]
    for (x, y), (next_x, next_y) in pairwise(points[1:]):
        last_x, last_y = kept[-1]
        if not (last_x == x == next_x or last_y == y == next_y):
            kept.append((x, y))
    return [*kept, points[-1]]
