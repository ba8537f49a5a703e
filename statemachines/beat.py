"""The one entry of Celery Beat that sweeps.

Limits: used only where django-celery-beat is installed; `beat_schedule` is for projects that use Beat without it.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, router
from django.db.models import Q

from . import conf

NAME = "statemachines: sweep"
TASK = "statemachines.tasks.sweep"


def make_entry(using: str) -> None:
    """Add the entry where it is absent, on the database that has Beat's tables. One that is there is left alone.

    An entry that is not taken in time expires, so that a dead worker heaps up none.
    """
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    if using != router.db_for_write(PeriodicTask):
        return
    if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
        return  # only this app was migrated; Beat's own migration comes with the next `migrate`
    tasks = PeriodicTask.objects.using(using)
    if tasks.filter(Q(task=TASK) | Q(name=NAME)).exists():
        return
    # An equal schedule may be there more than once: nothing keeps operators from that.
    schedules, wanted = IntervalSchedule.objects.using(using), _interval()
    schedule = schedules.filter(**wanted).first() or schedules.create(**wanted)
    expires = max(1, round(_expires()))
    queue = conf.get("CONTROL_QUEUE")
    made = PeriodicTask(name=NAME, task=TASK, interval=schedule, expire_seconds=expires, queue=queue)
    # Its save() would look for doubles on the database that the router reads from, which may be behind.
    made.save_base(using=using, force_insert=True)


def _interval() -> dict[str, Any]:
    """Return the interval as Beat takes it: whole seconds, or microseconds."""
    seconds = conf.get("SWEEP_INTERVAL_SECONDS")
    if seconds == int(seconds):
        return {"every": int(seconds), "period": "seconds"}
    return {"every": round(seconds * 1_000_000), "period": "microseconds"}


def _expires() -> float:
    return 10 * float(conf.get("SWEEP_INTERVAL_SECONDS"))


def beat_schedule() -> dict[str, Any]:
    """Return the entry, for `app.conf.beat_schedule` in the project's Celery module (Django's settings are read)."""
    interval = conf.duration("SWEEP_INTERVAL_SECONDS")
    queue = conf.get("CONTROL_QUEUE")
    options = {"expires": _expires()} | ({"queue": queue} if queue else {})
    return {NAME: {"task": TASK, "schedule": interval, "options": options}}
