"""The distinct values of an indexed column, by one step of the index for each: a million rows cost as much as ten.

PostgreSQL and SQLite have no such plan of their own for SELECT DISTINCT, but both run a recursive query.
Limits: columns of instances that an index begins with, or follows the machine in.
"""

from __future__ import annotations

from django.db import connections

from statemachines.models import MachineInstance

TABLE = MachineInstance._meta.db_table

MACHINES = f"""
WITH RECURSIVE found(value) AS (
    SELECT min(machine) FROM {TABLE}
    UNION ALL
    SELECT (SELECT min(machine) FROM {TABLE} WHERE machine > found.value) FROM found WHERE found.value IS NOT NULL
)
SELECT value FROM found WHERE value IS NOT NULL"""

STATES = f"""
WITH RECURSIVE found(value) AS (
    SELECT min(state) FROM {TABLE} WHERE machine = %s
    UNION ALL
    SELECT (SELECT min(state) FROM {TABLE} WHERE machine = %s AND state > found.value)
    FROM found WHERE found.value IS NOT NULL
)
SELECT value FROM found WHERE value IS NOT NULL"""


def machines(using: str) -> list[str]:
    """Return the names of the machines that have instances."""
    return _values(MACHINES, [], using)


def states(machine: str, using: str) -> list[str]:
    """Return the `state` values that a machine's instances have: combinations of leaves, where it has regions."""
    return _values(STATES, [machine, machine], using)


def _values(sql: str, params: list[str], using: str) -> list[str]:
    with connections[using].cursor() as cursor:
        cursor.execute(sql, params)
        return [value for (value,) in cursor.fetchall()]
