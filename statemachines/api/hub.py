"""Tell open streams what has happened, and wake who waits: one thread and one connection per process, for all of them.

The thread looks at the sequences of all watched instances in one query, and reads what is new of those that moved. It
ends, and its connection with it, when nobody watches any more. Limits: where moves are not heard of (`listener`), it
looks `LOOKS_PER_SECOND` times.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

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

MOST_ENTRIES = 500
"""Of one instance at one look."""

Items = list[bytes]
Entries = Mapping[int, list[HistoryEntry]]


class Reader(Protocol):
    """Reads for watchers who are alike: those of a kind are equal, and hash alike."""

    def read(self, pks: Sequence[int], new: Entries, seen: int) -> Mapping[int, tuple[Items, int, bool]]:
        """Return for each instance what to tell of its new entries, the sequence then, and whether more may come.

        Who may see what is decided here, after the entries were read.
        """
        ...


class Watcher:
    """Somebody who waits for an instance to move beyond `seen`.

    `queue` gets what there is to tell, in the loop that it was made in; None after that, where there will be no more.
    """

    def __init__(self, pk: int, seen: int, reader: Reader) -> None:
        self.pk = pk
        self.seen = seen
        self.reader = reader
        self.queue: asyncio.Queue[Items | None] = asyncio.Queue()
        self.loop = asyncio.get_running_loop()

    def tell(self, items: Items, *, more: bool) -> None:
        """Hand over what there is to tell; from the hub's thread."""
        for put in (items, *(() if more else (None,))):
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
            self.moved.wait(HEARING_LOOK if hears(self.using) else 1 / LOOKS_PER_SECOND)
            time.sleep(max(0.0, 1 / MOST_LOOKS_PER_SECOND - (time.monotonic() - began)))
        connections.close_all()

    def _look(self, watchers: list[Watcher | Waiter]) -> None:
        known = dict(self._sequences({watcher.pk for watcher in watchers}))
        moved: dict[int, dict[Reader, list[Watcher]]] = {}
        for watcher in watchers:
            sequence = known.get(watcher.pk, -1)
            if sequence == watcher.seen:
                continue
            if isinstance(watcher, Waiter):
                watcher.seen = sequence
                watcher.moved.set()
            else:
                moved.setdefault(watcher.seen, {}).setdefault(watcher.reader, []).append(watcher)
        for seen, alike in moved.items():
            new = self._entries({watcher.pk for each in alike.values() for watcher in each}, seen)
            for reader, each in alike.items():
                self._tell(reader, each, new, seen)

    def _tell(self, reader: Reader, moved: list[Watcher], new: Entries, seen: int) -> None:
        """Tell watchers who are alike, by what is read for all of them together."""
        try:
            found = reader.read([watcher.pk for watcher in moved], new, seen)
            for watcher in moved:
                items, watcher.seen, more = found[watcher.pk]
                watcher.tell(items, more=more)
        except Error:
            raise
        except Exception:
            logger.exception("The streams of instances %s failed.", [watcher.pk for watcher in moved])
            for watcher in moved:
                self._leave(watcher)
                watcher.tell([], more=False)

    def _sequences(self, pks: set[int]) -> Iterable[tuple[int, int]]:
        listed = sorted(pks)
        rows = MachineInstance.objects.using(self.using)
        for start in range(0, len(listed), CHUNK):
            found = rows.filter(pk__in=listed[start : start + CHUNK]).values_list("pk", "sequence")
            yield from found

    def _entries(self, pks: set[int], seen: int) -> Entries:
        found: dict[int, list[HistoryEntry]] = {}
        rows = HistoryEntry.objects.using(self.using).filter(instance__in=sorted(pks), sequence__gt=seen)
        for entry in rows.filter(sequence__lte=seen + MOST_ENTRIES).order_by("sequence"):
            found.setdefault(entry.instance_id, []).append(entry)
        return found


_hubs: dict[str, Hub] = {}


def hub_of(using: str) -> Hub:
    """Return the process's hub of a database."""
    return _hubs.setdefault(using, Hub(using))
