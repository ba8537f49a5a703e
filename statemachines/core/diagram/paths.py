"""Lines as SVG writes them: rounded corners, curves, arrow heads.

Limits: strings for the attribute `d`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .layout import Point

RADIUS = 8.0
HEAD_LENGTH, HEAD_WIDTH = 9.0, 7.0


def rounded(points: Sequence[Point]) -> str:
    """Return a line through points whose corners are rounded."""
    parts = [f"M{_at(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(RADIUS, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        parts.append(f"L{_at(_toward(corner, before, radius))} Q{_at(corner)} {_at(_toward(corner, after, radius))}")
    return " ".join([*parts, f"L{_at(points[-1])}"])


def curve(points: Sequence[Point]) -> str:
    """Return Bézier curves: a point, then three for each curve."""
    return f"M{_at(points[0])} C{' '.join(map(_at, points[1:]))}"


def head(points: Sequence[Point], scale: float) -> str:
    """Return the arrow head at a line's end."""
    end = points[-1]
    before = next((point for point in reversed(points) if math.dist(point, end) > 0.5), (end[0], end[1] - 1))
    base = _toward(end, before, HEAD_LENGTH * scale)
    along_x, along_y = end[0] - base[0], end[1] - base[1]
    half = HEAD_WIDTH / HEAD_LENGTH / 2
    left = base[0] - along_y * half, base[1] + along_x * half
    right = base[0] + along_y * half, base[1] - along_x * half
    return f"M{_at(end)} L{_at(left)} L{_at(right)} Z"


def _toward(start: Point, end: Point, distance: float) -> Point:
    part = distance / (math.dist(start, end) or 1)
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part


def _at(point: Point) -> str:
    return " ".join(f"{value:.1f}".removesuffix(".0") for value in point)
