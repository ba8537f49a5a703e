"""Graphviz's places, for where ELK is not there: `dot` on the PATH, or the wheel graphviz-pure.

Limits: curves instead of right angles; see `dot` for what it cannot say.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from .dot import CLUSTER, LABEL, POINTS, dot
from .graph import Arrow, Graph
from .layout import Layout, NoLayout, Point, Rect, Route

PAGE = 8


class Graphviz:
    """The engine; `limit` is how many seconds it may take."""

    name = "graphviz"

    def __init__(self, limit: float = 5.0) -> None:
        self.limit = limit

    def missing(self) -> str:
        """Say what is not there of what it needs; "" where all is."""
        return "" if program() else "neither Graphviz's dot nor graphviz-pure is installed"

    def layout(self, graph: Graph) -> Layout:
        """Place a graph. Raises NoLayout."""
        found = program()
        if found is None:
            raise NoLayout(self.missing())
        text = dot(graph, sized=True).encode()
        try:
            done = subprocess.run([found, "-Tjson"], input=text, capture_output=True, timeout=self.limit, check=True)
            return read(graph, msgspec.json.decode(done.stdout))
        except subprocess.TimeoutExpired:
            raise NoLayout(f"Graphviz was not ready after {self.limit} s") from None
        except (OSError, subprocess.CalledProcessError, msgspec.DecodeError) as error:
            raise NoLayout(f"Graphviz failed: {error}") from error


def program() -> str | None:
    """Return the path of a Graphviz; a wheel's is beside Python, which need not be on the PATH."""
    beside = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    return shutil.which("dot") or shutil.which("graphviz-pure", path=beside)


def read(graph: Graph, answer: dict[str, Any]) -> Layout:
    """Read Graphviz's JSON: its y axis points up."""
    _, _, width, height = map(float, answer["bb"].split(","))
    places = {found["name"]: _place(found, height) for found in answer["objects"] if "pos" in found or "bb" in found}
    lines = {edge["id"]: _points(edge["pos"], height) for edge in answer["edges"] if "pos" in edge}
    boxes = {
        box.path: places[CLUSTER + box.path if box.children else box.path]
        for box in graph.root.walk()
    }  # fmt: skip
    routes = {arrow.id: _route(arrow, lines, places) for arrow in graph.arrows if arrow.id in lines}
    return Layout("graphviz", width + 2 * PAGE, height + 2 * PAGE, boxes, routes)


def _route(arrow: Arrow, lines: dict[str, tuple[Point, ...]], places: dict[str, Rect]) -> Route:
    both = (lines[id] for id in (f"to {arrow.id}", arrow.id) if id in lines)
    return Route(tuple(both), places.get(LABEL + arrow.id), curved=True)


def _place(found: dict[str, Any], height: float) -> Rect:
    if "bb" in found:
        left, bottom, right, top = map(float, found["bb"].split(","))
        return Rect(left + PAGE, height - top + PAGE, right - left, top - bottom)
    x, y = map(float, found["pos"].split(","))
    wide, high = float(found["width"]) * POINTS, float(found["height"]) * POINTS
    return Rect(x - wide / 2 + PAGE, height - y - high / 2 + PAGE, wide, high)


def _points(text: str, height: float) -> tuple[Point, ...]:
    """Read a spline: points of Bézier curves, with the tips of arrows marked by a letter."""
    pairs = (point.split(",") for point in text.split() if point[0] not in "es")
    return tuple((float(x) + PAGE, height - float(y) + PAGE) for x, y in pairs)
