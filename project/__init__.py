"""The Django project around the app: settings, URLs, Celery, and the servers that the demo and the tests run on."""

from .celery import app as celery_app

__all__ = ["celery_app"]
