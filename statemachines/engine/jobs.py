"""One act on many instances, in batches: by whoever sweeps, while a page shows how far it is.

Each instance is a transaction of its own, and what is refused is counted, with the first reasons. A batch is its
worker's for as long as its lease; that of a dead one is taken up by another, and nothing is sent twice. What is done
to all instances of a machine is in `machinejobs`.
Limits: in the order of the list; an act on an instance that another batch has just done is refused, not repeated.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.db.models import F, Q, QuerySet

from statemachines import registry
from statemachines.core.errors import EventRefused, InvalidValue, UnknownEvent, UpgradeError
from statemachines.core.events import Actor, Occurrence
from statemachines.exceptions import InstanceBusy, NotAllowed, OperationRefused, UnknownMachine, UnknownVersion
from statemachines.models import BulkJob, Effect, MachineInstance

from . import allowed, clock, lifecycle, machinejobs, refusals, repair
from .asking import where
from .machinejobs import ORIGIN, actor_of
from .upgrades import candidates
from .verbs import send

logger = logging.getLogger(__name__)

BATCH = 50
"""How many instances a batch has; as many are done at once, while their operator waits."""

MOST = 100_000
"""How many instances one job may have."""

LEASE = timedelta(seconds=60)

FORGOTTEN = timedelta(days=1)
"""How long a plan that nobody confirms is kept."""

KEPT = 50
"""How many refusals are kept with their reasons."""


def plan(
    act: str, instances: Sequence[int], parameters: dict[str, Any], *, actor: Actor, using: str | None = None
) -> BulkJob:
    """Note what is to be done, by whom, on which instances; it begins with `confirm`. Raises KeyError, ValueError."""
    ACTS[act]
    return _planned(act, list(instances), len(instances), parameters, actor, where(using))


def plan_upgrade(machine: str, to: int | None = None, *, actor: Actor, using: str | None = None) -> BulkJob:
    """Note an upgrade of a machine's running instances, by default to its current version.

    Raises UnknownMachine and UnknownVersion.
    """
    target, alias = registry.find(machine, to), where(using)
    total = candidates(target.name, target.version, alias).count()
    return _planned("upgrade", [], total, {"machine": target.name, "to": target.version}, actor, alias)


def plan_revert(machine: str, *, actor: Actor, using: str | None = None) -> BulkJob:
    """Note that a machine's upgrades are to be taken back. Raises UnknownMachine."""
    name, alias = registry.find(machine).name, where(using)
    return _planned("revert", [], machinejobs.kept(name, alias), {"machine": name}, actor, alias)


def _planned(
    act: str, instances: list[int], total: int, parameters: dict[str, Any], actor: Actor, alias: str
) -> BulkJob:
    if len(instances) > MOST:
        raise ValueError(f"{len(instances)} instances are too many at once; take at most {MOST}.")
    now = clock.now(alias)
    BulkJob.objects.using(alias).filter(status=BulkJob.Status.PLANNED, created_at__lt=now - FORGOTTEN).delete()
    job: BulkJob = BulkJob.objects.using(alias).create(
        act=act, instances=instances, total=total, parameters=parameters, created_at=now,
        actor_kind=actor.kind, actor_id=actor.id, actor_label=actor.label,
    )  # fmt: skip
    return job


def confirm(job: BulkJob, reason: str, parameters: dict[str, Any]) -> bool:
    """Have a planned job begin. Return False where it has begun before."""
    planned = BulkJob.objects.using(job._state.db).filter(pk=job.pk, status=BulkJob.Status.PLANNED)
    begun = planned.update(status=BulkJob.Status.RUNNING, reason=reason, parameters=parameters)
    job.refresh_from_db()
    return begun == 1


def claim(using: str) -> list[int]:
    """Take the running jobs that nobody works on, and return them."""
    now = clock.now(using)
    free = BulkJob.objects.using(using).filter(Q(leased_until=None) | Q(leased_until__lt=now), status="running")
    return [pk for pk in free.values_list("pk", flat=True) if free.filter(pk=pk).update(leased_until=now + LEASE)]


def run(pk: int, using: str) -> bool:
    """Do a batch of a job, whose lease the caller has. Return whether there is more to do."""
    jobs = BulkJob.objects.using(using).filter(pk=pk, status=BulkJob.Status.RUNNING)
    job = jobs.first()
    if job is None:
        return False
    jobs.update(leased_until=clock.now(using) + LEASE)
    if job.act in machinejobs.ACTS:
        return _batch(job, jobs, using)
    for instance in job.instances[job.position : job.position + BATCH]:
        counted, refusal = _done(job, instance, using)
        told = {"refusals": [*job.refusals, refusal]} if refusal and len(job.refusals) < KEPT else {}
        job.refusals = told.get("refusals", job.refusals)
        mine = jobs.filter(position=job.position)
        if not mine.update(position=job.position + 1, **{counted: F(counted) + 1}, **told):
            return False  # another has it: this worker's lease was over
        job.position += 1
    if job.position < job.total:
        jobs.update(leased_until=clock.now(using) + LEASE)
        return True
    return _ended(jobs, using, instances=[])


