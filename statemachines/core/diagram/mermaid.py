"""The graph as Mermaid's stateDiagram-v2, for READMEs and pull requests that draw it.

Limits: Mermaid knows no history states and no transitions of a region as a whole; these are drawn as plain ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .dot import label_of, text_of
from .graph import Arrow, Box, Graph

SPECIAL = re.compile(r'[#;:"<>{}\[\]\\`|&%]')


def mermaid(graph: Graph) -> str:
    """Write Mermaid's text."""
    return "\n".join(["stateDiagram-v2", *(f"    {line}" for line in _Writer(graph).lines())]) + "\n"


def escaped(text: str) -> str:
    """Write characters that mean something to Mermaid as its entities."""
    return SPECIAL.sub(lambda found: f"#{ord(found[0])};", " ".join(text.split()))


class _Writer:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.parents = graph.parents()
        self.names: dict[str, str] = {}
        for box in graph.root.walk():
            self.names[box.path] = self._name(box)
        self.inside: dict[str, list[Arrow]] = {}
        for arrow in graph.arrows:
            self.inside.setdefault(self._around(arrow), []).append(arrow)

    def lines(self) -> Iterator[str]:
        root = self.graph.root
        yield from self._content(root, list(root.children))

    def _name(self, box: Box) -> str:
        if box.kind == "initial":
            return "[*]"
        words = re.sub(r"\W", "_", f"{self.graph.root.title}.{box.path}", flags=re.ASCII)
        taken = set(self.names.values())
        return next(name for name in (words, *(f"{words}_{n}" for n in range(2, 10_000))) if name not in taken)

    def _content(self, box: Box, children: list[Box]) -> Iterator[str]:
        for at, child in enumerate(children):
            if at and child.region:
                yield "--"
            if child.kind != "initial":
                yield from self._state(child)
        for arrow in self.inside.get(box.path, ()):
            yield from self._arrow(arrow)
        for child in children:
            if child.kind == "final":
                yield f"{self.names[child.path]} --> [*]"

    def _state(self, box: Box) -> Iterator[str]:
        name = self.names[box.path]
        title = ("H*" if box.deep else "H") if box.kind == "history" else escaped(box.title)
        yield f'state "{title}" as {name}'
        yield from (f"{name} : {escaped(text_of(line))}" for line in box.lines if not box.children)
        if box.children:
            yield f"state {name} {{"
            yield from (f"    {line}" for line in self._content(box, list(box.children)))
            yield "}"

    def _arrow(self, arrow: Arrow) -> Iterator[str]:
        ends = f"{self.names[arrow.source]} --> {self.names[arrow.target]}"
        if not arrow.triggers:
            yield ends
        yield from (f"{ends} : {escaped(label)}" for label in label_of(arrow.triggers))

    def _around(self, arrow: Arrow) -> str:
        """Return the innermost state that properly holds both ends; the machine where none does."""
        around = [*self._above(arrow.target)]
        return next((path for path in self._above(arrow.source) if path in around), "")

    def _above(self, path: str) -> Iterator[str]:
        while path in self.parents:
            path = self.parents[path]
            yield path
