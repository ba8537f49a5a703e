"""Which engine places a graph: the first that can.

Limits: an engine that fails is told in the log, not to the caller: some picture is always made.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Protocol

from . import listing
from .graph import Graph
from .layout import Layout, NoLayout

logger = logging.getLogger(__name__)


class Engine(Protocol):
    """Places graphs."""

    @property
    def name(self) -> str: ...

    def missing(self) -> str:
        """Say what is not there of what it needs; "" where all is."""

    def layout(self, graph: Graph) -> Layout:
        """Place a graph. Raises NoLayout."""


def place(graph: Graph, engines: Iterable[Engine]) -> Layout:
    """Place a graph by the first engine that can; the last resort always can, and shows the graph as a listing."""
    for engine in engines:
        if engine.missing():
            continue
        try:
            return engine.layout(graph)
        except NoLayout as error:
            logger.warning("The machine %s is drawn without %s: %s.", graph.name, engine.name, error)
    return listing.layout(listing.listing(graph))


def shown(graph: Graph, layout: Layout) -> Graph:
    """Return the graph as a layout shows it: without arrows where it is a listing's."""
    return listing.listing(graph) if layout.engine == listing.NAME else graph
