"""Where an instance is, as a scene that a simulation goes on from.

Limits: reads, without a lock; an instance that moves at this moment may be told half before and half after.
"""

from __future__ import annotations

from statemachines.core.scenes import PlainEffect, PlainScene, PlainTimer
from statemachines.models import Effect, MachineInstance

from . import clock


def scene_of(instance: MachineInstance) -> PlainScene:
    """Return where an instance is, with its timers and the effects that wait."""
    timers = [
        PlainTimer(one.name, one.event, one.due_at, one.state, one.armed, one.payload)
        for one in instance.timers.order_by("due_at", "armed")
    ]
    effects = [
        PlainEffect(one.name.rpartition(".")[2], one.input, one.created_at, one.state, one.invocation, one.sequence)
        for one in instance.effects.filter(status__in=Effect.OPEN).order_by("pk")
    ]
    return PlainScene(
        configuration=instance.configuration,
        data=instance.data,
        history=instance.history_states,
        status=instance.status,
        output=instance.output,
        now=max(clock.now(instance._state.db or "default"), instance.updated_at),
        sequence=instance.sequence,
        timers=timers,
        effects=effects,
    )
