"""Where everything is: the one contract between engines and writers, `layout(graph) -> Layout`.

Limits: plain values in pixels from the top left, so that a layout can be kept as JSON.
"""

from __future__ import annotations

import hashlib

import msgspec

from .graph import Graph

RENDERER = 1
"""Raised when layouts made before are no longer right: sizes, options or engines changed."""

Point = tuple[float, float]


class NoLayout(Exception):
    """An engine is not there, took too long or failed; the text says which."""


class Rect(msgspec.Struct, frozen=True, array_like=True):
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    def holds(self, other: Rect, slack: float = 0.5) -> bool:
        """Say whether the other lies inside it."""
        return (
            self.x - slack <= other.x
            and self.y - slack <= other.y
            and other.right <= self.right + slack
            and other.bottom <= self.bottom + slack
        )


class Route(msgspec.Struct, frozen=True):
    """An arrow's way. The last of its lines ends at the target; `curved`: their points are those of Bézier curves.

    `labels` is the place of all its labels, one below the other.
    """

    lines: tuple[tuple[Point, ...], ...]
    labels: Rect | None = None
    curved: bool = False


class Layout(msgspec.Struct, frozen=True):
    """The places of a graph's boxes by path, and of its arrows by id; `engine` says who placed them."""

    engine: str
    width: float
    height: float
    boxes: dict[str, Rect]
    routes: dict[str, Route]


def key(graph: Graph) -> str:
    """Return what a layout may be kept under: it follows from the graph, texts included, and from the renderer."""
    return hashlib.sha256(msgspec.json.encode((RENDERER, graph))).hexdigest()
