"""The lists on many rows: what they ask of the database is counted, and that indexes answer is proven by its plans."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

ROWS = 200_000
pytestmark = pytest.mark.django_db

INSTANCES = f"""
INSERT INTO statemachines_machineinstance (machine, version, key, state, configuration, data, history_states, status,
    sequence, created_at, updated_at)
SELECT 'examples.' || CASE WHEN n % 4 = 0 THEN 'notes' ELSE 'door' END, 1, 'k' || n,
    CASE WHEN n % 4 = 0 THEN CASE WHEN n % 10000 = 0 THEN 'waiting' ELSE 'idle' END
         ELSE CASE WHEN n % 9999 = 0 THEN 'opened' ELSE 'closed' END END,
    '["closed"]', '{{}}', '{{}}', CASE WHEN n % 9973 = 0 THEN 'paused' ELSE 'active' END, 1, now(), now()
FROM generate_series(1, {ROWS}) n"""

TIMERS = """
INSERT INTO statemachines_timer (instance_id, name, event, state, due_at, armed, attempts, error, needs_attention)
SELECT id, 't', 'ring', state, now() + CASE WHEN id % 10007 = 0 THEN interval '-1 hour' ELSE interval '1 hour' END,
    1, 0, '', id % 9967 = 0 FROM statemachines_machineinstance WHERE id % 2 = 0"""

EFFECTS = """
INSERT INTO statemachines_effect (instance_id, sequence, key, name, invocation, state, version, input, limit_key,
    status, attempts, attempts_before, admitted, due_at, token, failure, applications, error, needs_attention,
    created_at)
SELECT id, 1, gen_random_uuid(), 'examples.note', '', state, 1, '{}', '',
    CASE WHEN id % 10009 = 0 THEN 'waiting' ELSE 'applied' END, 1, 0, false,
    CASE WHEN id % 10009 = 0 THEN now() - interval '1 hour' END, '', false, 0, '', id % 9949 = 0, now()
FROM statemachines_machineinstance WHERE id % 2 = 1"""


@pytest.fixture(scope="module")
def many(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Two hundred thousand instances, each with a timer or an effect; gone after the module."""
    tables = "statemachines_machineinstance, statemachines_timer, statemachines_effect"
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(INSTANCES)
        cursor.execute(TIMERS)
        cursor.execute(EFFECTS)
        cursor.execute(f"ANALYZE {tables}")
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} CASCADE")


LISTS: list[tuple[str, dict[str, str]]] = [
    ("machineinstance", {}),
    ("machineinstance", {"p": "3"}),
    ("machineinstance", {"machine": "examples.door"}),
    ("machineinstance", {"machine": "examples.notes", "state": "waiting"}),
    ("machineinstance", {"machine": "examples.door", "tag": "passable"}),
    ("machineinstance", {"machine": "examples.door", "version": "1"}),
    ("machineinstance", {"machine": "examples.door", "version": "2"}),
    ("machineinstance", {"status": "paused"}),
    ("machineinstance", {"attention": "yes"}),
    ("machineinstance", {"machine": "examples.notes", "status": "active", "attention": "yes"}),
    ("machineinstance", {"overdue": "yes"}),
    ("machineinstance", {"q": "k77777"}),
    ("machineinstance", {"q": "k1 k2 k3"}),
    ("timer", {}),
    ("timer", {"q": "k77778"}),
    ("effect", {}),
    ("effect", {"q": "k77777"}),
]


def read(statement: str) -> int:
    """Return how many rows a statement reads from tables and indexes, by the plan that was run."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}")
        [[[plan]]] = cursor.fetchall()
    return sum(rows_of(plan["Plan"]))


def rows_of(node: dict[str, Any]) -> Iterator[float]:
    if "Scan" in node["Node Type"]:
        yield node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
    for below in node.get("Plans", ()):
        yield from rows_of(below)


@pytest.mark.usefixtures("many")
def test_lists_are_read_by_indexes(operator: Client) -> None:
    """Each list and filter takes at most four statements, none of which reads more than 1 % of the rows."""
    for model, filters in LISTS:
        with CaptureQueriesContext(connection) as captured:
            page = operator.get(reverse(f"admin:statemachines_{model}_changelist"), filters)
        assert page.status_code == 200
        statements = [one["sql"] for one in captured if "statemachines_" in one["sql"]]
        assert len(statements) <= 4, (model, filters, statements)
        rows = {statement: read(statement) for statement in statements}
        assert max(rows.values()) <= ROWS / 100, (model, filters, rows)


@pytest.mark.usefixtures("many")
def test_many_are_not_counted(operator: Client) -> None:
    """A list says that there are more than a thousand, and has pages as far as it has counted."""
    page = operator.get(reverse("admin:statemachines_machineinstance_changelist"))
    assert str(page.context["cl"].result_count) == "more than 1000"
    assert page.context["cl"].paginator.num_pages == 20
