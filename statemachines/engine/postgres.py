"""How a transaction's change becomes rows on PostgreSQL: a locking SELECT, and one statement that writes everything.

It runs through Django's own wrappers, so that the query log, tracing and `execute_wrapper` see it.
Limits: does exactly what `store.OrmStore` does, and passes the same tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
from django.db import IntegrityError
from django.db.backends.base.base import BaseDatabaseWrapper

from statemachines.exceptions import InstanceExists, InstanceNotFound

from . import bulk, clock
from .changes import Change, NewInstance, Row, SetTimer, Written
from .notify import returning
from .prepared import prepared_cursor
from .store import lock_timeout, milliseconds

# The clock is read outside the locking subquery: inside, it would tell the time before the wait for the lock.
ROW = """
SELECT i.id, i.machine, i.version, i.key, i.configuration::text, i.data::text, i.history_states::text, i.status,
       i.output::text, i.sequence, i.upgrades, i.created_at, i.updated_at, clock_timestamp()
FROM (SELECT * FROM statemachines_machineinstance {locked}) AS i"""

LOCK = ROW.format(locked="WHERE id = %s FOR NO KEY UPDATE")
READ = ROW.format(locked="WHERE id = ANY(%s) ORDER BY id")
# The filter is evaluated before the row is locked, and the setting ends with the transaction.
LOCK_WITHIN = ROW.format(locked="WHERE id = %s AND set_config('lock_timeout', %s, true) IS NOT NULL FOR NO KEY UPDATE")
LOCK_FREE = ROW.format(locked="WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED")

SET_TIMERS = """
SELECT due_at, id, instance_id, name, event, payload::text, armed,
       EXISTS (SELECT FROM statemachines_effecthold WHERE name = '*'), clock_timestamp()
FROM statemachines_timer WHERE id = ANY(%s) AND NOT needs_attention ORDER BY due_at, id"""

RESERVE = """
SELECT nextval(pg_get_serial_sequence('statemachines_machineinstance', 'id')),
       coalesce(%s::timestamptz, clock_timestamp())"""

INSERT = """
INSERT INTO statemachines_machineinstance
    (state, configuration, data, history_states, status, output, sequence, updated_at, id, created_at, machine,
     version, key)
VALUES (%s, %s::jsonb, %s::jsonb, %s::jsonb, %s, %s::jsonb, %s, %s, %s, %s, %s, %s, %s)"""

UPDATE = """
UPDATE statemachines_machineinstance
SET state = %s, configuration = %s::jsonb, data = %s::jsonb, history_states = %s::jsonb, status = %s,
    output = %s::jsonb, sequence = %s, updated_at = %s
WHERE id = %s"""

ENTRIES = """
INSERT INTO statemachines_historyentry
    (instance_id, sequence, event, payload, facts, source, target, microsteps, patch, actor_kind, actor_id,
     actor_label, origin, reason, version, duration_ms, at)
VALUES {rows}"""

TIMERS = """
INSERT INTO statemachines_timer (instance_id, name, event, payload, state, due_at, armed)
VALUES {rows}
ON CONFLICT (instance_id, name) DO UPDATE
SET event = excluded.event, payload = excluded.payload, state = excluded.state, due_at = excluded.due_at,
    armed = excluded.armed, handed_until = NULL, attempts = 0, error = '', needs_attention = false
RETURNING id, '' AS name, due_at"""

TIMERS_GONE = "DELETE FROM statemachines_timer WHERE instance_id = %s AND name = ANY(%s)"
ALL_TIMERS_GONE = "DELETE FROM statemachines_timer WHERE instance_id = %s"

EFFECTS = """
INSERT INTO statemachines_effect
    (instance_id, sequence, key, name, invocation, state, version, input, limit_key, status, attempts, due_at, error,
     created_at)
