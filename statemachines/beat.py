"""The one entry of Celery Beat that sweeps.

Limits: used only where django-celery-beat is installed; `beat_schedule` is for projects that use Beat without it.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, router

from . import conf

NAME = "statemachines: sweep"
TASK = "statemachines.tasks.sweep"


def make_entry(using: str) -> None:
    """Add the entry where it is absent. An entry that is not taken in time expires, so a dead worker heaps up none."""
    from django_celery_beat.models import IntervalSchedule, PeriodicTask

    if using != router.db_for_write(PeriodicTask):
        return
    if PeriodicTask._meta.db_table not in connections[using].introspection.table_names():
        return  # only this app was migrated; Beat's own migration comes with the next `migrate`
    if PeriodicTask.objects.filter(task=TASK).exists():
        return
    seconds = max(1, round(conf.get("SWEEP_INTERVAL_SECONDS")))
    schedule, _ = IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)
    PeriodicTask.objects.create(name=NAME, task=TASK, interval=schedule, expire_seconds=10 * seconds)


def beat_schedule() -> dict[str, Any]:
    """Return the entry for `CELERY_BEAT_SCHEDULE`."""
    seconds = conf.get("SWEEP_INTERVAL_SECONDS")
    return {NAME: {"task": TASK, "schedule": seconds, "options": {"expires": 10 * seconds}}}
