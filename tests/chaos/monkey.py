"""The monkey: a seeded schedule of faults in which every kind occurs, and the hands that do them.

Limits: what it does is written down with its time; whether anything suffered, the checker says.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg.rows import scalar_row

from .ledger import Ledger
from .servers import Server, postgres, valkey
from .troupe import Troupe

STRIKES = (
    "before commit",
    "after commit, before dispatch",
    "after an effect ran, before its result is committed",
    "after a result is committed, before it is applied",
)
"""The engine's own windows, as `statemachines.engine.faults` names them."""

POSTGRES = "stop and start PostgreSQL"
BROKER = "restart the broker"

KINDS = (
    "kill a worker", "kill Beat", "kill a web process", POSTGRES, "terminate sessions",
    "flush the broker", BROKER, "stop a worker past its lease", *STRIKES,
)  # fmt: skip

QUEUES = ("celery", "control")

FROZEN_SECONDS = 3.5
"""Longer than the lease of `settings`."""

TRIES_SECONDS = 3.0
"""How long it looks for a session in the middle of a transaction."""

IN_THE_MIDDLE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
  AND backend_xid IS NOT NULL"""


class Fault(NamedTuple):
    at: float
    kind: str


def schedule(seed: int, seconds: float) -> list[Fault]:
    """Return the faults of a run: each kind at least once, at random moments, the more the longer it takes."""
    chance = random.Random(seed)
    kinds = list(KINDS) + [chance.choice(KINDS) for _ in range(int(seconds / 4) - len(KINDS))]
    chance.shuffle(kinds)
    moments = sorted(chance.uniform(0.05, 0.85) * seconds for _ in kinds)
    return [Fault(at, kind) for at, kind in zip(moments, kinds, strict=True)]


class Monkey:
    def __init__(self, seed: int, folder: Path, urls: dict[str, str], troupe: Troupe, ledger: Ledger) -> None:
        self.chance = random.Random(seed)
        self.urls = urls
        self.troupe = troupe
        self.ledger = ledger
        self.strikes = folder / "strikes"
        self.postgres: Server = postgres(urls["DATABASE_URL"])
        self.broker_url = urls["CELERY_BROKER_URL"]
        self.broker: Server | None = valkey(self.broker_url) if ours(self.broker_url) else None
        self.waking: list[threading.Thread] = []

    def play(self, faults: list[Fault]) -> None:
        """Do all faults at their time, or as soon after as the one before it has ended."""
        began = time.monotonic()
        for fault in faults:
            time.sleep(max(0.0, began + fault.at - time.monotonic()))
            started = time.time()
            hit = self.do(fault.kind)
            self.ledger.write("monkey", what=fault.kind, began=started, hit=hit)
        for thread in self.waking:
            thread.join()

    def do(self, kind: str) -> bool:
        """Do a fault, and return whether anybody was hit by now."""
        hands: dict[str, Callable[[], bool]] = {
            "kill a worker": lambda: self.kill("worker"),
            "kill Beat": lambda: self.kill("beat"),
            "kill a web process": lambda: self.kill("web"),
            POSTGRES: self.restart_postgres,
            "terminate sessions": self.terminate,
            "flush the broker": self.flush,
            BROKER: self.restart_broker,
            "stop a worker past its lease": self.freeze,
        }
        return hands[kind]() if kind in hands else self.strike(kind)

    def kill(self, kind: str) -> bool:
        found = self.troupe.of(kind)
        if not found:
            return False
        os.kill(self.chance.choice(found).process.pid, signal.SIGKILL)
        return True

    def strike(self, point: str) -> bool:
        """Have whoever comes to a point of the engine next die there; it tells so itself."""
        (self.strikes / point).touch()
        return False

    def restart_postgres(self) -> bool:
        self.postgres.stop(signal.SIGQUIT)
        time.sleep(self.chance.uniform(0.2, 1.0))
        self.postgres.start()
        return True

    def terminate(self) -> bool:
        """Terminate every session that has written something and not committed yet."""
        deadline = time.monotonic() + TRIES_SECONDS
        with psycopg.connect(self.urls["DATABASE_URL"], autocommit=True, row_factory=scalar_row) as connection:
            while time.monotonic() < deadline:
                if connection.execute(IN_THE_MIDDLE).fetchall():
                    return True
                time.sleep(0.002)
        return False

    def flush(self) -> bool:
        if self.broker is not None:
            with redis.Redis.from_url(self.broker_url) as client:
                client.flushall()
            return True
        from kombu import Connection

        with Connection(self.broker_url) as connection:
            for queue in QUEUES:
                connection.default_channel.queue_purge(queue)
        return True

    def restart_broker(self) -> bool:
        """Kill the broker with all that is in it, and start it again."""
        assert self.broker is not None  # else the plan has no such fault
        self.broker.stop(signal.SIGKILL)
        time.sleep(self.chance.uniform(0.2, 1.0))
        self.broker.start()
        return True

    def freeze(self) -> bool:
        """Stop a worker, as a paused container would be, until another has taken what it held; then wake it."""
        found = self.troupe.of("worker")
        if len(found) < 2:  # one has to be left
            return False
        pid = self.chance.choice(found).process.pid
        os.kill(pid, signal.SIGSTOP)
        thread = threading.Thread(target=wake, args=(pid,))
        thread.start()
        self.waking.append(thread)
        return True


def ours(broker_url: str) -> bool:
    """Tell an embedded Valkey, which we may restart, from a RabbitMQ that a URL names."""
    return urlsplit(broker_url).scheme == "redis"


def wake(pid: int) -> None:
    time.sleep(FROZEN_SECONDS)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
