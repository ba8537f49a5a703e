"""Tell open streams what has happened, and wake who waits: one thread and one connection per process, for all of them.

The thread looks at the sequences of all watched instances in one query, and reads what is new of those that moved, for
many readers together; who may see it is asked for each. It ends, and its connection with it, when nobody watches any
more. Limits: where moves are not heard of (`listener`), it looks `LOOKS_PER_SECOND` times.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import NamedTuple, Protocol

from django.db import Error, connections

from statemachines.models import HistoryEntry, MachineInstance

from .listener import hears

logger = logging.getLogger(__name__)

LOOKS_PER_SECOND = 5

HEARING_LOOK = 2.0
"""Seconds between looks where moves are heard of: only for what may have been lost on the way."""

MOST_LOOKS_PER_SECOND = 20
"""However fast moves are heard of: what moves meanwhile is read together."""

CHUNK = 1_000

READERS = 50
"""For so many readers what is new is read together, then told: the first do not wait until all is read."""

MOST_ENTRIES = 500
"""Of one instance at one look."""

ENTRIES = f"""
WITH since (pk, seen) AS (VALUES %s)
SELECT entry.* FROM since JOIN {HistoryEntry._meta.db_table} entry
ON entry.instance_id = since.pk AND entry.sequence > since.seen AND entry.sequence <= since.seen + {MOST_ENTRIES}
ORDER BY entry.sequence"""


class Move(NamedTuple):
    """What is new of an instance since a sequence, and the instance as it was read after that; None if it is deleted.

    `recent` has entries from before, where another watcher has seen less.
    """

    pk: int
    seen: int
    recent: list[HistoryEntry]
    instance: MachineInstance | None

    @property
    def entries(self) -> list[HistoryEntry]:
        return [entry for entry in self.recent if entry.sequence > self.seen]


class Told(NamedTuple):
    """What to tell of a move, the sequence until which it is told, and whether more may come."""

    items: bytes
    seen: int
    more: bool


class Reader(Protocol):
    """Decides for watchers who are alike what they are told: those of a kind are equal, and hash alike."""

    def read(self, moves: Sequence[Move]) -> Iterable[Told]:
        """Return what to tell of each move; who may see what is decided here, after it was read."""
        ...


class Watcher:
    """Somebody who waits for an instance to move beyond `seen`.

    `queue` gets what there is to tell, in the loop that it was made in; None after that, where there will be no more.
    """

    def __init__(self, pk: int, seen: int, reader: Reader) -> None:
        self.pk = pk
        self.seen = seen
        self.reader = reader
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.loop = asyncio.get_running_loop()

    def tell(self, told: Told) -> None:
        """Hand over what there is to tell; from the hub's thread."""
        self.seen = told.seen
        for put in ((told.items,) if told.items else ()) + (() if told.more else (None,)):
            self.loop.call_soon_threadsafe(self.queue.put_nowait, put)


class Waiter:
    """Somebody who waits for an instance to move beyond `seen`; `moved` is set each time that it does."""

    def __init__(self, pk: int, seen: int) -> None:
        self.pk = pk
        self.seen = seen
        self.moved = threading.Event()


class Hub:
    """Who watches and waits in one database, and the thread that looks for them; at once, when `moved` is set."""

    def __init__(self, using: str) -> None:
        self.using = using
        self.moved = threading.Event()
        self.watchers: set[Watcher | Waiter] = set()
        self.lock = threading.Lock()
        self.running = False

    @contextmanager
    def watched(self, watcher: Watcher | Waiter) -> Iterator[None]:
        """Tell a watcher what happens, or wake who waits, inside the block."""
        with self.lock:
            self.watchers.add(watcher)
            self.moved.set()
            if not self.running:
                self.running = True
                threading.Thread(target=self._run, name="statemachines-streams", daemon=True).start()
        try:
            yield
        finally:
            self._leave(watcher)

    def _leave(self, watcher: Watcher | Waiter) -> None:
        with self.lock:
            self.watchers.discard(watcher)
            if not self.watchers:
                self.moved.set()

    def _run(self) -> None:
        while True:
            self.moved.clear()
            with self.lock:
                watchers = list(self.watchers)
                if not watchers:
                    self.running = False
                    break
            began = time.monotonic()
            try:
                self._look(watchers)
            except Error:
                logger.warning("Streams could not be served; the next look tries again.", exc_info=True)
                connections[self.using].close()
            pause = HEARING_LOOK if hears(self.using) else 1 / LOOKS_PER_SECOND
            self.moved.wait(max(0.0, began + pause - time.monotonic()))
            time.sleep(max(0.0, began + 1 / MOST_LOOKS_PER_SECOND - time.monotonic()))
        connections.close_all()

    def _look(self, watchers: list[Watcher | Waiter]) -> None:
        known = dict(self._sequences({watcher.pk for watcher in watchers}))
        moved: dict[Reader, list[Watcher]] = {}
        for watcher in watchers:
            sequence = known.get(watcher.pk, -1)
            if sequence == watcher.seen:
                continue
            if isinstance(watcher, Waiter):
                watcher.seen = sequence
                watcher.moved.set()
            else:
                moved.setdefault(watcher.reader, []).append(watcher)
        readers = list(moved)
        for start in range(0, len(readers), READERS):
            self._tell({reader: moved[reader] for reader in readers[start : start + READERS]})

    def _tell(self, moved: dict[Reader, list[Watcher]]) -> None:
        """Tell watchers, each as soon as their reader has decided, by what is read for all of them together."""
        since: dict[int, int] = {}
        for watcher in chain.from_iterable(moved.values()):
            since[watcher.pk] = min(watcher.seen, since.get(watcher.pk, watcher.seen))
        entries = self._entries(since)
        instances = MachineInstance.objects.using(self.using).in_bulk(since)
        for reader, alike in moved.items():
            try:
                moves = [Move(one.pk, one.seen, entries[one.pk], instances.get(one.pk)) for one in alike]
                for watcher, told in zip(alike, reader.read(moves), strict=True):
                    watcher.tell(told)
            except Error:
                raise
            except Exception:
                logger.exception("The streams of instances %s failed.", [watcher.pk for watcher in alike])
                for watcher in alike:
                    self._leave(watcher)
                    watcher.tell(Told(b"", watcher.seen, more=False))

    def _sequences(self, pks: set[int]) -> Iterable[tuple[int, int]]:
        listed = sorted(pks)
        rows = MachineInstance.objects.using(self.using)
        for start in range(0, len(listed), CHUNK):
            found = rows.filter(pk__in=listed[start : start + CHUNK]).values_list("pk", "sequence")
            yield from found

    def _entries(self, since: dict[int, int]) -> dict[int, list[HistoryEntry]]:
        """Return of each instance the entries after a sequence, in one query whatever the sequences are."""
        found: dict[int, list[HistoryEntry]] = {pk: [] for pk in since}
        pairs = ", ".join(["(%s, %s)"] * len(since))
        for entry in HistoryEntry.objects.using(self.using).raw(ENTRIES % pairs, [*chain(*since.items())]):
            found[entry.instance_id].append(entry)
        return found


_hubs: dict[str, Hub] = {}


def hub_of(using: str) -> Hub:
    """Return the process's hub of a database."""
    return _hubs.setdefault(using, Hub(using))
