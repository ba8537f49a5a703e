"""Upgrade instances to another version of their machine: one, or all there are, in batches beside live traffic.

What is done stands in the rows themselves: a run that was ended is taken up by the next, and two runs share the work.
Limits: instances that somebody else holds are waited for at the end of their batch, a second each, then left.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import DatabaseError, connections
from django.db.models import Q

from statemachines import registry, signals
from statemachines.core.events import Actor
from statemachines.exceptions import InstanceBusy, InstanceNotFound, UpgradeBlocked
from statemachines.models import MachineInstance

from . import allowed
from .asking import located, reasoned, who
from .changes import Row
from .store import store
from .transaction import BUSY, Driven, again
from .upgrading import Order, Outcome, upgrade_rows
from .versions import known

LOCK_WAIT = timedelta(seconds=1)


class Batch(NamedTuple):
    """What became of a batch of instances; `busy` were held by somebody else the whole time.

    `last` is the highest of their keys.
    """

    outcomes: list[Outcome]
    busy: int
    last: int


def upgrade(
    instance: MachineInstance | int,
    to: int | None = None,
    *,
    reason: str,
    actor: Actor | None = None,
    system: bool = False,
    origin: str = "python",
    using: str | None = None,
) -> MachineInstance:
    """Upgrade one instance, an ended one too, by default to the current version; return it as it is then.

    Raises UpgradeBlocked with the reason why it stays on its version, NoUpgrade, NotAllowed, InstanceNotFound,
    UnknownVersion.
    """
    by, why = who(actor, system=system), reasoned("upgrade", reason)
    given, alias = located(instance, using)

    def work() -> Outcome | None:
        rows = store(alias)
        row = rows.lock(given.pk)
        target = registry.find(row.machine, to).version
        if not system:
            allowed.operates(Driven(registry.find(row.machine, row.version), row), by, "upgrade", system=system)
        if row.version == target:
            return None
        order = Order(row.machine, target, by, origin, why)
        return upgrade_rows([row], rows, order, alias, write=True)[0]

    done = again(alias, work)
    if done is not None and done.status == "blocked":
        raise UpgradeBlocked(f"{given.pk} stays on version {done.version}: {done.reason}")
    given.refresh_from_db(using=alias)
    return given


def candidates(name: str, to: int, using: str, *, ended: bool = False) -> Any:
    """Return the instances that would be upgraded: those on a lower version; where `to` is not the current one, on any.

    Those whose policy is never to be are left out, and ended ones unless they are asked for.
    """
    current = registry.find(name)
    older = Q(version__lt=to) if to == current.version else ~Q(version=to)
    never = Q(upgrades="never") | (Q(upgrades="") if current.upgrades == "never" else Q())
    rows = MachineInstance.objects.using(using).filter(older, machine=name).exclude(never)
    return rows if ended else rows.exclude(status__in=MachineInstance.ENDED)


def upgrade_all(
    name: str,
    to: int,
    *,
    reason: str,
    actor: Actor,
    origin: str = "python",
    using: str,
    where: Q | None = None,
    ended: bool = False,
    batch: int = 500,
    per_second: float | None = None,
    sample: int | None = None,
    write: bool = True,
    policy: bool = False,
) -> Iterator[Batch]:
    """Upgrade the instances of a machine, batch by batch in the order of their keys, and yield what became of each.

    `where`: which of them. `per_second`: at most so many. Without `write` nothing changes, and nothing is locked: the
    mapping is run on all of them, or on `sample`. With `policy` the machine's is asked whether the actor may operate
    each, as it is then. Raises UnknownVersion.
    """
    registered = known(name, to, using)
    order = Order(name, to, actor, origin, reasoned("upgrade", reason), policy)
    rows = candidates(name, to, using, ended=ended).filter(where or Q()).order_by("pk")
    alone = registered.acts or signals.transition.has_listeners(name)
    size = min(batch, int(per_second) or 1) if per_second else batch
    last, left, started, done = 0, sample, time.monotonic(), 0
    while left is None or left > 0:
        take = size if left is None else min(size, left)
        pks = list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:take])
        if not pks:
            break
        last = pks[-1]
        left = None if left is None else left - len(pks)
        yield _batch(pks, order, using, write=write, alone=alone)
        done += len(pks)
        if per_second:
            time.sleep(max(0.0, started + done / per_second - time.monotonic()))


def _batch(pks: Sequence[int], order: Order, using: str, *, write: bool, alone: bool) -> Batch:
    rows = store(using)
    if not write:
        return Batch(upgrade_rows(_due(rows.read(pks), order), rows, order, using, write=False), 0, pks[-1])
    outcomes: list[Outcome] = []
    tried: set[int] = set()
    if not alone:
        try:
            outcomes, tried = again(using, lambda: _free(pks, order, using))
        except DatabaseError:  # of one of them: each is done by itself
            if connections[using].in_atomic_block:
                raise
    busy = 0
    for pk in pks:
        if pk not in tried:
            try:
                outcomes += again(using, lambda pk=pk: _one(pk, order, using))  # type: ignore[misc]
            except InstanceBusy:
                busy += 1
            except DatabaseError as error:
                if getattr(error.__cause__, "sqlstate", None) in BUSY or "locked" in str(error):
                    busy += 1
                else:
                    outcomes.append(Outcome(pk, "", 0, "blocked", "", reason=f"the database refused: {error}"))
    return Batch(outcomes, busy, pks[-1])


def _free(pks: Sequence[int], order: Order, using: str) -> tuple[list[Outcome], set[int]]:
    rows = store(using)
    locked = rows.lock_free(pks)
    return upgrade_rows(_due(locked, order), rows, order, using, write=True), {row.pk for row in locked}


def _one(pk: int, order: Order, using: str) -> list[Outcome]:
    rows = store(using)
    try:
        row = rows.lock(pk, timeout=LOCK_WAIT)
    except InstanceNotFound:
        return []
    return upgrade_rows(_due([row], order), rows, order, using, write=True)


def _due(rows: Sequence[Row], order: Order) -> list[Row]:
    """Leave out those that another run has upgraded meanwhile."""
    return [row for row in rows if row.version != order.to]
