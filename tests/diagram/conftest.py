"""What the tests of pictures share; those of ELK need elkjs, which `make vendor` fetches."""

from __future__ import annotations

import pytest

from orders.machines import order
from statemachines.core.diagram.elk import Elk
from statemachines.core.diagram.graph import Graph, graph
from statemachines.core.diagram.layout import Layout

WHY_NOT = Elk().missing()
collect_ignore = ["test_elk.py"] if WHY_NOT else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if WHY_NOT:
        terminalreporter.write_line(f"tests/diagram/test_elk.py was not collected: {WHY_NOT}")


@pytest.fixture(scope="session")
def order_graph() -> Graph:
    return graph(order)


@pytest.fixture(scope="session")
def order_layout(order_graph: Graph) -> Layout:
    """The order's layout by the engine that is here."""
    from statemachines.core.diagram.engines import place
    from statemachines.core.diagram.graphviz import Graphviz

    return place(order_graph, [Elk(limit=60), Graphviz(limit=60)])
