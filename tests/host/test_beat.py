"""Celery Beat's one entry: made by `migrate` where it is absent, and the operator's from then on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.beat import PersistentScheduler
from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from statemachines.apps import make_beat_entry
from statemachines.beat import NAME, TASK, beat_schedule
from statemachines.tasks import sweep

pytestmark = pytest.mark.django_db(databases=["default", "lite"])


@pytest.fixture
def no_entry(db: None) -> None:
    PeriodicTask.objects.all().delete()
    IntervalSchedule.objects.all().delete()


def entry() -> PeriodicTask:
    found: PeriodicTask = PeriodicTask.objects.get(task=TASK)
    return found


def test_migrate_makes_the_entry_once(no_entry: None) -> None:
    """The sweep runs every second; what no worker takes within ten expires. Another `migrate` adds none."""
    for _ in range(2):
        call_command("migrate", "statemachines", verbosity=0)
        made = entry()
        assert (made.name, str(made.interval), made.expire_seconds, made.enabled) == (NAME, "every second", 10, True)


@pytest.mark.parametrize(
    ("seconds", "told", "expires"), [(2, "every 2 seconds", 20), (0.25, "every 250000 microseconds", 2)]
)
def test_the_interval_is_the_settings(no_entry: None, settings: Any, seconds: float, told: str, expires: int) -> None:
    """Fractions of a second are kept."""
    settings.STATEMACHINES = {"SWEEP_INTERVAL_SECONDS": seconds}
    make_beat_entry("default")
    assert (str(entry().interval), entry().expire_seconds) == (told, expires)


@pytest.mark.parametrize(
    "edit", [{"enabled": False}, {"name": "our sweep"}, {"expire_seconds": 3}, {"task": "ours.sweep"}], ids=str
)
def test_an_operators_edit_stays(no_entry: None, edit: dict[str, Any]) -> None:
    """Whatever was changed in the entry, `migrate` leaves it so and adds none beside it."""
    make_beat_entry("default")
    PeriodicTask.objects.update(**edit)
    before = PeriodicTask.objects.values().get()
    make_beat_entry("default")
    assert PeriodicTask.objects.values().get() == before


def test_another_interval_stays(no_entry: None) -> None:
    """An operator may sweep more seldom."""
    make_beat_entry("default")
    PeriodicTask.objects.update(interval=IntervalSchedule.objects.create(every=5, period="minutes"))
    make_beat_entry("default")
    assert str(entry().interval) == "every 5 minutes"


def test_an_interval_that_is_there_is_used_again(no_entry: None) -> None:
    """Even where operators made it twice."""
    twice = [IntervalSchedule.objects.create(every=1, period="seconds") for _ in range(2)]
    make_beat_entry("default")
    assert entry().interval in twice
    assert IntervalSchedule.objects.count() == 2


def test_only_the_database_of_beats_models_gets_it(no_entry: None, settings: Any) -> None:
    """Migrating another database makes no entry, neither there nor here; routed there, it is made there alone."""
    make_beat_entry("lite")
    assert not PeriodicTask.objects.exists()
    assert not PeriodicTask.objects.using("lite").filter(task=TASK).exists()
    settings.DATABASE_ROUTERS = ["tests.host.routers.BeatOnLite"]
    make_beat_entry("default")
    make_beat_entry("lite")
    assert not PeriodicTask.objects.using("default").exists()
    assert PeriodicTask.objects.using("lite").filter(task=TASK).count() == 1


def test_a_database_without_beats_tables_waits(no_entry: None) -> None:
    """Where only this app was migrated yet, nothing is made and nothing fails."""
    with connections["default"].cursor() as cursor:
        cursor.execute(f"ALTER TABLE {PeriodicTask._meta.db_table} RENAME TO elsewhere")
    make_beat_entry("default")


def test_without_beat_nothing_is_made(no_entry: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project that does not install django-celery-beat gets no entry."""
    monkeypatch.delitem(apps.app_configs, "django_celery_beat")
    make_beat_entry("default")
    assert not PeriodicTask.objects.exists()


def test_beats_own_schedule_takes_the_plain_entry(settings: Any, tmp_path: Path) -> None:
    """Without django-celery-beat, `beat_schedule()` gives Celery's own Beat the sweep."""
    settings.STATEMACHINES = {"SWEEP_INTERVAL_SECONDS": 0.5}
    app = Celery("host", set_as_current=False)
    app.conf.beat_schedule = beat_schedule()
    entry = PersistentScheduler(app, schedule_filename=str(tmp_path / "schedule")).schedule[NAME]
    assert (entry.task, entry.schedule.run_every, entry.options) == (TASK, timedelta(seconds=0.5), {"expires": 5.0})
    assert sweep.name == TASK
