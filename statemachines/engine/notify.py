"""Tell who LISTENs on PostgreSQL that an instance moved, where the project has set LISTEN_ALIAS.

The payload is the primary key and the sequence, as "17 4"; it arrives after the commit. A creation is told of as well.
Limits: a notification that nobody hears is lost, so who waits looks once when it begins to listen.
"""

from __future__ import annotations

from django.db import connections

from statemachines import conf

from .changes import Change

CHANNEL = "statemachines"


def returning(table: str) -> str:
    """Return what a write of instances ends with, so that it notifies in the same round trip; mostly nothing."""
    if not conf.get("LISTEN_ALIAS"):
        return ""
    return f" RETURNING pg_notify('{CHANNEL}', {table}.id || ' ' || {table}.sequence)"


def notify(change: Change, using: str) -> None:
    """Notify by a statement of its own."""
    connection = connections[using]
    if conf.get("LISTEN_ALIAS") and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{change.pk} {change.sequence}"])
