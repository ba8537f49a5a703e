"""Statements that PostgreSQL plans once per connection, run under Django's own wrappers, which tracing relies on.

Behind a transaction pooler a plan may be gone with its connection; who has one sets DISABLE_SERVER_SIDE_CURSORS in
DATABASES, as Django asks for it, and gets no plans kept.
Limits: with psycopg 2, and where Django logs queries with their values, it is Django's ordinary cursor.
"""

from __future__ import annotations

import sys
from typing import Any

from django.db.backends.postgresql.psycopg_any import is_psycopg3

KEPT = "_statemachines_cursor"
"""Where a connection of psycopg's keeps its cursor: it goes with the connection."""

if is_psycopg3:
    from psycopg import Cursor

    class PreparedCursor(Cursor[Any]):
        """Prepares whatever it executes; values come back in binary, which is parsed faster."""

        def execute(self, query: Any, params: Any = None) -> Any:  # type: ignore[override]  # all that Django passes
            return super().execute(query, params, prepare=True, binary=True)


def prepared_cursor(connection: Any) -> Any:
    """Return a cursor of Django's, with prepared statements below it where that is possible."""
    pooled = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")
    if not is_psycopg3 or pooled or connection.queries_logged:
        return connection.cursor()
    connection.ensure_connection()
    below = connection.connection
    kept = getattr(below, KEPT, None)  # whoever uses it fetches at once, so one serves all
    if kept is None:
        if below.prepare_threshold is None:
            # None, which Django sets, forbids preparing; with this, only who asks for it gets it.
            below.prepare_threshold = sys.maxsize
        kept = connection._prepare_cursor(PreparedCursor(below))
        setattr(below, KEPT, kept)
    return kept
