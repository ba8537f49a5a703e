"""Hold an effect's kind on all instances, or everything, and let it go again.

The payment provider is down: its effects wait. A backup was restored: everything waits until somebody has looked at
what would fire. Limits: what runs already goes on; results that came are applied, unless everything is held.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.db.models import Count, Min, Q

from statemachines.core.events import Actor
from statemachines.models import Effect, EffectHold, Timer

from . import clock
from .asking import reasoned, where, who

EVERYTHING = EffectHold.EVERYTHING


class Waiting(msgspec.Struct, frozen=True):
    """So many effects (by stored name) or timers (by event) of a machine wait; `first` is when the first is due."""

    kind: str
    machine: str
    name: str
    count: int
    first: datetime
    held: bool


def hold(
    name: str, *, reason: str, actor: Actor | None = None, system: bool = False, using: str | None = None
) -> EffectHold:
    """Hold effects by their stored name (`orders.charge`), or "*" for all effects and timers. Raises InvalidValue."""
    by, alias = who(actor, system=system), where(using)
    told = {"reason": reasoned("hold", reason), "actor_kind": by.kind, "actor_id": by.id, "actor_label": by.label}
    held, _ = EffectHold.objects.using(alias).update_or_create(name=name, defaults=told | {"at": clock.now(alias)})
    return held


def release(name: str, *, using: str | None = None) -> bool:
    """Let effects go on; the next sweep takes them up. Return whether they were held."""
    deleted, _ = EffectHold.objects.using(where(using)).filter(name=name).delete()
    return deleted > 0


def names(using: str) -> set[str]:
    """Return what is held."""
    return set(EffectHold.objects.using(using).values_list("name", flat=True))


def preview(using: str | None = None) -> list[Waiting]:
    """Return what waits to start or to fire, held or not, the soonest first."""
    alias = where(using)
    held = names(alias)
    waiting = Q(status__in=[Effect.Status.WAITING, Effect.Status.RUNNING])
    effects = (
        Effect.objects.using(alias).filter(waiting, needs_attention=False).values_list("instance__machine", "name")
    )
    timers = Timer.objects.using(alias).filter(needs_attention=False).values_list("instance__machine", "event")
    counted = {"count": Count("pk"), "first": Min("due_at")}
    by_kind = [("effect", effects, held), ("timer", timers, held & {EVERYTHING})]
    found = [
        Waiting(kind, machine, name, count, first, bool({name, EVERYTHING} & stopped))
        for kind, rows, stopped in by_kind
        for machine, name, count, first in rows.annotate(**counted).order_by()
    ]
    return sorted(found, key=lambda one: one.first)
