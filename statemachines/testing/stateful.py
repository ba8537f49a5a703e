"""A machine as Hypothesis' rules: a project's own views, services or screens are checked against it, move by move.

The machine is played in a simulation beside; both must take or refuse alike, and come to the same state.
Limits: compares states, not data; a driver that needs more compares it in its own `state`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Protocol

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from statemachines.core.errors import EventRefused, InvalidValue
from statemachines.core.events import AnyEvent
from statemachines.core.journey import journey
from statemachines.core.machine import Machine
from statemachines.core.moves import Model, Move

from .strategies import events_of, moves_of, outcomes_of


class Driver(Protocol):
    """What drives the real thing.

    It may have more: `advance(by)` lets a timedelta pass, `complete(effect, result)` and `fail(effect)` end an effect
    by name, `close()` is called at the end. Without them time does not pass, and no effect ends.
    """

    def send(self, event: AnyEvent) -> bool:
        """Do what sends this event, as whoever may; return whether it was taken."""

    def state(self) -> str:
        """Return the active leaves, joined by ", ", as an instance's `state`."""


def machine_as_rules(
    machine: Machine[Any], driver: Callable[[Any], Driver], **given: Any
) -> type[RuleBasedStateMachine]:
    """Return the rules that check what `driver` drives against a machine; `driver` is given what the run starts from.

    Keywords as of `core.moves.Model`. All events are tried at all times, with the examples given or with any payload.
    Its `TestCase` runs under unittest and pytest, as with every RuleBasedStateMachine.
    """
    model = Model(machine, **given)
    return type(f"RulesOf{machine.name.title()}", (_Rules,), {"model": model, "driver": staticmethod(driver)})


class _Rules(RuleBasedStateMachine):
    model: Model
    driver: Callable[[Any], Driver]

    def __init__(self) -> None:
        super().__init__()
        self.simulation = self.model.simulation()
        self.real: Any = None

    @initialize(data=st.data())
    def start(self, data: st.DataObject) -> None:
        """Start both."""
        move: Move = data.draw(st.one_of(moves_of(self.model, self.simulation)))
        move.play(self.simulation)
        self.real = self.driver(move.value)
        self._compare(move)

    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        """Send both an event, whether or not it is possible now."""
        move: Move = data.draw(events_of(self.model, self.simulation, self.model.event_names()))
        expected, taken = self._takes(move), bool(self.real.send(move.value))
        if taken is not expected:
            words = {True: "takes it", False: "refuses it"}
            self._fail(f"{move}: the machine {words[expected]}, the driver {words[taken]}.")
        self._compare(move)

    @rule(data=st.data())
    def go_on(self, data: st.DataObject) -> None:
        """Let time pass for both, to the next timer or half the way, or end an effect of both."""
        moves = []
        scene = self.simulation.scene
        if hasattr(self.real, "advance") and scene.timers:
            left = scene.timers[0].due - scene.now
            moves += [st.sampled_from([left, left / 2]).map(lambda by: Move("timer", "", by))]
        for one in scene.effects:
            if one.invocation and hasattr(self.real, "complete"):
                moves += [outcomes_of(self.model, one.effect)]
            if one.invocation and hasattr(self.real, "fail"):
                moves += [st.just(Move("error", one.name))]
        if moves:
            self._go_on(data.draw(st.one_of(moves)))

    def teardown(self) -> None:
        if hasattr(self.real, "close"):
            self.real.close()

    def _go_on(self, move: Move) -> None:
        if isinstance(move.value, timedelta) and move.kind == "timer":
            self.simulation.advance(move.value)
            self.real.advance(move.value)
        else:
            move.play(self.simulation)
            self.real.complete(move.name, move.value) if move.kind == "done" else self.real.fail(move.name)
        self._compare(move)

    def _takes(self, move: Move) -> bool:
        try:
            move.play(self.simulation)
        except (EventRefused, InvalidValue):
            return False
        return True

    def _compare(self, move: Move) -> None:
        expected, found = ", ".join(self.simulation.leaves), self.real.state()
        if found != expected:
            self._fail(f"After {move} the driver is in {found!r}, the machine in {expected!r}.")

    def _fail(self, text: str) -> None:
        raise AssertionError(f"{text}\n{journey(self.simulation)}")
