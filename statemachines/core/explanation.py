"""A machine in plain sentences, as Markdown that reads well raw: what it is, state by state, for people who decide.

Limits: tells what the definition says; what functions compute is known by their docstrings alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .chart import Invocation, Node
from .english import listed, upper
from .events import RESERVED, done_actor, error_actor, matches
from .functions import Named, Send
from .machine import Machine
from .names import edges_of
from .reach import can_be_done, event_name, reactions, ways_out
from .sentences import say
from .telling import Telling
from .words import doing_in_words, event_meaning, phrase, prose, value_in_words


def explain(machine: Machine[Any]) -> str:
    """Tell a machine: its purpose, its states in document order, its events."""
    return "\n\n".join(_Explanation(machine).blocks()) + "\n"


def _timers(nodes: Iterable[Node]) -> Iterator[str]:
    """Yield the names of the events that come by themselves some time after these states were entered."""
    for node in nodes:
        yield from (delay.event for delay in node.delays)
        for doing in node.entry:
            if isinstance(doing, Send) and doing.delay is not None:
                yield event_name(doing) or ""


def invoked(invocation: Invocation) -> str:
    """Say what a state invokes, as what follows "it"."""
    label = prose(invocation.row.label)
    return say("effect", what=label) if label else doing_in_words(invocation.row.effect)


class _Explanation:
    """Puts the paragraphs and lists together."""

    def __init__(self, machine: Machine[Any]) -> None:
        self.machine = machine
        self.root = machine.chart.root
        self.telling = Telling(machine)

    def blocks(self) -> Iterator[str]:
        yield f"# {upper(phrase(self.machine.name))}"
        description = upper(prose(self.machine.description))
        version = say("version", version=self.machine.version)
        yield f"{description}. {version}" if description else version
        yield " ".join(self._frame())
        if rows := [*self._rows(self.root)]:
            yield f"## {say('everywhere')}"
            yield "\n".join(rows)
        for node in self.machine.chart.nodes[1:]:
            yield from self._state(node)
        yield from self._events()

    def _frame(self) -> Iterator[str]:
        """Say how the machine begins and how it ends."""
        ends = [node for node in self.root.children if node.type == "final"]
        yield from self._inside(self.root)
        if ends:
            yield say("ends_in", states=self.telling.states(ends, self.root, "or"))
        elif self.root.type != "parallel":
            yield say("never_ends")

    def _state(self, node: Node) -> Iterator[str]:
        depth = sum(1 for _ in node.ancestors())
        yield f"{'#' * min(depth + 1, 6)} {upper(phrase(node.key))}"
        description = prose(node.state.description)
        facts = [f"{upper(description)}."] if description else []
        facts += self._inside(node)
        if node.state.tags:
            facts.append(say("tags", tags=", ".join(map(phrase, node.state.tags))))
        if facts:
            yield " ".join(facts)
        if rows := [*self._rows(node)]:
            yield "\n".join(rows)
        if node.type == "atomic":
            yield "  \n".join(self._waiting(node))

    def _inside(self, node: Node) -> Iterator[str]:
        """Say what a state's type means for it."""
        telling, parent = self.telling, node.parent
        if node.initial is not None:
            yield say("starts_as", state=telling.state(node.initial, node))
        if node.type == "parallel":
            done = "parallel_done" if can_be_done(node) else "parallel"
            yield upper(say(done, states=telling.states(node.regions, node)))
        if node.history is not None and parent is not None:
            yield say("remembers_deep" if node.history.deep else "remembers", state=telling.state(parent, node))
            if node.history.default:
                yield say("remembers_default", states=telling.states(node.history_default, node))
            else:
                yield say("remembers_nothing")
        if node.type == "final" and parent is not None:
            yield say("end") if parent is self.root else say("end_of", state=telling.state(parent, node))
            yield from self._result(node.state.output)

    def _result(self, output: Any) -> Iterator[str]:
        if isinstance(output, Named) or callable(output):
            function = output if isinstance(output, Named) else Named(output)
            yield say("result", what=value_in_words(function) or phrase(function.id))
        elif output is not None:
            yield say("result_given")

    def _rows(self, node: Node) -> Iterator[str]:
        """Yield the lines of the list of what a state does."""
        yield from self._doings("entering", map(self.telling.done, node.entry))
        initial = node.initial_row.actions if node.initial_row else ()
        yield from self._doings("starting", map(self.telling.done, initial))
        yield from self._doings("meanwhile", map(invoked, node.invocations))
        own = dict.fromkeys(("always", *(key for key in node.edges)))
        for descriptor in own:
            edges = list(node.always) if descriptor == "always" else node.edges[descriptor]
            if edges:
                yield from self.telling.choices(edges)
        yield from self._doings("leaving", map(self.telling.done, node.exit))

    def _doings(self, key: str, doings: Iterable[str]) -> Iterator[str]:
        told, occasion = list(doings), upper(say(key))
        if len(told) == 1:
            yield f"- {say('doing', occasion=occasion, what=told[0])}"
        elif told:
            yield f"- {say('doing_many', occasion=occasion)}"
            yield from (f"  - {say('doing_one', what=one)}" for one in told[:-1])
            yield f"  - {say('doing_last', what=told[-1])}"

    def _waiting(self, leaf: Node) -> Iterator[str]:
        """Say what a state waits for, and what becomes of it where nothing comes."""
        waits = dict.fromkeys(self._awaited(leaf))
        if waits:
            yield say("waits_for", events=listed(waits, "or"))
        dead = not waits and not any(ways_out(leaf))
        yield say("nobody_dead") if dead else self._nobody(leaf)

    def _awaited(self, leaf: Node) -> Iterator[str]:
        """Yield the events from outside that a state and what holds it take; what is forbidden inside is not taken."""
        forbidden: set[str] = set()
        for node in (leaf, *leaf.ancestors()):
            for descriptor, edges in node.edges.items():
                inner = descriptor in self.telling.own_events and descriptor not in self.machine.events
                if inner or descriptor.startswith(RESERVED) or descriptor in forbidden:
                    continue
                if all(edge.forbids for edge in edges):
                    forbidden.add(descriptor)
                elif descriptor == "*":
                    yield say("anything")
                elif descriptor.endswith(".*"):
                    yield say("any_of", event=phrase(descriptor[:-2]))
                else:
                    yield phrase(descriptor)

    def _nobody(self, leaf: Node) -> str:
        """Say what happens in a state where nobody does anything: timers, delayed sends, ends of what is invoked."""
        if leaf.always and not all(edge.row.guard for edge in leaf.always):
            return say("nobody_at_once")
        chain = (leaf, *leaf.ancestors())
        ways = [edge for edge in reactions(leaf) if edge.targets]
        timed = [edge for edge in ways if any(matches(edge.descriptor, name) for name in _timers(chain))]
        if timed:
            return say("nobody_time", outcomes=listed(dict.fromkeys(map(self.telling.outcome, timed)), "or"))
        ends = {end(one.id) for node in chain for one in node.invocations for end in (done_actor, error_actor)}
        if any(edge.descriptor in ends for edge in ways):
            return say("nobody_effect")
        return say("nobody_none" if leaf.always else "nobody_stays")

    def _events(self) -> Iterator[str]:
        """List the events that come from outside, or that have a meaning of their own."""
        named = (key for node in self.machine.chart.nodes for edge in edges_of(node) for key in [edge.descriptor])
        known = dict.fromkeys([*named, *self.machine.events])
        listing = [name for name in known if name != "always" and "*" not in name and not name.startswith(RESERVED)]
        if listing:
            yield f"## {say('events')}"
            yield "\n".join(map(self._event, listing))

    def _event(self, name: str) -> str:
        meaning = event_meaning(self.machine.events.get(name))
        own = say("itself") if name in self.telling.own_events else ""
        told = " ".join(part for part in (f"{upper(meaning)}." if meaning else "", own) if part)
        return f"- {self.telling.event(name)}{': ' if told else ''}{told}"
