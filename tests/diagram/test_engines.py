"""Some picture is always made: by Graphviz where ELK is not there, at last as a listing."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from statemachines.core.diagram import graphviz
from statemachines.core.diagram.elk import Elk
from statemachines.core.diagram.engines import place, shown
from statemachines.core.diagram.graph import Graph, graph
from statemachines.core.diagram.graphviz import Graphviz
from statemachines.core.diagram.layout import NoLayout, key
from statemachines.core.diagram.svg import svg
from tests.core.example import order as example

from .geometry import overlap, problems

NOWHERE = Path("nowhere/elk.js")


def test_without_elk_graphviz_draws(order_graph: Graph) -> None:
    """Where there is no elkjs, Graphviz's places hold: nested, apart, every arrow there with its label."""
    layout = place(order_graph, [Elk(NOWHERE), Graphviz(limit=60)])
    assert layout.engine == "graphviz"
    assert problems(order_graph, layout) == []
    assert layout.routes.keys() == {arrow.id for arrow in order_graph.arrows}


def test_without_any_engine_it_is_a_listing(order_graph: Graph) -> None:
    """The last resort has every state, nested and apart, and tells every transition in the box that it leaves."""
    layout = place(order_graph, [])
    listed = shown(order_graph, layout)
    assert (layout.engine, listed.arrows) == ("listing", ())
    assert problems(listed, layout) == []
    told = [line.text for box in listed.root.walk() for line in box.lines if box.path == "standard.order_accepted"]
    assert told == [
        "restaurant rejected",
        "record rejection",
        "order canceled",
        "after the time that the restaurant said it needs",
        "order ready",
    ]
    text = svg(listed, layout)
    assert all(word in text for word in ("chooser", "accepted", "ready", "canceled", "complete"))


def test_an_engine_that_fails_is_told_in_the_log(
    order_graph: Graph, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one draws, and somebody can find out why."""
    monkeypatch.setattr(graphviz, "program", lambda: "/bin/false")
    with caplog.at_level(logging.WARNING), pytest.raises(NoLayout, match="Graphviz failed"):
        Graphviz().layout(order_graph)
    assert place(order_graph, [Graphviz()]).engine == "listing"
    assert "The machine order is drawn without graphviz: Graphviz failed" in caplog.text


def test_every_kind_of_chart_has_places() -> None:
    """Regions, history and transitions between a state and one inside it are placed by Graphviz and as a listing."""
    known = graph(example)
    layout = Graphviz(limit=60).layout(known)
    assert layout.boxes.keys() == {box.path for box in known.root.walk()}
    labels = [route.labels for route in layout.routes.values() if route.labels]
    leaves = [layout.boxes[box.path] for box in known.root.walk() if not box.children]
    assert not [1 for label in labels for leaf in leaves if overlap(label, leaf)]
    listed = place(known, [])
    assert problems(shown(known, listed), listed) == []


def test_a_layouts_key_is_its_graphs() -> None:
    """Two graphs of one definition have one key; a changed text is another."""
    one = graph(example)
    assert key(one) == key(graph(example))
    changed = Graph(one.name, one.version + 1, one.told, one.root, one.arrows)
    assert key(one) != key(changed)
