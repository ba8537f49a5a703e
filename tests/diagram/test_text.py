"""Mermaid and DOT: the same graph as text; and widths, by which texts are broken."""

from __future__ import annotations

import subprocess

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from statemachines import Final, Machine, On, State
from statemachines.core.diagram.dot import dot
from statemachines.core.diagram.graph import Graph, graph
from statemachines.core.diagram.graphviz import program
from statemachines.core.diagram.mermaid import mermaid
from statemachines.core.diagram.widths import width, wrap
from tests.core.example import order as example


def test_mermaid_tells_the_order(order_graph: Graph) -> None:
    """States nest, the initial and final ones are marked, a label says event, guard and actions."""
    lines = mermaid(order_graph).splitlines()
    assert lines[0] == "stateDiagram-v2"
    assert '    state "standard" as order_standard' in lines
    assert "        [*] --> order_standard_create_order" in lines
    assert "    order_delivered --> [*]" in lines
    path = "order_standard_create_order --> order_standard_order_accepted"
    assert f"        {path} : restaurant accepted / record acceptance" in lines


def test_mermaid_divides_regions_and_escapes() -> None:
    """Regions stand between two dashes; what means something to Mermaid is written as an entity."""
    text = mermaid(graph(example))
    assert text.count("\n            --\n") == 1
    machine = Machine("m", State('a"; b', On("x:y#z", "end")), Final("end"))
    text = mermaid(graph(machine))
    assert 'state "a#34;#59; b" as m_a___b' in text
    assert "m_a___b --> m_end : x#58;y#35;z" in text


def test_graphviz_draws_the_dot(order_graph: Graph) -> None:
    """DOT is what Graphviz takes without a word of complaint, whatever stands in names."""
    machine = Machine("m", State('a"\\ b\n<c>', On('"x', "end")), Final("end"))
    for known in (order_graph, graph(example), graph(machine)):
        found = program()
        assert found
        done = subprocess.run([found, "-Tsvg"], input=dot(known).encode(), capture_output=True, check=True)
        assert b"<svg" in done.stdout
        assert done.stderr == b""


@settings(suppress_health_check=list(HealthCheck))
@given(st.text(max_size=80), st.floats(30, 300))
def test_broken_text_fits(text: str, limit: float) -> None:
    """No line is wider than the limit, and no letter is lost."""
    lines = wrap(text, 11, limit)
    assert all(width(line, 11) <= limit for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(text.split())
