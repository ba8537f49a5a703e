"""Statements that PostgreSQL plans once per connection, run under Django's own wrappers, which tracing relies on.

Behind a transaction pooler a plan may be gone with its connection; who has one sets DISABLE_SERVER_SIDE_CURSORS in
DATABASES, as Django asks for it, and gets no plans kept.
Limits: with psycopg 2, and where Django logs queries with their values, it is Django's ordinary cursor.
"""

from __future__ import annotations

import sys
from typing import Any

from django.db.backends.postgresql.psycopg_any import is_psycopg3

KEPT = "_statemachines_cursors"
"""Where a connection of psycopg's keeps its cursors: they go with the connection."""

if is_psycopg3:
    from psycopg import Cursor

    class PreparedCursor(Cursor[Any]):
        """Prepares whatever it executes; values come back in binary, which is parsed faster."""

        def execute(self, query: Any, params: Any = None) -> Any:  # type: ignore[override]  # all that Django passes
            return super().execute(query, params, prepare=True, binary=True)


def prepared_cursor(connection: Any, sql: str) -> Any:
    """Return a cursor of Django's for a statement, with prepared ones below it where that is possible.

    A cursor that only ever runs one statement keeps how it turns the values: psycopg knows it by the same `str`.
    """
    pooled = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")
    if not is_psycopg3 or pooled or connection.queries_logged:
        return connection.cursor()
    connection.ensure_connection()
    below = connection.connection
    cursors = below.__dict__.setdefault(KEPT, {})  # whoever uses one fetches at once, so it serves all
    kept = cursors.get(sql)
    if kept is None:
        if below.prepare_threshold is None:
            # None, which Django sets, forbids preparing; with this, only who asks for it gets it.
            below.prepare_threshold = sys.maxsize
        if len(cursors) >= below.prepared_max:  # psycopg keeps no more plans either
            cursors.clear()
        kept = cursors[sql] = connection._prepare_cursor(PreparedCursor(below))
    return kept
