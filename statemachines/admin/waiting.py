"""An instance's effects and timers as a page shows them: in words, masked, with the acts that make sense on each.

Limits: of effects a page shows some; all are in the list of effects.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from statemachines import shown
from statemachines.models import Effect, EffectHold, MachineInstance, Timer

from . import acts
from .words import due, effect_in_words, event_in_words, states_in_words

EFFECTS = 25
"""How many effects a page shows: those that need somebody first, then the open ones, then the latest."""

ENDED = 5
"""How many of them, at least, may be ended ones."""


class Row(NamedTuple):
    """An effect or a timer; `problem` is the last line of `trace`, a traceback."""

    row: Any
    words: str
    state: str
    acts: list[tuple[str, acts.Act]]
    trace: str
    problem: str
    due: str = ""
    late: bool = False
    held: bool = False
    input: Any = None
    result: Any = None


def effects_of(instance: MachineInstance, *, operate: bool) -> list[Row]:
    """Return the effects that matter most; `operate`: with what can be done with them."""
    held = set(EffectHold.objects.values_list("name", flat=True))
    latest = instance.effects.order_by("-needs_attention", "-pk")
    rows = list(latest.filter(status__in=Effect.OPEN)[:EFFECTS])
    rows += latest.exclude(status__in=Effect.OPEN)[: max(ENDED, EFFECTS - len(rows))]
    return [_effect(_of(instance, row), held, operate=operate) for row in rows]


def timers_of(instance: MachineInstance, now: datetime, *, operate: bool) -> list[Row]:
    """Return the timers, the next one first."""
    return [_timer(_of(instance, row), now, operate=operate) for row in instance.timers.order_by("due_at")]


def _of(instance: MachineInstance, row: Any) -> Any:
    row.instance = instance  # it is not asked for again
    return row


def _effect(effect: Effect, held: set[str], *, operate: bool) -> Row:
    trace = shown.effect_error(effect)
    return Row(
        row=effect,
        words=effect_in_words(effect.name),
        state=states_in_words(effect.state),
        acts=[(name, act) for name, act in acts.ON_EFFECT.items() if operate and act.possible(effect)],
        trace=trace,
        problem=last_line(trace),
        held=bool({effect.name, EffectHold.EVERYTHING} & held) and effect.status in Effect.OPEN,
        input=shown.effect_input(effect),
        result=shown.effect_result(effect),
    )


def _timer(timer: Timer, now: datetime, *, operate: bool) -> Row:
    trace = shown.timer_error(timer)
    return Row(
        row=timer,
        words=event_in_words(timer.event),
        state=states_in_words(timer.state),
        acts=list(acts.ON_TIMER.items()) if operate else [],
        trace=trace,
        problem=last_line(trace),
        due=due(timer.due_at, now),
        late=timer.due_at <= now,
    )


def last_line(trace: str) -> str:
    """Return the last line of a traceback: what went wrong."""
    return trace.strip().rpartition("\n")[2]