def _batch(job: BulkJob, jobs: QuerySet[BulkJob], using: str) -> bool:
    """Do a batch of a job on a whole machine. Return whether there may be more."""
    try:
        batch = machinejobs.ACTS[job.act](job, using)
    except (UnknownMachine, UnknownVersion) as unknown:
        logger.warning("%s of %s waits for a worker that knows it: %s", job.act, job.parameters["machine"], unknown)
        return False
    except (UpgradeError, ImproperlyConfigured) as error:
        told = {"refusals": [*job.refusals, {"instance": None, "key": "", "why": str(error)}]}
        jobs.update(
            status=BulkJob.Status.DONE, ended_at=clock.now(using), leased_until=None, failed=F("failed") + 1, **told
        )
        return False
    if batch is None:
        jobs.update(status=BulkJob.Status.DONE, ended_at=clock.now(using), leased_until=None, total=F("position"))
        return False
    tried = batch.done + len(batch.refusals) + batch.busy
    mine = jobs.filter(position=job.position)
    return (
        mine.update(
            position=F("position") + tried,
            done=F("done") + batch.done,
            refused=F("refused") + len(batch.refusals),
            failed=F("failed") + batch.busy,
            refusals=[*job.refusals, *batch.refusals][:KEPT],
            parameters=job.parameters | {"last": batch.last},
            leased_until=clock.now(using) + LEASE,
        )
        == 1
    )


def _ended(jobs: QuerySet[BulkJob], using: str, **told: Any) -> bool:
    """Note that a job is done, and return that there is no more to do."""
    jobs.update(status=BulkJob.Status.DONE, ended_at=clock.now(using), leased_until=None, **told)
    return False


def _done(job: BulkJob, instance: int, using: str) -> tuple[str, dict[str, Any] | None]:
    """Do the act on one instance; return how it is counted, and why it was not done."""
    try:
        ACTS[job.act](job, instance, using)
    except NotAllowed as denied:
        if job.act != "send":  # which leaves its own trace
            refusals.record(instance, allowed.refusal(f"statemachines.{job.act}", denied), actor_of(job), ORIGIN, using)
        return "refused", _told(instance, denied, using)
    except (EventRefused, OperationRefused, InvalidValue, UnknownEvent, InstanceBusy, ObjectDoesNotExist) as refusal:
        return "refused", _told(instance, refusal, using)
    except Exception as error:
        logger.exception("%s of instance %s in bulk failed.", job.act, instance)
        return "failed", _told(instance, error, using)
    return "done", None


def _told(instance: int, error: Exception, using: str) -> dict[str, Any]:
    key = MachineInstance.objects.using(using).filter(pk=instance).values_list("key", flat=True).first()
    return {"instance": instance, "key": key or "", "why": str(error)}


def _send(job: BulkJob, instance: int, using: str) -> None:
    event = Occurrence(job.parameters["event"], job.parameters.get("payload"))
    key = f"bulk.{job.pk}"
    send(instance, event, actor=actor_of(job), origin=ORIGIN, idempotency_key=key, using=using)


def _by(verb: Callable[..., object]) -> Callable[[BulkJob, int, str], None]:
    def act(job: BulkJob, instance: int, using: str) -> None:
        verb(instance, reason=job.reason, actor=actor_of(job), origin=ORIGIN, using=using)

    return act


def _retry(job: BulkJob, instance: int, using: str) -> None:
    stuck = Effect.objects.using(using).filter(instance=instance, needs_attention=True).order_by("pk")
    pks = list(stuck.values_list("pk", flat=True))
    if not pks:
        raise OperationRefused("nothing_failed", "None of its effects needs attention.")
    for pk in pks:
        repair.retry_effect(pk, reason=job.reason, actor=actor_of(job), origin=ORIGIN, using=using)


ACTS: dict[str, Callable[[BulkJob, int, str], None]] = {
    "send": _send,
    "pause": _by(lifecycle.pause),
    "resume": _by(lifecycle.resume),
    "cancel": _by(lifecycle.cancel),
    "retry": _retry,
}
"""What can be done in bulk."""
