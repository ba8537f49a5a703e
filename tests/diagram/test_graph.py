"""The graph: everything that is in a definition, in words."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings

from statemachines import After, Always, Final, Machine, On, State, in_state, not_, or_
from statemachines.core.diagram.graph import Box, Graph, Trigger, graph
from statemachines.core.machine import Machine as AnyMachine
from statemachines.core.names import edges_of
from tests.core.example import order as example
from tests.core.strategies import Count, machines


def boxes(found: Graph) -> dict[str, Box]:
    return {box.path: box for box in found.root.walk()}


def triggers(found: Graph) -> dict[str, tuple[Trigger, str]]:
    return {trigger.id: (trigger, arrow.target) for arrow in found.arrows for trigger in arrow.triggers}


def test_the_order_is_all_there(order_graph: Graph) -> None:
    """Flows hold their states; a state tells its description, effects and tags; the machine tells itself."""
    found = boxes(order_graph)
    assert [box.title for box in order_graph.root.children] == [
        "", "flow chooser", "standard", "courier driven", "restaurant driven", "delivered", "canceled",
    ]  # fmt: skip
    ready = found["standard.order_ready"]
    assert (ready.kind, ready.about, ready.tags) == (
        "atomic",
        "The food is ready, and a courier is asked",
        ("waiting for courier",),
    )
    assert [(line.role, line.text, line.effect) for line in ready.lines][-1] == (
        "entry",
        "offer to courier",
        "offer_to_courier",
    )
    assert found["standard.delivery_complete"].kind == "final"
    assert order_graph.told == (
        "An order, from the customer's wish to its end. Version 3. It starts as flow chooser. "
        "It ends as delivered or canceled."
    )


def test_a_transition_tells_when_if_what_and_what_is_done(order_graph: Graph) -> None:
    """Events, delays in words, guards, actions and what is left over after a guard are told apart."""
    arrows = {(arrow.source, arrow.target): arrow for arrow in order_graph.arrows}
    told = [
        [(line.role, line.text) for line in trigger.lines]
        for trigger in arrows["standard.order_ready", "standard.order_canceled"].triggers
    ]
    assert told == [
        [
            ("event", "courier rejected"),
            ("guard", "otherwise"),
            ("do", "check answer"),
            ("do", "because no courier took it"),
        ],
        [
            ("after", "after the time that a courier has to answer"),
            ("guard", "otherwise"),
            ("do", "because no courier took it"),
        ],
    ]
    chosen = arrows["flow_chooser", "standard"].triggers[0].lines
    assert [(line.role, line.text) for line in chosen] == [("always", "at once"), ("guard", "is standard")]


def test_every_kind_of_row_is_told() -> None:
    """Entry, exit, start, invoked effects, completions, failures, wildcards, forbidden events, history, regions."""
    found, sent = boxes(graph(example)), triggers(graph(example))
    assert [(line.role, line.text) for line in found["offered"].lines[:4]] == [
        ("entry", "offer"),
        ("entry", "write ledger"),
        ("entry", "send nudge after 5 minutes"),
        ("exit", "cancel nudge"),
    ]
    money = "running.work.money"
    assert [line.role for line in found[money].lines] == ["start"]
    assert [(line.role, line.text) for line in found[f"{money}.charging"].lines[:2]] == [
        ("invoke", "charge"),
        ("invoke", "charge"),
    ]
    roles = {id: [line.role for line in trigger.lines] for id, (trigger, _) in sent.items()}
    assert roles[f"{money}.charging|xstate.done.actor.charge|0"] == ["done", "do"]
    assert roles[f"{money}.charging|xstate.error.actor.charge|0"] == ["failed"]
    assert found[f"{money}.last"].kind == "history"
    assert found[f"{money}.last"].deep
    assert (found[money].region, found["running.work"].region) == (True, False)
    assert [line.text for line in found["paused"].lines][-2:] == ["paused", "ignored"]
    assert [line.text for line in found[""].lines] == ["anything else", "in paused", "ignored"]
    guard = sent["running.work|xstate.done.state.order.running.work|0"][0].lines[1]
    assert guard.text == "in cooked and not is express"


def test_guards_are_bracketed_where_they_must_be() -> None:
    """A combination inside another stands in brackets; a fixed delay is told in words."""
    machine = Machine(
        "m",
        State("a", Always("b", when=not_(or_(in_state("b"), in_state("a")))), After(timedelta(minutes=90), "b")),
        Final("b"),
    )
    told = {trigger.lines[0].role: trigger for trigger, _ in triggers(graph(machine)).values()}
    assert told["always"].lines[1].text == "not (in b or in a)"
    assert told["after"].lines[0].text == "after 1 hour and 30 minutes"


def test_two_delays_and_reactions_to_their_events_elsewhere() -> None:
    """Each delay of a state has its own words, also where another row reacts to its event by name."""
    rows = After(timedelta(days=1), "b"), After(timedelta(seconds=2), "b")
    told = [
        trigger.lines[0].text for trigger, _ in triggers(graph(Machine("m", State("a", *rows), Final("b")))).values()
    ]
    assert sorted(told) == ["after 1 day", "after 2 seconds"]


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(machines())
def test_every_state_and_transition_is_in_it(machine: AnyMachine[Count]) -> None:
    """Every state is a box; every transition is on an arrow to each of its targets, or a line in its state's box."""
    found = graph(machine)
    assert {box.path for box in found.root.walk() if box.kind != "initial"} == set(machine.chart.by_path)
    arrows = {(arrow.source, arrow.target, trigger.id) for arrow in found.arrows for trigger in arrow.triggers}
    inner = {(box.path, line.trigger) for box in found.root.walk() for line in box.lines if line.trigger}
    edges = [edge for node in machine.chart.nodes for edge in edges_of(node)]
    assert arrows == {(edge.source.path, to.path, repr(edge)) for edge in edges for to in edge.targets}
    assert inner == {(edge.source.path, repr(edge)) for edge in edges if not edge.targets}


def test_what_stays_is_a_line() -> None:
    """A transition without a target is told in its state's box, and is no arrow."""
    found = graph(Machine("m", State("a", On("go", do=lambda_free))))
    assert [(line.text, line.trigger) for line in boxes(found)["a"].lines] == [
        ("go", "a|go|0"),
        ("lambda free", "a|go|0"),
    ]
    assert [arrow.triggers for arrow in found.arrows] == [()]


def lambda_free(data: dict[str, int]) -> dict[str, int]:
    return data
