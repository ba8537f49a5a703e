"""The changes of many instances as one PostgreSQL statement: the rows of a table travel as one JSON text.

Limits: instances that are there already; does for each what `postgres` does for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from .changes import Change, NewEffect, NewEntry, NewTimer, Previous
from .notify import returning

Part = tuple[str, str, list[Any]]

UPDATED = """
UPDATE statemachines_machineinstance AS i
SET state = v.state, configuration = v.configuration::jsonb, data = v.data::jsonb,
    history_states = v.history_states::jsonb, status = v.status, output = v.output::jsonb, sequence = v.sequence,
    version = v.version, updated_at = v.updated_at
FROM json_to_recordset(%s::json)
     AS v(id bigint, state text, configuration text, data text, history_states text, status text,
          output text, sequence bigint, version int, updated_at timestamptz)
WHERE i.id = v.id"""

ENTRIES = """
INSERT INTO statemachines_historyentry
    (instance_id, sequence, event, payload, facts, source, target, microsteps, patch, actor_kind, actor_id,
     actor_label, origin, reason, version, duration_ms, at)
SELECT instance_id, sequence, event, payload::jsonb, facts::jsonb, source::jsonb, target::jsonb, microsteps::jsonb,
       patch::jsonb, actor_kind, actor_id, actor_label, origin, reason, version, duration_ms, at
FROM json_to_recordset(%s::json)
     AS v(instance_id bigint, sequence bigint, event text, payload text, facts text, source text,
          target text, microsteps text, patch text, actor_kind text, actor_id text, actor_label text,
          origin text, reason text, version int, duration_ms float8, at timestamptz)"""

TIMERS_GONE = """
DELETE FROM statemachines_timer AS t USING json_to_recordset(%s::json)
     AS v(instance_id bigint, name text)
WHERE t.instance_id = v.instance_id AND t.name = v.name"""

ALL_TIMERS_GONE = """
DELETE FROM statemachines_timer AS t USING json_to_recordset(%s::json) AS v(instance_id bigint)
WHERE t.instance_id = v.instance_id"""

# As `querysets.EffectQuerySet.stop`.
STOPPED = """
UPDATE statemachines_effect AS e
SET status = CASE WHEN status IN ('running', 'cancelling') THEN 'cancelling'
                  WHEN status = 'ran' THEN CASE WHEN failure THEN 'failed' ELSE 'ignored' END
                  ELSE 'cancelled' END,
    ended_at = CASE WHEN status NOT IN ('running', 'cancelling') THEN v.at END, needs_attention = false
FROM json_to_recordset(%s::json)
     AS v(instance_id bigint, invocation text, at timestamptz)
WHERE e.instance_id = v.instance_id AND e.invocation = v.invocation
  AND status IN ('waiting', 'running', 'cancelling', 'pending', 'ran')"""

TIMERS = """
INSERT INTO statemachines_timer (instance_id, name, event, payload, state, due_at, armed)
SELECT instance_id, name, event, payload::jsonb, state, due_at, armed
FROM json_to_recordset(%s::json)
     AS v(instance_id bigint, name text, event text, payload text, state text, due_at timestamptz,
          armed bigint)
ON CONFLICT (instance_id, name) DO UPDATE
SET event = excluded.event, payload = excluded.payload, state = excluded.state, due_at = excluded.due_at,
    armed = excluded.armed, handed_until = NULL, attempts = 0, error = '', needs_attention = false
RETURNING id, '' AS name, due_at"""

EFFECTS = """
INSERT INTO statemachines_effect
    (instance_id, sequence, key, name, invocation, state, version, input, limit_key, status, attempts, due_at, error,
     created_at)
SELECT instance_id, sequence, key, name, invocation, state, version, input::jsonb, limit_key, 'waiting', 0, due_at, '',
       created_at
FROM json_to_recordset(%s::json)
     AS v(instance_id bigint, sequence bigint, key uuid, name text, invocation text, state text,
          version int, input text, limit_key text, due_at timestamptz, created_at timestamptz)
