"""A machine's transitions in words: on what occasion, if what, and what comes of it. States are *so*, events **so**.

Limits: clauses, and the sentence of one transition; documents are put together in `explanation` and `differences`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .chart import Edge, Node
from .definition import Timer, with_result
from .english import listed, lower, upper
from .events import RESERVED, done_actor, done_state, error_actor
from .functions import Assign, Doing, Guard, Named
from .machine import Machine
from .reach import event_name, sent_by
from .sentences import REFUSES, say
from .words import delay_in_words, doing_in_words, event_in_words, guard_in_words, phrase, prose, quoted_state


class Telling:
    """Tells of one machine."""

    def __init__(self, machine: Machine[Any]) -> None:
        self.machine = machine
        self.own_events = {event_name(doing) for doing in sent_by(machine.chart.nodes)}
        self._occasions = dict(_occasions(machine))
        invoked = (row for node in machine.chart.nodes for row in node.invocations)
        self._updates = {with_result(one.row.update): one.row.update for one in invoked if one.row.update}

    def state(self, node: Node, seen: Node) -> str:
        """Name a state as it is called seen from another one."""
        if node.parent is None:
            return f"*{phrase(self.machine.name)}*"
        near = node.parent is seen or node.parent in seen.ancestors()
        name = f"*{phrase(node.key)}*"
        return name if near else say("inside", name=name, parent=self.state(node.parent, seen))

    def states(self, nodes: Iterable[Node], seen: Node, word: str = "and") -> str:
        return listed((self.state(node, seen) for node in nodes), word)

    def event(self, descriptor: str) -> str:
        """Name an event with its payload."""
        name, space, payload = event_in_words(descriptor, self.machine.events.get(descriptor)).partition(" (")
        return f"**{name}**{space}{payload}"

    def occasion(self, edge: Edge) -> str:
        """Say when a transition is taken, as a clause."""
        if isinstance(edge.row, Timer) and edge.row.delay is not None:
            return delay_in_words(edge.row.delay, edge.row.id)
        if edge.descriptor in self._occasions:
            return self._occasions[edge.descriptor]
        if edge.descriptor == "always":
            return say("at_once")
        if edge.descriptor == "*":
            return say("on_any")
        if edge.descriptor.endswith(".*"):
            return say("on_prefix", event=self.event(edge.descriptor[:-2]))
        return say("on_event", event=self.event(edge.descriptor))

    def when(self, edge: Edge) -> str:
        """Say when a transition is taken, and on what condition."""
        occasion, guard = self.occasion(edge), edge.row.guard
        return (
            occasion if guard is None else say("occasion_if", occasion=occasion, guard=self.guard(guard, edge.source))
        )

    def outcome(self, edge: Edge) -> str:
        """Say where a transition leads, as what follows "it"."""
        source, targets = edge.source, edge.targets
        if not targets:
            return say("ignores" if edge.forbids else "stays")
        only = targets[0]
        if len(targets) > 1:
            return say("becomes", states=say("together", states=self.states(targets, source)))
        if only.history and only.parent:
            return say("returns", state=self.state(only.parent, source))
        if only is source and (edge.reenter or only.type != "atomic"):
            return say("starts_over" if edge.reenter else "begins_again", state=self.state(only, source))
        if only is source:
            return say("stays")
        key = "ends_as" if only.type == "final" and only.parent is self.machine.chart.root else "becomes"
        return say(key, states=self.state(only, source))

    def done(self, doing: Doing) -> str:
        """Say what is done, as what follows "it"."""
        update = self._updates.get(doing) if isinstance(doing, Assign) else None
        return doing_in_words(doing if update is None else Named(update))

    def whole(self, edge: Edge) -> str:
        """Say all that comes of a transition, as what follows "it"; what may refuse it stands last."""
        done = [*map(self.done, edge.row.actions)]
        refuses = [one for one in done if one.startswith(REFUSES)]
        what = listed([self.outcome(edge), *(one for one in done if one not in refuses)])
        return say("but", what=what, refuses=listed(refuses)) if refuses else what

    def guard(self, guard: Guard[Any, Any], seen: Node) -> str:
        """Say a guard as what follows "if"."""
        nodes = self.machine.chart.by_path

        def state(path: str) -> str:
            return self.state(nodes[path], seen) if path in nodes else quoted_state(path)

        return guard_in_words(guard, state)

    def sentence(self, edge: Edge) -> str:
        """Tell a transition on its own."""
        return _described(edge, say("transition", occasion=upper(self.when(edge)), outcome=self.whole(edge)))

    def choices(self, edges: list[Edge]) -> Iterator[str]:
        """Tell the candidates for one occasion as the lines of a list."""
        if len(edges) == 1:
            yield f"- {self.sentence(edges[0])}"
            return
        yield f"- {say('choices', occasion=upper(self.occasion(edges[0])))}"
        for index, edge in enumerate(edges):
            guard = edge.row.guard
            key = "otherwise" if guard is None else "further" if index else "first"
            told = say(key, guard=guard and self.guard(guard, edge.source), outcome=self.whole(edge))
            yield f"  - {_described(edge, told)}".removesuffix(";").removesuffix(".") + (
                ";" if edge is not edges[-1] else "."
            )


def _described(edge: Edge, sentence: str) -> str:
    text = prose(edge.row.description)
    return say("described", description=upper(text), sentence=lower(sentence)) if text else sentence


def _occasions(machine: Machine[Any]) -> Iterator[tuple[str, str]]:
    """Yield what the events mean that the machine makes for itself."""
    for node in machine.chart.nodes:
        yield done_state(node.id), say("on_state_done", state=f"*{phrase(node.key)}*")
        for invocation in node.invocations:
            effect = say("quoted", name=prose(invocation.row.label) or phrase(invocation.row.effect.id))
            yield done_actor(invocation.id), say("on_done", effect=effect)
            yield error_actor(invocation.id), say("on_failed", effect=effect)
        for row in node.state.of(Timer):
            for delay in node.delays:
                if row.delay is not None and delay.event.startswith(RESERVED):
                    yield delay.event, delay_in_words(row.delay, row.id)
