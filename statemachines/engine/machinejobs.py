"""Acts on all instances of a machine, as jobs do them: upgrades, and taking those back, a batch at a time.

Where a job stands is the last key that it has tried; what is done stands in the instances themselves.
Limits: the policy is asked of each, unless the project itself began the job.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db.models import Q

from statemachines.core.events import Actor
from statemachines.models import BulkJob, PreviousSnapshot

from .reverting import revert_all
from .upgrades import upgrade_all

BATCH = 200
"""How many instances one batch has: a worker does other things between two."""

ORIGIN = "admin.bulk"

STAYS = {
    "moved": "It has moved since its upgrade.",
    "busy": "It was held by somebody; try again.",
    "denied": "The policy does not let you operate it.",
}


class Batch(NamedTuple):
    """What became of a batch: `last` is the highest key that was tried, `refusals` are those that stay, and why."""

    last: int
    done: int
    refusals: list[dict[str, Any]]
    busy: int = 0


def actor_of(job: BulkJob) -> Actor:
    """Return who confirmed a job."""
    return Actor(job.actor_kind, job.actor_id, job.actor_label)


def _upgrade(job: BulkJob, using: str) -> Batch | None:
    given, actor = job.parameters, actor_of(job)
    batches = upgrade_all(
        given["machine"], given["to"], reason=job.reason, actor=actor, origin=ORIGIN, using=using, batch=BATCH,
        where=Q(pk__gt=given.get("last", 0)), policy=actor.kind != "system",
    )  # fmt: skip
    for batch in batches:
        stay = [_told(one.pk, one.key, one.reason) for one in batch.outcomes if one.status == "blocked"]
        return Batch(batch.last, len(batch.outcomes) - len(stay), stay, batch.busy)
    return None


def _revert(job: BulkJob, using: str) -> Batch | None:
    given, actor = job.parameters, actor_of(job)
    batches = revert_all(
        given["machine"], reason=job.reason, actor=actor, origin=ORIGIN, using=using, batch=BATCH,
        where=Q(pk__gt=given.get("last", 0)), policy=actor.kind != "system",
    )  # fmt: skip
    for batch in batches:
        stay = [_told(one.pk, one.key, STAYS[one.status]) for one in batch if one.status != "reverted"]
        return Batch(max((one.pk for one in batch), default=given.get("last", 0)), len(batch) - len(stay), stay)
    return None


def _told(pk: int, key: str, why: str) -> dict[str, Any]:
    return {"instance": pk, "key": key, "why": why}


def kept(machine: str, using: str) -> int:
    """Count the instances whose last upgrade can be taken back, unless they have moved."""
    return PreviousSnapshot.objects.using(using).filter(instance__machine=machine).count()


ACTS: dict[str, Callable[[BulkJob, str], Batch | None]] = {"upgrade": _upgrade, "revert": _revert}
"""Each does the next batch of a job; None where there is none."""
