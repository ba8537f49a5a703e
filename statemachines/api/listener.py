"""Hear at once of instances that move: one thread and one connection per process LISTEN on the alias of the setting.

It is believed only after a proof: a notification that is sent over the other alias has to arrive. Whenever hearing
begins or ends, all who wait are woken, to look for what nobody told them of.
Limits: PostgreSQL through psycopg 3. While nothing can be heard, who waits has to look often: `listening` says so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from uuid import uuid4

from django.db import connections

from statemachines import conf
from statemachines.engine.notify import CHANNEL

logger = logging.getLogger(__name__)

IDLE_SECONDS = 1.0
"""How long the connection is kept when nobody waits any more."""

PROOF_SECONDS = 2.0

EVERY = 0
"""Stands for all instances, for who waits for any of them, new ones too."""

RETRY_SECONDS = 1.0
RETRY_SECONDS_MOST = 30.0
"""The wait before a failed connection is opened again; doubled each time, up to the second."""


class NotDirect(Exception):
    """Notifications do not arrive."""


class Event(Protocol):
    """What is set when something moves; from the listener's thread."""

    def set(self) -> None: ...


class Listener:
    """Sets the events of those who wait, when their instances move."""

    def __init__(self, alias: str, using: str) -> None:
        self.alias = alias
        self.using = using
        self.listening = False
        self.running = False
        self.waiting: dict[int, list[Event]] = {}
        self.lock = threading.Lock()

    def add(self, pk: int, moved: Event) -> None:
        """Have `moved` set whenever an instance moves."""
        with self.lock:
            self.waiting.setdefault(pk, []).append(moved)
            if not self.running:
                self.running = True
                threading.Thread(target=self._run, name="statemachines-listener", daemon=True).start()

    def remove(self, pk: int, moved: Event) -> None:
        with self.lock:
            self.waiting[pk].remove(moved)
            if not self.waiting[pk]:
                del self.waiting[pk]

    def _wanted(self) -> bool:
        with self.lock:
            if not self.waiting:
                self.running = self.listening = False
            return self.running

    def _run(self) -> None:
        pause = RETRY_SECONDS
        while self._wanted():
            try:
                self._listen()
            except Exception as error:  # of psycopg, Django or the settings: waiting goes on without it
                pause = RETRY_SECONDS if self.listening else pause
                logger.warning("LISTEN on %r failed; who waits polls, and it is tried again: %s", self.alias, error)
                self._heard(listening=False)
                connections.close_all()
                time.sleep(pause)
                pause = min(2 * pause, RETRY_SECONDS_MOST)
        connections.close_all()

    def _listen(self) -> None:
        """Wake who waits for what moves, as long as anybody waits. Raises what the connection raises, and NotDirect."""
        connection = connections[self.alias]
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")
            raw: Any = connection.connection
            self._prove(raw)
            self._heard(listening=True)
            while self._wanted():
                for note in raw.notifies(timeout=IDLE_SECONDS):
                    pk = note.payload.partition(" ")[0]
                    if pk.isdigit():
                        self._wake(int(pk))
            cursor.execute("UNLISTEN *")  # for who gets it next, where Django keeps connections in a pool

    def _prove(self, raw: Any) -> None:
        """Raise NotDirect where a pooler is between, or the alias is another database's."""
        sender, token = connections[self.using].copy(), uuid4().hex
        try:
            with sender.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, token])
        finally:
            sender.close()
        if not any(note.payload == token for note in raw.notifies(timeout=PROOF_SECONDS)):
            raise NotDirect(f"what {self.using!r} sends does not arrive; name a direct connection to its database.")

    def _wake(self, pk: int) -> None:
        with self.lock:
            for moved in (*self.waiting.get(pk, ()), *self.waiting.get(EVERY, ())):
                moved.set()

    def _heard(self, *, listening: bool) -> None:
        """Hearing begins or ends: have everybody look once."""
        with self.lock:
            self.listening = listening
            for moved in {moved for events in self.waiting.values() for moved in events}:
                moved.set()


_listeners: dict[tuple[str, str], Listener] = {}


@contextmanager
def listened(pk: int, using: str, moved: Event) -> Iterator[None]:
    """Have `moved` set when an instance moves, or any (`EVERY`), inside the block, as far as `hears` says so."""
    alias = conf.get("LISTEN_ALIAS")
    if alias is None:
        yield
        return
    listener = _listeners.setdefault((alias, using), Listener(alias, using))
    listener.add(pk, moved)
    try:
        yield
    finally:
        listener.remove(pk, moved)


def hears(using: str) -> bool:
    """Say whether this process hears of what moves in a database; where it begins or ends to, `moved` is set."""
    listener = _listeners.get((conf.get("LISTEN_ALIAS"), using))
    return listener is not None and listener.listening
