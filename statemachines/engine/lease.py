"""Leases: whose effect it is while it runs. One that is not renewed counts as that of a dead worker.

A thread of each process renews the leases of what runs long, so that a slow effect of a living worker stays its own; a
process that is stopped or killed renews nothing. Limits: nothing is renewed beyond an effect's timeout.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connections

from statemachines import conf
from statemachines.models import Effect

from . import clock

logger = logging.getLogger(__name__)


class Lease:
    """One attempt's right to an effect: `attempt` is what tells it from a later one."""

    def __init__(self, pk: int, attempt: int, deadline: datetime | None, using: str) -> None:
        self.pk = pk
        self.attempt = attempt
        self.deadline = deadline
        self.using = using

    def renew(self) -> bool:
        """Extend the lease from now, to the deadline at most. Return whether it is still wanted, and in time."""
        now = clock.now(self.using)
        if self.deadline is not None and now >= self.deadline:
            return False
        until = now + conf.duration("EFFECT_LEASE_SECONDS")
        if self.deadline is not None:
            until = min(until, self.deadline)
        running = Effect.objects.using(self.using).filter(pk=self.pk, attempts=self.attempt)
        return running.filter(status=Effect.Status.RUNNING).update(due_at=until) == 1

    def wanted(self) -> bool:
        """Say whether the effect is still wanted, and still this attempt's."""
        running = Effect.objects.using(self.using).filter(pk=self.pk, attempts=self.attempt)
        return running.filter(status=Effect.Status.RUNNING).exists()


class Keeper:
    """Renews what is kept, four times in a lease's length, from a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Lease, float] = {}
        self._pid = 0

    @contextmanager
    def keeping(self, lease: Lease) -> Iterator[None]:
        """Renew a lease while the block runs."""
        with self._lock:
            if self._pid != os.getpid():  # a forked child has no thread yet, and nothing of its parent's to keep
                self._pid = os.getpid()
                self._kept = {}
                threading.Thread(target=self._run, name="statemachines leases", daemon=True).start()
            self._kept[lease] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._kept.pop(lease, None)

    def _run(self) -> None:
        while True:
            quarter = conf.get("EFFECT_LEASE_SECONDS") / 4
            time.sleep(min(quarter, 1))
            now = time.monotonic()
            with self._lock:
                old = [lease for lease, renewed in self._kept.items() if now - renewed >= quarter]
                self._kept |= dict.fromkeys(old, now)
            for lease in old:
                try:
                    lease.renew()
                except Exception:
                    logger.warning("The lease of effect %s could not be renewed now.", lease.pk, exc_info=True)
            for alias in {lease.using for lease in old}:
                connections[alias].close()  # it would lie idle until the next time


keeper = Keeper()
