"""The SVG: every state and transition by its id, safe in any page, with what is laid over it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import HealthCheck, given, settings

from orders.machines import order
from statemachines import Event, Final, Invoke, Machine, On, State, effect
from statemachines.core.diagram import palette
from statemachines.core.diagram.engines import place, shown
from statemachines.core.diagram.graph import Graph, graph
from statemachines.core.diagram.graphviz import Graphviz
from statemachines.core.diagram.layout import Layout
from statemachines.core.diagram.overlay import Count, Overlay
from statemachines.core.diagram.svg import svg
from statemachines.core.machine import Machine as AnyMachine
from statemachines.core.names import edges_of
from tests.core.strategies import Count as Data
from tests.core.strategies import machines

SVG = "{http://www.w3.org/2000/svg}"
EVIL = "</title><script>alert(1)</script>\" onload='x' & <b>"


def elements(text: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(text).iter())


def by_state(text: str) -> dict[str, ElementTree.Element]:
    return {found.attrib["data-state"]: found for found in elements(text) if "data-state" in found.attrib}


def classes(found: ElementTree.Element) -> set[str]:
    return set(found.attrib["class"].split())


def drawn(order_graph: Graph, order_layout: Layout, **given: object) -> str:
    return svg(order_graph, order_layout, Overlay(**given))  # type: ignore[arg-type]  # the tests give what it takes


def test_it_is_a_picture_with_words(order_graph: Graph, order_layout: Layout) -> None:
    """It is one image with a title and a description; states have ids, kinds and tooltips."""
    text = svg(order_graph, order_layout)
    root = ElementTree.fromstring(text)
    assert (root.attrib["role"], root[0].text) == ("img", "order: statechart")
    assert root[1].tag == f"{SVG}desc"
    assert (root[1].text or "").startswith("An order, from the customer's wish to its end. Version 3.")
    ready = by_state(text)["standard.order_ready"]
    assert ready.attrib["id"] == "s-standard.order_ready"
    assert classes(ready) == {"state", "atomic"}
    assert ready[0].text == "order ready. The food is ready, and a courier is asked"
    assert classes(by_state(text)["standard"]) == {"state", "compound", "depth-1"}


def test_it_breaks_no_strict_policy(order_graph: Graph, order_layout: Layout) -> None:
    """There is no style, script or handler in it; every colour is a presentation attribute."""
    text = svg(order_graph, order_layout)
    assert not re.search(r"<style|style=|<script|\son\w+=|url\(", text)


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(machines())
def test_every_state_and_transition_is_drawn(machine: AnyMachine[Data]) -> None:
    """Each has its element, under an id that no other has, whichever engine placed it."""
    known = graph(machine)
    for engines in ([Graphviz(limit=60)], []):
        layout = place(known, engines)
        text = svg(shown(known, layout), layout)
        assert by_state(text).keys() == machine.chart.by_path.keys()
        ids = [found.attrib["id"] for found in elements(text) if "id" in found.attrib]
        assert len(ids) == len(set(ids))
        if engines:
            told = {found.attrib["data-transition"] for found in elements(text) if "data-transition" in found.attrib}
            edges = (edge for node in machine.chart.nodes for edge in edges_of(node))
            assert told == {repr(edge) for edge in edges if edge.targets}


def test_an_instance_is_seen_at_a_glance(order_graph: Graph, order_layout: Layout) -> None:
    """Active, passed, last, timer and failure are classes and texts on the states and transitions that they concern."""
    (taken,) = (edge for edge in edges_of(order.chart.by_path["standard.order_accepted"]) if "after" in edge.descriptor)
    text = drawn(
        order_graph,
        order_layout,
        active=frozenset({"standard", "standard.order_ready"}),
        passed=frozenset({"standard.create_order"}),
        last=frozenset({repr(taken)}),
        timers={"standard.order_ready": "5 min left"},
        failed={"standard.order_ready": ("offer_to_courier",), "standard.create_order": ("mail_somebody",)},
        told="Now it is order ready of standard.",
    )
    states = by_state(text)
    assert {path for path, found in states.items() if "active" in classes(found)} == {
        "",
        "standard",
        "standard.order_ready",
    }
    assert "passed" in classes(states["standard.create_order"])
    red = [found.text for found in states["standard.order_ready"] if "failed" in found.attrib.get("class", "")]
    assert "offer to courier" in red
    last = [found for found in elements(text) if "last" in found.attrib.get("class", "").split()]
    assert sorted(found.attrib["class"] for found in last) == ["transition last", "trigger after last"]
    assert [found.attrib["data-transition"] for found in last if "data-transition" in found.attrib] == [repr(taken)]
    assert ">5 min left</text>" in text
    assert ">mail somebody failed</text>" in text
    assert "Now it is order ready of standard.</desc>" in text


def test_a_machine_shows_where_its_instances_are(order_graph: Graph, order_layout: Layout) -> None:
    """A count is a link to the list where one is given; the fuller a state, the stronger it is filled."""
    text = drawn(
        order_graph,
        order_layout,
        counts={
            "standard.create_order": Count(1200, "/list?state=a&page=1"),
            "delivered": Count(3),
            "standard": Count(1200),
        },
    )
    links = {link.attrib["href"]: "".join(link.itertext()) for link in elements(text) if link.tag == f"{SVG}a"}
    assert links == {"/list?state=a&page=1": "1\u202f200"}
    heat = [float(found.attrib["fill-opacity"]) for found in elements(text) if found.attrib.get("class") == "heat"]
    assert len(heat) == 2
    assert max(heat) > 3 * min(heat)
    assert ElementTree.fromstring(text).attrib["role"] == "group"


class Said(Event, tag=EVIL):
    pass


def test_what_a_definition_says_is_text() -> None:
    """Markup in names, descriptions, tags, events, labels and links is written, never obeyed."""

    @effect
    def mail(data: dict[str, int]) -> None:
        raise NotImplementedError

    machine = Machine(
        "m",
        State(
            EVIL.replace(".", ""),
            Invoke(mail, "end", label=EVIL),
            On(Said, "end", description=EVIL),
            description=EVIL,
            tags=[EVIL],
        ),
        Final("end"),
        description=EVIL,
    )
    known = graph(machine)
    for engines in ([Graphviz(limit=60)], []):
        layout = place(known, engines)
        over = Overlay(timers={"end": EVIL}, failed={"end": (EVIL,)}, counts={"end": Count(1, EVIL)}, told=EVIL)
        text = svg(shown(known, layout), layout, over)
        assert "<script" not in text
        names = {name for found in elements(text) for name in found.attrib}
        assert not {name for name in names if name.startswith("on")}
        assert {found.tag.removeprefix(SVG) for found in elements(text)} <= {
            "svg", "title", "desc", "rect", "g", "path", "circle", "text", "a",
        }  # fmt: skip


def test_the_stylesheet_has_the_same_colours_in_the_light() -> None:
    """Each light colour of the static stylesheet is the palette's."""
    from django.contrib.staticfiles import finders

    path = finders.find("statemachines/diagram.css")
    assert path
    with open(path) as opened:
        light = set(re.findall(r"light-dark\((#\w+)", opened.read()))
    known = set(re.findall(r"#\w{6}", repr(vars(palette))))
    assert light <= known
