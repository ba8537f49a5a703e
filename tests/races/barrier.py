"""A barrier between processes: an advisory lock that the test holds, and that all others wait to share.

Limits: one per database.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

NUMBER = 20_240_229
DEADLINE = 60


def wait() -> None:
    """Wait until the barrier is up."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s), pg_advisory_unlock_shared(%s)", [NUMBER, NUMBER])


@contextmanager
def closed() -> Iterator[None]:
    """Keep the barrier down until the block ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [NUMBER])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [NUMBER])


def until_waiting(count: int, kinds: tuple[str, ...] = ("advisory",)) -> None:
    """Wait until so many of the database's sessions wait for a lock of one of the kinds (`pg_locks.locktype`)."""
    deadline = time.monotonic() + DEADLINE
    asked = "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND locktype = ANY(%s) "
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees its first one for ever
            cursor.execute(asked + "AND datname = current_database()", [list(kinds)])
            waiting = cursor.fetchone()[0]
        if waiting >= count:
            return
        assert time.monotonic() < deadline, f"{waiting} of {count} came to the lock in {DEADLINE} s."
        time.sleep(0.002)
