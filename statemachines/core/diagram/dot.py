"""The graph as Graphviz's DOT: to be read and drawn by others, or with sizes alone, for the places that it finds.

A transition's label is a node of its own between two states, so that it never lies on anything. Limits: what Graphviz
cannot say of an edge between a state and one inside it is said by where the edge begins or ends.
"""

from __future__ import annotations

from collections.abc import Iterator

from .graph import WHEN, Arrow, Box, Graph, Line, Trigger
from .measure import LABELS, chips, content

POINTS = 72
MARGIN = 16
CLUSTER = "cluster:"
LABEL = "label:"


def dot(graph: Graph, *, sized: bool = False) -> str:
    """Write DOT. `sized`: boxes without text, as large as the writer draws them."""
    return "\n".join(_Writer(graph, sized).lines()) + "\n"


def text_of(line: Line) -> str:
    """Say a line in characters: what the picture says by an icon or a colour."""
    if line.role in LABELS:
        return f"{LABELS[line.role]} / {line.text}"
    return {"guard": f"[{line.text}]", "do": f"/ {line.text}", "effect": f"/ {line.text}"}.get(line.role, line.text)


def label_of(triggers: tuple[Trigger, ...]) -> list[str]:
    """Say transitions in lines of text, each on its own: "event [guard] / action"."""
    return [" ".join(map(text_of, trigger.lines)) for trigger in triggers]


def quoted(text: str) -> str:
    """Write a string of DOT."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


class _Writer:
    def __init__(self, graph: Graph, sized: bool) -> None:
        self.graph = graph
        self.sized = sized
        self.parents = graph.parents()
        self.boxes = {box.path: box for box in graph.root.walk()}
        self.labels: dict[str, list[Arrow]] = {}
        for arrow in graph.arrows:
            if arrow.triggers:
                self.labels.setdefault(self._between(arrow), []).append(arrow)

    def lines(self) -> Iterator[str]:
        yield f"digraph {quoted(self.graph.root.title)} {{"
        yield "  compound=true; nodesep=0.35; ranksep=0.3;"
        yield '  node [shape=box, style=rounded, fontname="Arial", fontsize=11];'
        yield f"  edge [{'arrowhead=none' if self.sized else 'arrowsize=0.7'}];"
        yield from (f"  {line}" for line in self._box(self.graph.root))
        for arrow in self.graph.arrows:
            yield from (f"  {line}" for line in self._edges(arrow))
        yield "}"

    def _box(self, box: Box) -> Iterator[str]:
        if not box.children:
            yield f"{quoted(box.path)} [{self._node(box)}];"
            return
        yield f"subgraph {quoted(CLUSTER + box.path)} {{"
        if self.sized:
            size = content(box)
            yield f"  label={_block(size.width, size.height)}; labeljust=l; margin={MARGIN};"
        else:
            style = "dashed" if box.region else "rounded"
            yield f"  label={quoted(_title(box))}; labeljust=l; style={style};"
        for child in box.children:
            yield from (f"  {line}" for line in self._box(child))
        for arrow in self.labels.get(box.path, ()):
            yield f"  {quoted(LABEL + arrow.id)} [{self._label(arrow)}];"
        yield "}"

    def _node(self, box: Box) -> str:
        if self.sized:
            return _fixed(*content(box)[:2])
        if box.kind == "initial":
            return "shape=point, width=0.15"
        shape = {"history": "shape=circle, ", "final": "peripheries=2, "}.get(box.kind, "")
        mark = "H*" if box.deep else "H"
        return f"{shape}label={quoted(mark if box.kind == 'history' else _title(box))}"

    def _label(self, arrow: Arrow) -> str:
        if self.sized:
            return _fixed(*chips(arrow.triggers))
        text = "\n".join(label_of(arrow.triggers))
        return f'style="filled", fillcolor="#fff4d6", color="#d9b04a", label={quoted(text)}'

    def _edges(self, arrow: Arrow) -> Iterator[str]:
        """Yield the edge to the label and the edge from it; none leads out of a state to the label inside it."""
        source, tail = self._end(arrow.source, arrow.target, -1)
        target, head = self._end(arrow.target, arrow.source, 0)
        tail = f"ltail={quoted(tail)}" if tail else ""
        head = f"lhead={quoted(head)}" if head else ""
        if not arrow.triggers:
            yield _edge(source, target, arrow.id, tail, head)
            return
        label = LABEL + arrow.id
        if not self._holds(arrow.source, arrow.target):
            yield _edge(source, label, f"to {arrow.id}", tail, "arrowhead=none")
        yield _edge(label, target, arrow.id, head)

    def _end(self, path: str, other: str, leaf: int) -> tuple[str, str]:
        """Return what an edge ends at: a state, or one of the leaves in it and the cluster whose border cuts the edge.

        Edges leave from the last leaf, so that what follows comes below, and enter at the first, the initial dot.
        """
        box = self.boxes[path]
        if not box.children:
            return path, ""
        leaves = [found.path for found in box.walk() if not found.children]
        return leaves[leaf], "" if self._holds(path, other) else CLUSTER + path

    def _holds(self, path: str, other: str) -> bool:
        """Say whether a state with states in it is, or holds, the other."""
        return bool(self.boxes[path].children) and path in (other, *self._above(other))

    def _above(self, path: str) -> Iterator[str]:
        while path in self.parents:
            path = self.parents[path]
            yield path

    def _between(self, arrow: Arrow) -> str:
        """Return the innermost state that holds both ends; what holds the other end counts as holding itself."""
        if self._holds(arrow.source, arrow.target):
            return arrow.source
        above = [*self._above(arrow.source)]
        around = (arrow.target, *self._above(arrow.target))
        return next((path for path in above if path in around), "")


def _title(box: Box) -> str:
    texts = [line.text if line.role in WHEN else text_of(line) for line in box.lines]
    return "\n".join([box.title, *texts])


def _fixed(width: float, height: float) -> str:
    return f'label="", fixedsize=true, width={width / POINTS:.4f}, height={height / POINTS:.4f}'


def _block(width: float, height: float) -> str:
    """Return a label that takes up as much room as the head of a box."""
    cell = f'<TR><TD FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="{height:.0f}"></TD></TR>'
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="0" CELLSPACING="0">{cell}</TABLE>>'


def _edge(source: str, target: str, id: str, *more: str) -> str:
    attributes = ", ".join([f"id={quoted(id)}", *(one for one in more if one)])
    return f"{quoted(source)} -> {quoted(target)} [{attributes}];"
