"""The app: finds the machines of all installed apps, and gives Celery Beat its entry where Beat is there."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig, apps
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


def make_beat_entry(using: str, **given: Any) -> None:
    """Add the sweep to django-celery-beat where that is installed and the entry absent; an operator's edit stays."""
    if apps.is_installed("django_celery_beat"):
        from .beat import make_entry

        make_entry(using)
