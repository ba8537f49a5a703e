"""The app: finds all machines, records their published versions, gives Celery Beat its entry where Beat is there."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
from django.apps.registry import Apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError
from django.db import router
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class StateMachinesConfig(AppConfig):
    name = "statemachines"
    verbose_name = _("State machines")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401 (registers them)

        autodiscover_modules("machines")
        post_migrate.connect(make_beat_entry, sender=self)
        post_migrate.connect(record_versions, sender=self)


def make_beat_entry(using: str, **given: Any) -> None:
    """Add the sweep to django-celery-beat where that is installed and the entry absent; an operator's edit stays."""
    if apps.is_installed("django_celery_beat"):
        from .beat import make_entry

        make_entry(using)


def record_versions(using: str, apps: Apps = apps, **given: Any) -> None:
    """Record the published versions in a database that has a table for them."""
    from .engine.versions import record  # models are not loaded before this app is

    try:
        known = apps.get_model("statemachines", "MachineVersion")
    except LookupError:
        return
    if router.allow_migrate_model(using, known):
        try:
            record(using)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
