"""Hold an effect's kind on all instances, or everything, and let it go again.

The payment provider is down: its effects wait. A backup was restored: everything waits until somebody has looked at
what would fire. Limits: what runs already goes on to its end, and what is completed from outside is taken; results that
wait are applied, unless everything is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import msgspec
from django.db.models import Case, Count, Min, QuerySet, Value, When

from statemachines import registry
from statemachines.core.events import Actor
from statemachines.exceptions import InvalidValue
from statemachines.models import Effect, EffectHold, MachineInstance, Timer

from . import clock
from .asking import reasoned, where, who

EVERYTHING = EffectHold.EVERYTHING
Status = Effect.Status


class Waiting(msgspec.Struct, frozen=True):
    """So many of one kind wait on the instances of a machine; `first` is when the first is due.

    `kind`: "effect" to start (by stored name), "result" of one to be applied, "deadline" of one that is completed from
    outside, "timer" to fire (by event).
    """

    kind: str
    machine: str
    name: str
    count: int
    first: datetime
    held: bool


def hold(
    name: str, *, reason: str, actor: Actor | None = None, system: bool = False, using: str | None = None
) -> EffectHold:
    """Hold effects by their stored name (`orders.charge`, or `charge`), or "*" for all effects and timers.

    Raises InvalidValue where no effect has that name.
    """
    by, alias = who(actor, system=system), where(using)
    told = {"reason": reasoned("hold", reason), "actor_kind": by.kind, "actor_id": by.id, "actor_label": by.label}
    full = stored_name(name, alias)
    held, _ = EffectHold.objects.using(alias).update_or_create(name=full, defaults=told | {"at": clock.now(alias)})
    return held


def release(name: str, *, using: str | None = None) -> bool:
    """Let effects go on; the next sweep takes them up. Return whether they were held. Raises InvalidValue."""
    alias = where(using)
    full = stored_name(name, alias)
    deleted, _ = EffectHold.objects.using(alias).filter(name=full).delete()
    if not deleted:
        return False
    effects = Effect.objects.using(alias).filter(status__in=Effect.OPEN).exclude(handed_until=None)
    (effects if full == EVERYTHING else effects.filter(name=full)).update(handed_until=None)
    return True


def stored_name(name: str, using: str) -> str:
    """Return an effect's stored name, of which the last part will do where it is unique. Raises InvalidValue."""
    if name == EVERYTHING:
        return name
    known = registry.effect_names() | names(using)
    if name in known or Effect.objects.using(using).filter(name=name).exists():
        return name
    found = sorted(one for one in known if one.rpartition(".")[2] == name)
    if len(found) == 1:
        return found[0]
    meant = found or get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
    expected = f"an effect's stored name ({', '.join(meant)}), or '*' for everything"
    raise InvalidValue("hold", field="name", expected=expected, received=repr(name))


def names(using: str) -> set[str]:
    """Return what is held."""
    return set(EffectHold.objects.using(using).values_list("name", flat=True))


def preview(using: str | None = None) -> list[Waiting]:
    """Return what would happen by itself, were nothing held, the soonest first; paused instances are left out."""
    alias = where(using)
    found = [*_effects(alias), *_timers(alias)]
    return sorted(found, key=lambda one: (one.first, one.kind, one.machine, one.name))


def _effects(using: str) -> Iterator[Waiting]:
    held = names(using)
    open_ones = Effect.objects.using(using).filter(status__in=KINDS, due_at__isnull=False)
    whens = [When(status=status, then=Value(kind)) for status, kind in KINDS.items()]
    for kind, machine, name, count, first in _counted(open_ones.annotate(kind=Case(*whens)), "kind", "name"):
        stopped = {EVERYTHING, name} if kind == "effect" else {EVERYTHING}
        yield Waiting(kind, machine, name, count, first, bool(stopped & held))


def _timers(using: str) -> Iterator[Waiting]:
    held = EVERYTHING in names(using)
    for machine, name, count, first in _counted(Timer.objects.using(using), "event"):
        yield Waiting("timer", machine, name, count, first, held)


KINDS = {
    Status.WAITING: "effect",
    Status.RUNNING: "effect",
    Status.RAN: "result",
    Status.PENDING: "deadline",
}
"""What each status waits for; one that runs may be that of a dead worker, to be started again."""


def _counted(rows: QuerySet[Any], *by: str) -> Iterable[Any]:
    going_on = rows.filter(needs_attention=False).exclude(instance__status=MachineInstance.Status.PAUSED)
    fields = [*by[:-1], "instance__machine", by[-1]]
    counted: Iterable[Any] = going_on.order_by().values_list(*fields).annotate(Count("pk"), Min("due_at"))
    return counted
