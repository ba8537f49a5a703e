"""ELK's layered layout (elkjs, run by QuickJS): the engine of good pictures.

The document order is given as a hint, by positions; ELK's own option for it (model order) crashes on half of all charts
with many transitions across borders, in elkjs 0.10.2 on fewer than later. What fails or takes too long is tried once
more without the hint. Limits: orthogonal lines only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from .graph import Arrow, Box, Graph
from .layout import Layout, NoLayout, Point, Rect, Route
from .measure import chips, content
from .routes import tidied

SHIPPED = Path(__file__).resolve().parent.parent.parent / "vendor" / "elkjs" / "elk-worker.min.js"
"""Where the wheel has elkjs, and where `make vendor` puts it in a checkout."""

PROCESS = Path(__file__).with_name("elk_process.py")

OPTIONS = {
    "elk.algorithm": "layered",
    "elk.direction": "DOWN",
    "elk.hierarchyHandling": "INCLUDE_CHILDREN",
    "elk.edgeRouting": "ORTHOGONAL",
    "elk.json.edgeCoords": "ROOT",
    "elk.json.shapeCoords": "ROOT",
    "elk.randomSeed": "1",
    "elk.padding": "[top=8,left=8,bottom=8,right=8]",
    "elk.layered.layering.strategy": "LONGEST_PATH_SOURCE",
    "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
    "elk.layered.nodePlacement.favorStraightEdges": "true",
    "elk.layered.feedbackEdges": "true",
    "elk.layered.thoroughness": "15",
    "elk.spacing.nodeNode": "28",
    "elk.spacing.edgeNode": "16",
    "elk.spacing.edgeEdge": "14",
    "elk.spacing.edgeLabel": "6",
    "elk.spacing.labelNode": "8",
    "elk.layered.spacing.nodeNodeBetweenLayers": "24",
    "elk.layered.spacing.edgeNodeBetweenLayers": "14",
    "elk.layered.spacing.edgeEdgeBetweenLayers": "12",
}
HINTS = {"elk.layered.crossingMinimization.semiInteractive": "true"}
"""Each state has a position, from which only the order of those side by side is taken."""
LABEL = {"elk.edgeLabels.inline": "true", "elk.edgeLabels.placement": "CENTER"}
INSET = 18
"""Between a state and the states in it."""


class Elk:
    """The engine; `file` is elkjs's `elk-worker.min.js`, `limit` how many seconds a try may take."""

    name = "elk"

    def __init__(self, file: Path = SHIPPED, limit: float = 5.0) -> None:
        self.file = file
        self.limit = limit

    def missing(self) -> str:
        """Say what is not there of what it needs; "" where all is."""
        if find_spec("quickjs") is None:
            return "the package quickjs-ng is not installed"
        return "" if self.file.is_file() else f"there is no elkjs at {self.file}"

    def layout(self, graph: Graph) -> Layout:
        """Place a graph. Raises NoLayout."""
        if missing := self.missing():
            raise NoLayout(missing)
        try:
            return self._attempt(graph, HINTS)
        except NoLayout:
            return self._attempt(graph, {})

    def _attempt(self, graph: Graph, more: dict[str, str]) -> Layout:
        return read(graph, run(self.file, msgspec.json.encode(ask(graph, more)), self.limit))


def run(file: Path, question: bytes, limit: float) -> dict[str, Any]:
    """Have a process place one graph. Raises NoLayout where it fails or takes longer than `limit` seconds."""
    command = [python(), "-P", "-S", str(PROCESS), str(file)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    begun = time.monotonic()
    try:
        done = subprocess.run(command, input=question + b"\n", capture_output=True, timeout=limit, env=environment)
    except subprocess.TimeoutExpired:
        raise NoLayout(f"ELK was not ready after {time.monotonic() - begun:.1f} s") from None
    except OSError as error:
        raise NoLayout(f"ELK cannot be run: {error}") from error
    if done.returncode or not done.stdout:
        raise NoLayout(f"ELK failed: {done.stderr.decode(errors='replace').strip()[-500:] or done.returncode}")
    answer: dict[str, Any] = msgspec.json.decode(done.stdout)
    if "problem" in answer:
        raise NoLayout(f"ELK failed: {answer['problem'][:500]}")
    return answer


def python() -> str:
    """Return this Python; `sys.executable` is the server's where one has Python built in."""
    name = Path(sys.executable or "").stem
    known = sys.executable if name.startswith(("python", "pypy")) else None
    return known or shutil.which("python3", path=os.path.join(sys.exec_prefix, "bin")) or "python3"


def ask(graph: Graph, more: dict[str, str]) -> dict[str, Any]:
    """Return a graph as ELK takes it."""
    return {
        "id": "#page",
        "layoutOptions": OPTIONS | more,
        "children": [_node(graph.root, 0, more)],
        "edges": [_edge(arrow) for arrow in graph.arrows],
    }


def _node(box: Box, place: int, more: dict[str, str]) -> dict[str, Any]:
    size = content(box)
    order = {"elk.position": f"({place},{place})"}
    if not box.children:
        return {"id": _id(box.path), "width": size.width, "height": size.height, "layoutOptions": order}
    return {
        "id": _id(box.path),
        "layoutOptions": {
            **OPTIONS,
            **more,
            **order,
            "elk.padding": f"[top={size.height + INSET - 4},left={INSET},bottom={INSET},right={INSET}]",
            "elk.alignment": "TOP",
            "elk.nodeSize.constraints": "MINIMUM_SIZE",
            "elk.nodeSize.minimum": f"({size.width},{size.height + 20})",
        },
        "children": [_node(child, at, more) for at, child in enumerate(box.children)],
    }


def _edge(arrow: Arrow) -> dict[str, Any]:
    edge: dict[str, Any] = {"id": arrow.id, "sources": [_id(arrow.source)], "targets": [_id(arrow.target)]}
    if arrow.triggers:
        width, height = chips(arrow.triggers)
        edge["labels"] = [{"id": f"{arrow.id}#", "text": "x", "width": width, "height": height, "layoutOptions": LABEL}]
    return edge


def _id(path: str) -> str:
    """Name a box; ELK takes no empty name."""
    return f".{path}"


def read(graph: Graph, answer: dict[str, Any]) -> Layout:
    """Read ELK's answer."""
    boxes = {node["id"][1:]: _rect(node) for node in _nodes(answer["children"])}
    edges = {edge["id"]: edge for node in (answer, *_nodes(answer["children"])) for edge in node.get("edges", ())}
    heads = {box.path: content(box).height - 2 if box.children else 0 for box in graph.root.walk()}
    routes = {}
    for arrow in graph.arrows:
        edge = edges[arrow.id]
        labels = [_rect(label) for label in edge.get("labels", ())]
        route = Route(tuple(_points(section) for section in edge["sections"]), labels[0] if labels else None)
        source, target = boxes[arrow.source], boxes[arrow.target]
        routes[arrow.id] = tidied(route, source, target, heads[arrow.source], heads[arrow.target])
    return Layout("elk", answer["width"], answer["height"], boxes, routes)


def _nodes(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        yield node
        yield from _nodes(node.get("children", []))


def _rect(shape: dict[str, Any]) -> Rect:
    return Rect(shape["x"], shape["y"], shape["width"], shape["height"])


def _points(section: dict[str, Any]) -> tuple[Point, ...]:
    points = (section["startPoint"], *section.get("bendPoints", ()), section["endPoint"])
    return tuple((point["x"], point["y"]) for point in points)