RETURNING id, name, due_at"""


PREVIOUS = """
INSERT INTO statemachines_previoussnapshot (instance_id, version, sequence, snapshot, at)
SELECT instance_id, version, sequence, snapshot::jsonb, at
FROM json_to_recordset(%s::json)
     AS v(instance_id bigint, version int, sequence bigint, snapshot text, at timestamptz)
ON CONFLICT (instance_id) DO UPDATE
SET version = excluded.version, sequence = excluded.sequence, snapshot = excluded.snapshot, at = excluded.at"""


def parts(changes: Sequence[Change]) -> tuple[list[Part], list[Part], Part]:
    """Return the statement's parts that have rows, those whose rows are asked for, and that of the instances."""
    written = [
        _part("entries", ENTRIES, (_entry(one, entry) for one in changes for entry in one.entries)),
        _part("gone", TIMERS_GONE, (_gone(one, name) for one in changes for name in one.timers_gone)),
        _part("all_gone", ALL_TIMERS_GONE, ({"instance_id": one.pk} for one in changes if one.all_timers_gone)),
        _part("previous", PREVIOUS, (_previous(one, one.previous) for one in changes if one.previous)),
        _part("stopped", STOPPED, (_stopped(one, name) for one in changes for name in one.stopped)),
    ]
    told = [
        _part("timers", TIMERS, (_timer(one, timer) for one in changes for timer in one.timers.values())),
        _part("effects", EFFECTS, (_effect(one, effect) for one in changes for effect in one.effects)),
    ]
    instances = ("instances", UPDATED + returning("i"), _text(map(_instance, changes)))
    return [*filter(None, written)], [*filter(None, told)], instances


def _part(name: str, sql: str, rows: Iterable[dict[str, Any]]) -> Part | None:
    listed = list(rows)
    return (name, sql, _text(listed)) if listed else None


def _text(rows: Iterable[dict[str, Any]]) -> list[Any]:
    """Return a table's rows as the one parameter of its part; what is JSON already is a string in it."""
    return [msgspec.json.encode(list(rows)).decode()]


def _instance(change: Change) -> dict[str, Any]:
    return {
        "id": change.pk,
        "state": change.state,
        "configuration": change.configuration,
        "data": change.data,
        "history_states": change.history_states,
        "status": change.status,
        "output": change.output,
        "sequence": change.sequence,
        "version": change.version,
        "updated_at": change.at,
    }


def _entry(change: Change, entry: NewEntry) -> dict[str, Any]:
    return {
        "instance_id": change.pk,
        "sequence": entry.sequence,
        "event": entry.event,
        "payload": entry.payload,
        "facts": entry.facts,
        "source": entry.source,
        "target": entry.target,
        "microsteps": entry.microsteps,
        "patch": entry.patch,
        "actor_kind": entry.actor.kind,
        "actor_id": entry.actor.id,
        "actor_label": entry.actor.label,
        "origin": entry.origin,
        "reason": entry.reason,
        "version": entry.version,
        "duration_ms": entry.duration_ms,
        "at": entry.at,
    }


def _gone(change: Change, name: str) -> dict[str, Any]:
    return {"instance_id": change.pk, "name": name}


def _stopped(change: Change, invocation: str) -> dict[str, Any]:
    return {"instance_id": change.pk, "invocation": invocation, "at": change.at}


def _previous(change: Change, previous: Previous) -> dict[str, Any]:
    return {
        "instance_id": change.pk,
        "version": previous.version,
        "sequence": change.sequence,
        "snapshot": previous.snapshot,
        "at": change.at,
    }


def _timer(change: Change, timer: NewTimer) -> dict[str, Any]:
    return {
        "instance_id": change.pk,
        "name": timer.name,
        "event": timer.event,
        "payload": timer.payload,
        "state": timer.state,
        "due_at": timer.due_at,
        "armed": timer.armed,
    }


def _effect(change: Change, effect: NewEffect) -> dict[str, Any]:
    return {
        "instance_id": change.pk,
        "sequence": effect.sequence,
        "key": effect.key,
        "name": effect.name,
        "invocation": effect.invocation,
        "state": effect.state,
        "version": effect.version,
        "input": effect.input,
        "limit_key": effect.limit_key,
        "due_at": effect.due_at,
        "created_at": change.at,
    }
