"""Routers that hosts have."""

from __future__ import annotations

from typing import Any


class BeatOnLite:
    """Keeps Beat's models in a database of their own."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "lite" if model._meta.app_label == "django_celery_beat" else None

    db_for_write = db_for_read


class Replica:
    """Reads from a replica, writes to the primary: what was just written is not there yet when it is read."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return "replica"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return "default"

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True
