"""What changed between two versions of a machine, in sentences, as Markdown that reads well raw.

Limits: tells what `differences` finds.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from .chart import Edge
from .differences import Difference, differences
from .english import listed, lower, upper
from .explanation import invoked
from .machine import Machine
from .names import edges_of
from .reach import doings_of
from .sentences import DEFAULTS, TYPES, say
from .telling import Telling
from .words import event_in_words, phrase, prose, state_in_words

FRAME = ("state_added", "state_removed", "state_moved")
"""Differences between states, not inside one."""


def compare(old: Machine[Any], new: Machine[Any]) -> str:
    """Tell what changed from one version of a machine to another."""
    return "\n\n".join(_Comparison(old, new).blocks()) + "\n"


class _Side:
    """One of the two machines, with what differences name in it."""

    def __init__(self, machine: Machine[Any]) -> None:
        self.machine = machine
        self.telling = Telling(machine)
        nodes = machine.chart.nodes
        self.edges: dict[str, Edge] = {repr(edge): edge for node in nodes for edge in edges_of(node)}
        self.done = {repr(doing): self.telling.done(doing) for node in nodes for doing in doings_of(node)}
        self.done |= {one.row.effect.id: invoked(one) for node in nodes for one in node.invocations}


class _Comparison:
    def __init__(self, old: Machine[Any], new: Machine[Any]) -> None:
        self.old, self.new = _Side(old), _Side(new)
        self.done = self.old.done | self.new.done  # an old definition may be without its functions' docstrings
        self.found = differences(old, new)

    def blocks(self) -> Iterator[str]:
        old, new = self.old.machine, self.new.machine
        yield f"# {say('title_differences', machine=upper(phrase(new.name)), old=old.version, new=new.version)}"
        if not self.found:
            yield say("no_difference")
        frame = [one for one in self.found if one.kind in FRAME]
        yield from _section("states", self._frame(frame))
        inside = (one for one in self.found if one not in frame and not one.event and not one.name)
        for path, here in itertools.groupby(inside, lambda one: one.state):
            title = state_in_words(path) if path else say("itself_changed")
            yield f"## {upper(title)}"
            yield "\n".join(f"- {self._inside(one)}" for one in here)
        yield from _section("events", (self._event(one) for one in self.found if one.event))
        yield from _section("data", (_field(one) for one in self.found if one.name and not one.event))

    def _frame(self, found: Iterable[Difference]) -> Iterator[str]:
        """Tell what came and went; states that moved from one place to another together are told together."""
        for kind, group in itertools.groupby(found, lambda one: (one.kind, _above(one.before), _above(one.after))):
            states = [f"*{state_in_words(one.before or one.state)}*" for one in group]
            if kind[0] != "state_moved":
                yield from (upper(say(kind[0], state=state)) for state in states)
            elif kind[2]:
                yield upper(say("states_moved", states=listed(states), parent=f"*{state_in_words(kind[2])}*"))
            else:
                yield upper(say("states_moved_out", states=listed(states), parent=f"*{state_in_words(kind[1])}*"))

    def _inside(self, one: Difference) -> str:
        kind, before, after = one.kind, one.before, one.after
        if kind.startswith("transition"):
            return self._transition(one)
        if kind == "state_type":
            told = say(kind, before=TYPES[before], after=TYPES[after])
        elif kind == "state_initial":
            told = say(kind, before=f"*{state_in_words(before)}*", after=f"*{state_in_words(after)}*")
        elif kind == "description":
            told = say(kind if after else "description_removed", after=prose(after))
        elif kind.startswith(("tag", "output")):
            name = before or after
            told = say(kind, name=phrase(name) if name.isidentifier() else name)
        else:
            told = say(kind, what=self.done[before or after])
        return upper(told)

    def _transition(self, one: Difference) -> str:
        was, now = self.old.edges.get(one.before), self.new.edges.get(one.after)
        old, new = self.old.telling, self.new.telling
        if was is None or now is None:
            sentence = new.sentence(now) if now else old.sentence(was) if was else ""
            return upper(say(one.kind, sentence=lower(sentence)))
        occasion, outcome = new.occasion(now), new.outcome(now)
        match one.kind:
            case "transition_target":
                told = say(one.kind, occasion=new.when(now), before=old.outcome(was), after=outcome)
            case "transition_actions":
                told = self._actions(was, now)
            case "transition_delay":
                told = say(one.kind, outcome=outcome, before=old.when(was), after=new.when(now))
            case "transition_order":
                told = say(one.kind, occasion=occasion)
            case _:
                told = self._guard(was, now)
        return upper(told)

    def _actions(self, was: Edge, now: Edge) -> str:
        old, new = ([repr(doing) for doing in edge.row.actions] for edge in (was, now))
        gone, come = [one for one in old if one not in new], [one for one in new if one not in old]
        key = "transition_does" if come and not gone else "transition_does_not" if gone and not come else ""
        before, after = (gone, come) if key else (old, new)
        told = {"before": listed(self.done[one] for one in before), "after": listed(self.done[one] for one in after)}
        return say(key or "transition_does_other", occasion=self.new.telling.when(now), **told)

    def _guard(self, was: Edge, now: Edge) -> str:
        old, new = self.old.telling, self.new.telling
        before = was.row.guard and old.guard(was.row.guard, was.source)
        after = now.row.guard and new.guard(now.row.guard, now.source)
        key = "transition_guard" if before and after else "transition_guarded" if after else "transition_unguarded"
        return say(key, occasion=new.occasion(now), outcome=new.outcome(now), before=before, after=after)

    def _event(self, one: Difference) -> str:
        if one.name:
            return say("of_event", event=f"**{phrase(one.event)}**", what=lower(_field(one)))
        machine = (self.old if one.kind == "event_removed" else self.new).machine
        return say(one.kind, event=f"**{event_in_words(one.event, machine.events.get(one.event))}**")


def _above(path: str) -> str:
    return path.rpartition(".")[0]


def _field(one: Difference) -> str:
    """Tell a change of a field of the data or of a payload."""
    name, before, after = state_in_words(one.name), one.before, one.after
    if one.kind == "field_added":
        default = DEFAULTS.get(before, before)
        return upper(say("field_added_default" if before else one.kind, name=name, type=after, default=default))
    if one.kind == "field_default":
        before, after = DEFAULTS.get(before, before), DEFAULTS.get(after, after)
    return upper(say(one.kind, name=name, before=before, after=after))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    told = [f"- {line}" for line in lines]
    if told:
        yield f"## {say(title)}"
        yield "\n".join(told)
