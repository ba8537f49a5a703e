"""ELK, the real one: whatever is drawn nests, touches and reads as it should, in time."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from orders.machines import order
from statemachines import registry
from statemachines.core.diagram import elk
from statemachines.core.diagram.elk import Elk
from statemachines.core.diagram.graph import Graph, graph
from statemachines.core.diagram.layout import Layout, NoLayout
from statemachines.core.diagram.svg import svg
from statemachines.core.machine import Machine
from tests.core.example import order as example
from tests.core.strategies import Count, machines

from .geometry import problems

SLOW = 60.0  # a machine under load takes its time; the limit has a test of its own


ONBOARDING = registry.find("orders.onboarding").machine


@pytest.mark.parametrize("machine", [order, ONBOARDING, example], ids=["order", "onboarding", "every kind of row"])
def test_boxes_nest_arrows_touch_labels_are_free(machine: Machine[object]) -> None:
    """States lie in theirs, below the head, apart; arrows end at borders; labels lie on nothing."""
    known = graph(machine)
    assert problems(known, Elk(limit=SLOW).layout(known)) == []


@settings(max_examples=4, suppress_health_check=list(HealthCheck))
@given(machines())
def test_random_charts_are_placed(machine: Machine[Count]) -> None:
    """No chart is beyond ELK at this version: none crashes it, all are placed well at the first try."""
    known = graph(machine)
    answer = elk.run(elk.SHIPPED, msgspec.json.encode(elk.ask(known, elk.HINTS)), SLOW)
    assert problems(known, elk.read(known, answer)) == []


def test_the_order_of_the_definition_is_the_order_of_the_picture(order_graph: Graph, order_layout: Layout) -> None:
    """The three flows stand beside each other as they are written, between the start and the ends."""
    flows = [order_layout.boxes[path] for path in ("standard", "courier_driven", "restaurant_driven")]
    assert [rect.x for rect in flows] == sorted(rect.x for rect in flows)
    assert order_layout.boxes["flow_chooser"].bottom < min(rect.y for rect in flows)
    assert max(rect.bottom for rect in flows) < order_layout.boxes["delivered"].y
    assert svg(order_graph, order_layout) == svg(order_graph, Elk(limit=SLOW).layout(order_graph))


def test_what_takes_too_long_is_given_up(order_graph: Graph) -> None:
    """The limit ends the process of each of the two tries."""
    begun = time.monotonic()
    with pytest.raises(NoLayout, match=r"ELK was not ready after 0\.\d s"):
        Elk(limit=0.05).layout(order_graph)
    assert time.monotonic() - begun < 5


def test_what_fails_is_told(order_graph: Graph, tmp_path: Path) -> None:
    """A file that is not there, one that is not ELK, and one that answers with an error are told apart."""
    with pytest.raises(NoLayout, match=r"there is no elkjs at .*missing\.js"):
        Elk(tmp_path / "missing.js").layout(order_graph)
    for source, told in (("throw new Error('not elk')", "not elk"), (BROKEN, "it broke")):
        (tmp_path / "elk.js").write_text(source)
        with pytest.raises(NoLayout, match=told):
            Elk(tmp_path / "elk.js", limit=SLOW).layout(order_graph)


BROKEN = """
self.onmessage = ({data}) => {
  if (data.cmd === "layout") throw new Error("it broke");
  postMessage({id: data.id});
};
"""
