"""The hostile host where neither Celery nor its Beat is installed."""

from .hostile import *  # noqa: F403
from .hostile import INSTALLED_APPS

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "django_celery_beat"]
STATEMACHINES: dict[str, object] = {}
