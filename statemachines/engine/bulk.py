"""The changes of many instances as one PostgreSQL statement: a column of values is an array.

Limits: instances that are there already; does for each what `postgres` does for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .changes import Change, NewEffect, NewEntry, NewTimer

Part = tuple[str, str, list[Any]]

UPDATED = """
UPDATE statemachines_machineinstance AS i
SET state = v.state, configuration = v.configuration::jsonb, data = v.data::jsonb,
    history_states = v.history_states::jsonb, status = v.status, output = v.output::jsonb, sequence = v.sequence,
    updated_at = v.updated_at
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[],
            %s::timestamptz[])
     AS v(id, state, configuration, data, history_states, status, output, sequence, updated_at)
WHERE i.id = v.id"""

ENTRIES = """
INSERT INTO statemachines_historyentry
    (instance_id, sequence, event, payload, facts, source, target, microsteps, patch, actor_kind, actor_id,
     actor_label, origin, reason, version, duration_ms, at)
SELECT instance_id, sequence, event, payload::jsonb, facts::jsonb, source::jsonb, target::jsonb, microsteps::jsonb,
       patch::jsonb, actor_kind, actor_id, actor_label, origin, reason, version, duration_ms, at
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
            %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::float8[],
            %s::timestamptz[])
     AS v(instance_id, sequence, event, payload, facts, source, target, microsteps, patch, actor_kind, actor_id,
          actor_label, origin, reason, version, duration_ms, at)"""

TIMERS_GONE = """
DELETE FROM statemachines_timer AS t USING unnest(%s::bigint[], %s::text[]) AS v(instance_id, name)
WHERE t.instance_id = v.instance_id AND t.name = v.name"""

ALL_TIMERS_GONE = "DELETE FROM statemachines_timer WHERE instance_id = ANY(%s::bigint[])"

# As `querysets.EffectQuerySet.stop`.
STOPPED = """
UPDATE statemachines_effect AS e
SET status = CASE WHEN status IN ('running', 'cancelling') THEN 'cancelling'
                  WHEN status = 'ran' THEN CASE WHEN failure THEN 'failed' ELSE 'ignored' END
                  ELSE 'cancelled' END,
    ended_at = CASE WHEN status NOT IN ('running', 'cancelling') THEN v.at END, needs_attention = false
FROM unnest(%s::bigint[], %s::text[], %s::timestamptz[]) AS v(instance_id, invocation, at)
WHERE e.instance_id = v.instance_id AND e.invocation = v.invocation
  AND status IN ('waiting', 'running', 'cancelling', 'pending', 'ran')"""

TIMERS = """
INSERT INTO statemachines_timer (instance_id, name, event, payload, state, due_at, armed)
SELECT instance_id, name, event, payload::jsonb, state, due_at, armed
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::bigint[])
     AS v(instance_id, name, event, payload, state, due_at, armed)
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
FROM unnest(%s::bigint[], %s::bigint[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::int[], %s::text[],
            %s::text[], %s::timestamptz[], %s::timestamptz[])
     AS v(instance_id, sequence, key, name, invocation, state, version, input, limit_key, due_at, created_at)
RETURNING id, name, due_at"""


def parts(changes: Sequence[Change]) -> tuple[list[Part], list[Part]]:
    """Return the statement's parts, and those whose rows are asked for."""
    written = [
        ("instances", UPDATED, _columns(9, map(_instance, changes))),
        ("entries", ENTRIES, _columns(17, (_entry(one, entry) for one in changes for entry in one.entries))),
        ("gone", TIMERS_GONE, _columns(2, ((one.pk, name) for one in changes for name in one.timers_gone))),
        ("all_gone", ALL_TIMERS_GONE, [[one.pk for one in changes if one.all_timers_gone]]),
        ("stopped", STOPPED, _columns(3, ((one.pk, name, one.at) for one in changes for name in one.stopped))),
    ]
    told = [
        ("timers", TIMERS, _columns(7, (_timer(one.pk, set) for one in changes for set in one.timers.values()))),
        ("effects", EFFECTS, _columns(11, (_effect(one, effect) for one in changes for effect in one.effects))),
    ]
    return written, told


def _columns(count: int, rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    return [list(column) for column in zip(*rows, strict=True)] or [[]] * count


def _instance(change: Change) -> tuple[Any, ...]:
    told = (change.pk, change.state, change.configuration, change.data, change.history_states)
    return (*told, change.status, change.output, change.sequence, change.at)


def _entry(change: Change, entry: NewEntry) -> tuple[Any, ...]:
    event = (change.pk, entry.sequence, entry.event, entry.payload, entry.facts)
    moved = (entry.source, entry.target, entry.microsteps, entry.patch)
    by = (entry.actor.kind, entry.actor.id, entry.actor.label, entry.origin, entry.reason)
    return (*event, *moved, *by, entry.version, entry.duration_ms, entry.at)


def _timer(pk: int, timer: NewTimer) -> tuple[Any, ...]:
    return pk, timer.name, timer.event, timer.payload, timer.state, timer.due_at, timer.armed


def _effect(change: Change, effect: NewEffect) -> tuple[Any, ...]:
    asked = (change.pk, effect.sequence, effect.key, effect.name, effect.invocation, effect.state)
    return (*asked, effect.version, effect.input, effect.limit_key, effect.due_at, change.at)
