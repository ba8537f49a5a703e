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
    from psycopg._preparing import Prepare
    from psycopg.generators import fetch_many, send
    from psycopg.pq import TransactionStatus

    class PreparedCursor(Cursor[Any]):
        """Prepares whatever it executes; values come back in binary, which is parsed faster.

        Once prepared, a statement that opens a transaction is sent together with BEGIN: a round trip less. psycopg's
        own pipelines do that too, but cost more than the trip.
        """

        commits = False

        def execute(self, query: Any, params: Any = None) -> Any:  # type: ignore[override]  # all that Django passes
            return super().execute(query, params, prepare=True, binary=True)

        def _execute_gen(self, query: Any, params: Any = None, **how: Any) -> Any:
            opens = not self._conn.autocommit and self._pgconn.transaction_status == TransactionStatus.IDLE
            known = self._last_query is query
            if known and (opens or self.commits):
                self._reset()
                statement = self._convert_query(query, params)
                prepared, name = self._get_prepared(statement)
                if prepared is Prepare.YES:
                    return self._together_gen(name, statement, opens)
            return super()._execute_gen(query, params, **how)

        def _together_gen(self, name: bytes, statement: Any, opens: bool) -> Any:
            """Send a prepared statement with what goes before and after it, and wait for all of it.

            What follows a statement that fails the server skips, so that nothing is committed then.
            """
            connection = self._pgconn
            answers = []
            connection.enter_pipeline_mode()
            try:
                if opens:
                    connection.send_query_params(self._conn._get_tx_start_command(), None)
                self._send_query_prepared(name, statement, binary=True)
                if self.commits:
                    connection.send_query_params(b"COMMIT", None)
                connection.pipeline_sync()
                yield from send(connection)
                for _ in range(1 + opens + self.commits):
                    answer = yield from fetch_many(connection)
                    answers.append(answer)
                yield from fetch_many(connection)  # the answer to the sync
            finally:
                connection.exit_pipeline_mode()
            for answer in answers:
                self._check_results(answer)
            self._set_results(answers[opens])

    class LastCursor(PreparedCursor):
        """Sends COMMIT with its statement, once that is prepared; Django's own, after it, finds nothing to do."""

        commits = True


def prepared_cursor(connection: Any, sql: str, *, last: bool = False) -> Any:
    """Return a cursor of Django's for a statement, with prepared ones below it where that is possible.

    `last`: nothing follows the statement in its transaction, which may be committed with it.
    A cursor that only ever runs one statement keeps how it turns the values: psycopg knows it by the same `str`.
    """
    pooled = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")
    if not is_psycopg3 or pooled or connection.queries_logged:
        return connection.cursor()
    if connection.connection is None:
        connection.ensure_connection()
    below = connection.connection
    cursors = below.__dict__.setdefault(KEPT, {})  # whoever uses one fetches at once, so it serves all
    kept = cursors.get((sql, last))
    if kept is None:
        if below.prepare_threshold is None:
            # None, which Django sets, forbids preparing; with this, only who asks for it gets it.
            below.prepare_threshold = sys.maxsize
        if len(cursors) >= below.prepared_max:  # psycopg keeps no more plans either
            cursors.clear()
        kept = cursors[sql, last] = connection._prepare_cursor((LastCursor if last else PreparedCursor)(below))
    return kept
