"""Take upgrades back: an instance that has not moved since becomes again what it was, with its timers and effects.

Nothing is mapped: what was kept at the upgrade is put back, so this needs neither the older version's code nor an
upgrade that leads there. Limits: what has run meanwhile has run; effects that the upgrade began are told to stop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec
from django.db.models import Q

from statemachines import conf, signals
from statemachines.core.events import Actor
from statemachines.core.snapshot import Snapshot
from statemachines.exceptions import NotAllowed
from statemachines.models import Effect, MachineInstance, PreviousSnapshot, Timer

from . import allowed, clock
from .asking import reasoned
from .changes import Change, NewEntry, NewTimer, Row
from .macrosteps import encode
from .patches import patch
from .store import store
from .transaction import Driven, again, told
from .upgrading import HISTORY, leaves
from .versions import known

REVERT = "statemachines.upgrade.revert"
"""The name of the event that history gets."""


class Reverted(NamedTuple):
    """What became of an instance: brought back to `version`, or left, as it has moved, is held by somebody else, or
    its policy does not let the actor."""

    pk: int
    key: str
    version: int
    status: Literal["reverted", "moved", "busy", "denied"]


def revert_all(
    name: str,
    *,
    reason: str,
    actor: Actor,
    origin: str = "python",
    using: str,
    where: Q | None = None,
    batch: int = 500,
    write: bool = True,
    policy: bool = False,
) -> Iterator[list[Reverted]]:
    """Bring back instances of a machine whose last upgrade is still kept, batch by batch; yield what became of each.

    `where`: which of them. Without `write`, tell what would become of them. With `policy` the machine's is asked
    whether the actor may operate each.
    """
    why = reasoned("revert", reason)
    matching = MachineInstance.objects.using(using).filter(where or Q(), machine=name)
    since = clock.now(using) - conf.duration("UPGRADE_KEEP_SECONDS")
    kept = PreviousSnapshot.objects.using(using).filter(instance__in=matching, at__gte=since).order_by("pk")
    last = 0
    while pks := list(kept.filter(pk__gt=last).values_list("pk", flat=True)[:batch]):
        last = pks[-1]
        yield again(using, lambda pks=pks: _batch(pks, why, actor, origin, using, write=write, policy=policy))  # type: ignore[misc]


def prune(now: datetime, using: str, batch: int) -> int:
    """Forget a batch of what was kept for longer than the settings say; return for how many instances."""
    old = PreviousSnapshot.objects.using(using).filter(at__lt=now - conf.duration("UPGRADE_KEEP_SECONDS"))
    pks = list(old.order_by("at").values_list("pk", flat=True)[:batch])
    # Asked again as it deletes: an instance that was upgraded meanwhile keeps what it was before that.
    return again(using, lambda: old.filter(pk__in=pks).delete()[0]) if pks else 0


def _batch(
    pks: Sequence[int], why: str, actor: Actor, origin: str, using: str, *, write: bool, policy: bool
) -> list[Reverted]:
    rows = store(using)
    found = rows.lock_free(pks) if write else rows.read(pks)
    kept = PreviousSnapshot.objects.using(using).in_bulk([row.pk for row in found])
    denied = {row.pk for row in found if policy and not _may(actor, row, using)}
    same = [row for row in found if row.pk in kept and kept[row.pk].sequence == row.sequence]
    back = [(row, kept[row.pk]) for row in same if row.pk not in denied]
    if write and back:
        keys = [row.pk for row, _ in back]
        changes = [_change(row, previous, why, actor, origin) for row, previous in back]
        _effects(back, using)
        Timer.objects.using(using).filter(instance__in=keys).delete()
        PreviousSnapshot.objects.using(using).filter(pk__in=keys).delete()
        told(rows.write_all(changes), found[0].now, using)
        for (row, _), change in zip(back, changes, strict=True):
            signals.announce(row.machine, change, using)
    done = [Reverted(row.pk, row.key, previous.version, "reverted") for row, previous in back]
    done += [Reverted(row.pk, row.key, row.version, "denied") for row in same if row.pk in denied]
    seen, still = {row.pk for row in found}, {row.pk for row in same}
    done += [Reverted(row.pk, row.key, row.version, "moved") for row in found if row.pk not in still]
    left = dict(MachineInstance.objects.using(using).filter(pk__in=set(pks) - seen).values_list("pk", "key"))
    return done + [Reverted(pk, key, 0, "busy") for pk, key in left.items()]


def _may(actor: Actor, row: Row, using: str) -> bool:
    try:
        allowed.operates(Driven(known(row.machine, row.version, using), row), actor, "revert", system=False)
    except NotAllowed:
        return False
    return True


def _change(row: Row, previous: PreviousSnapshot, why: str, actor: Actor, origin: str) -> Change:
    was = previous.snapshot
    entry = NewEntry(
        sequence=row.sequence + 1,
        event=REVERT,
        payload=encode({"from": row.version, "to": previous.version}).decode(),
        facts="{}",
        source=row.configuration,
        target=was["configuration"],
        microsteps="[]",
        patch=patch(_snapshot(row.data, "{}", "active", None), _plain(was)),
        actor=actor,
        origin=origin,
        reason=why,
        version=previous.version,
        at=row.now,
    )
    return Change(
        pk=row.pk,
        state=leaves(was["configuration"]),
        configuration=was["configuration"],
        data=was["data"],
        history_states=was["history_states"],
        status=was["status"],
        output=was["output"],
        sequence=row.sequence + 1,
        version=previous.version,
        at=row.now,
        entries=[entry],
        timers={one["name"]: _timer(one) for one in was["timers"]},
    )


def _plain(was: dict[str, Any]) -> Snapshot[Any]:
    return _snapshot(was["data"], was["history_states"], was["status"], was["output"])


def _snapshot(data: str, history: str, status: str, output: str | None) -> Snapshot[Any]:
    """Return what is compared of an instance, all of it plain."""
    return Snapshot(
        (),
        msgspec.json.decode(data),
        msgspec.json.decode(history, type=HISTORY),
        "done" if status in MachineInstance.ENDED else "active",
        None if output is None else msgspec.json.decode(output),
    )


def _timer(was: dict[str, Any]) -> NewTimer:
    payload = None if was["payload"] is None else encode(was["payload"]).decode()
    due_at = datetime.fromisoformat(was["due_at"])
    return NewTimer(was["name"], was["event"], payload, was["state"], due_at, was["armed"])


def _effects(back: Sequence[tuple[Row, PreviousSnapshot]], using: str) -> None:
    """Give effects their old names, and wake those that the upgrade let go; what it began is not wanted any more."""
    effects = Effect.objects.using(using)
    kept = {row.pk: previous.snapshot for row, previous in back}
    for effect in effects.filter(instance__in=kept.keys(), status__in=[*Effect.OPEN, Effect.Status.CANCELLED]):
        was = kept[effect.instance_id]
        before = next((one for one in was["effects"] if one["pk"] == effect.pk), None)
        if before is not None:
            if effect.status == Effect.Status.CANCELLED:
                effect.status, effect.ended_at = before["status"], None
            for name in ("name", "invocation", "state", "version", "input"):
                setattr(effect, name, before[name])
            effect.save(using=using)
        elif effect.sequence > was["sequence"]:
            effects.filter(pk=effect.pk).stop(back[0][0].now)