VALUES {rows}
RETURNING id, name, due_at"""

# As `querysets.EffectQuerySet.stop`.
STOPPED = """
UPDATE statemachines_effect
SET status = CASE WHEN status IN ('running', 'cancelling') THEN 'cancelling'
                  WHEN status = 'ran' THEN CASE WHEN failure THEN 'failed' ELSE 'ignored' END
                  ELSE 'cancelled' END,
    ended_at = CASE WHEN status NOT IN ('running', 'cancelling') THEN %s::timestamptz END, needs_attention = false
WHERE instance_id = %s AND invocation = ANY(%s)
  AND status IN ('waiting', 'running', 'cancelling', 'pending', 'ran')"""


KEY = "statemachines_instance_key"
"""The constraint that a key is used once per machine."""

Part = tuple[str, str, list[Any]]
"""A part of a statement: its name, its SQL, its parameters."""


class PostgresStore:
    single = True

    def __init__(self, using: str, connection: BaseDatabaseWrapper) -> None:
        self.using = using
        self.connection = connection

    def lock(self, pk: int, *, timeout: timedelta | None = None) -> Row:
        if timeout and not self.connection.savepoint_ids:  # in a transaction of our own nobody else is limited by it
            found = self._fetch(LOCK_WITHIN, [pk, milliseconds(timeout)])
        else:
            with lock_timeout(self.using, timeout) if timeout else nullcontext():
                found = self._fetch(LOCK, [pk])
        if not found:
            raise InstanceNotFound(pk)
        return _row(found[0])

    def lock_free(self, pks: Sequence[int]) -> list[Row]:
        return [_row(found) for found in self._fetch(LOCK_FREE, [list(pks)])]

    def read(self, pks: Sequence[int]) -> list[Row]:
        return [_row(found) for found in self._fetch(READ, [list(pks)])]

    def timers(self, pks: Sequence[int]) -> list[SetTimer]:
        return [_set_timer(*found) for found in self._fetch(SET_TIMERS, [list(pks)])]

    def reserve(self, new: NewInstance) -> tuple[int, datetime]:
        pk, now = self._fetch(RESERVE, [clock.set_time(self.using)])[0]
        return pk, now

    def write(self, change: Change, *, last: bool = False) -> Written:
        parts = [_entries(change)] if change.entries else []
        if change.all_timers_gone:
            parts.append(("gone", ALL_TIMERS_GONE, [change.pk]))
        elif change.timers_gone:
            parts.append(("gone", TIMERS_GONE, [change.pk, list(change.timers_gone)]))
        if change.stopped:
            parts.append(("stopped", STOPPED, [change.at, change.pk, list(change.stopped)]))
        told = [part for part in (_timers(change), _effects(change)) if part is not None]
        instance = _instance(change)
        if change.new is None:
            return self._written(parts, told, instance, last=last)
        try:
            return self._written(parts, told, instance, last=last)
        except IntegrityError as error:
            if KEY in str(error):
                raise InstanceExists(change.new.machine, change.new.key) from error
            raise

    def _written(self, parts: list[Part], told: list[Part], instance: Part, *, last: bool = False) -> Written:
        """Write it all as one statement; `told` are the parts whose rows are asked for."""
        if not told:
            self._execute(*_as_one([*parts, ("", *instance[1:])]), last=last)
            return Written()
        return self._told([*parts, instance], told, last=last)

    def write_all(self, changes: Sequence[Change]) -> Written:
        return self._written(*bulk.parts(changes))

    def _told(self, parts: list[Part], told: list[Part], *, last: bool) -> Written:
        """Write it all, and return the rows of the parts `told`."""
        ending = " UNION ALL ".join(f"SELECT '{part}', id, name, due_at FROM {part}" for part, _, _ in told)
        rows = self._execute(*_as_one([*parts, *told, ("", ending, [])]), last=last).fetchall()
        return Written(
            effects=[(pk, name, due_at) for part, pk, name, due_at in rows if part == "effects"],
            timers=[(pk, due_at) for part, pk, _, due_at in rows if part == "timers"],
        )

    def _fetch(self, sql: str, params: list[Any]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._execute(sql, params).fetchall()
        return rows

    def _execute(self, sql: str, params: list[Any], *, last: bool = False) -> Any:
        """Execute a statement; return psycopg's cursor, as Django's wrapper adds nothing to what is here already."""
        cursor = prepared_cursor(self.connection, sql, last=last)
        cursor.execute(sql, params)
        return cursor.cursor


def _row(found: tuple[Any, ...]) -> Row:
    row = Row(*found)
    row.now = max(clock.passed(row.now), row.updated_at)
    return row


def _set_timer(
    due_at: datetime, pk: int, instance: int, name: str, event: str, payload: str | None, *more: Any
) -> SetTimer:
    armed, held, now = more
    plain = None if payload is None else msgspec.json.decode(payload)
    return SetTimer(due_at, pk, instance, name, event, plain, armed, held, clock.passed(now))


def _as_one(parts: list[Part]) -> tuple[str, list[Any]]:
    """Return named parts as one statement, whose last, nameless part is the main one, and its parameters."""
    sql = _joined(tuple([(name, part) for name, part, _ in parts]))
    return sql, [value for _, _, values in parts for value in values]


@lru_cache
def _joined(parts: tuple[tuple[str, str], ...]) -> str:
    *named, (_, main) = parts
    common = ", ".join(f"{name} AS ({part})" for name, part in named)
    return f"WITH {common}{main}" if common else main


@lru_cache
def _inserting(sql: str, casts: str, count: int) -> str:
    """Return an INSERT of so many rows; `casts` spells one of them, with `%s` for each value."""
    return sql.format(rows=", ".join([f"({casts})"] * count))


def _flat(rows: list[list[Any]]) -> list[Any]:
    return [value for row in rows for value in row]


def _instance(change: Change) -> Part:
    values = [
        change.state,
        change.configuration,
        change.data,
        change.history_states,
        change.status,
        change.output,
        change.sequence,
        change.at,
        change.pk,
    ]
    told = returning("statemachines_machineinstance")
    if change.new is None:
        return "instance", UPDATE + told, values
    return "instance", INSERT + told, [*values, change.at, change.new.machine, change.new.version, change.new.key]


def _entries(change: Change) -> Part:
    values = [
        [
            change.pk,
            entry.sequence,
            entry.event,
            entry.payload,
            entry.facts,
            entry.source,
            entry.target,
            entry.microsteps,
            entry.patch,
            entry.actor.kind,
            entry.actor.id,
            entry.actor.label,
            entry.origin,
            entry.reason,
            entry.version,
            entry.duration_ms,
            entry.at,
        ]
        for entry in change.entries
    ]
    casts = "%s, %s, %s" + ", %s::jsonb" * 6 + ", %s" * 8
    return "entries", _inserting(ENTRIES, casts, len(values)), _flat(values)


def _timers(change: Change) -> Part | None:
    if not change.timers:
        return None
    values = [
        [change.pk, timer.name, timer.event, timer.payload, timer.state, timer.due_at, timer.armed]
        for timer in change.timers.values()
    ]
    casts = "%s, %s, %s, %s::jsonb, %s, %s, %s"
    return "timers", _inserting(TIMERS, casts, len(values)), _flat(values)


def _effects(change: Change) -> Part | None:
    if not change.effects:
        return None
    values = [
        [
            change.pk,
            effect.sequence,
            effect.key,
            effect.name,
            effect.invocation,
            effect.state,
            effect.version,
            effect.input,
            effect.limit_key,
            effect.due_at,
            change.at,
        ]
        for effect in change.effects
    ]
    casts = "%s, %s, %s, %s, %s, %s, %s, %s::jsonb, %s, 'waiting', 0, %s, '', %s"
    return "effects", _inserting(EFFECTS, casts, len(values)), _flat(values)
