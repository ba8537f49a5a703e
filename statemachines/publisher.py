"""Publish messages from a thread of its own, so that a broker that is down or does not answer never holds an event.

A message that does not fit the queue, or meets a dead broker, is dropped, and so is what waits behind it: the sweep
finds the work. Limits: one thread per process; at the process's end it gets a moment for what is queued.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
import time
from collections.abc import Callable

from .engine.dispatch import Unreachable

logger = logging.getLogger(__name__)

Publish = Callable[[], object]

SIZE = 10_000
"""Messages that may wait."""

PAUSE = 1.0
"""Seconds without a try after the broker failed."""

LAST = 2.0
"""Seconds at the process's end for what is still queued."""


class Publisher:
    """A queue and the thread that empties it, made at the first message, and anew in a forked child."""

    def __init__(self) -> None:
        self._pid = 0
        self._lock = threading.Lock()
        self._dead_until = 0.0

    def put(self, publish: Publish) -> None:
        """Have a message published soon, or dropped. Raises Unreachable for a while after the broker failed."""
        if time.monotonic() < self._dead_until:
            raise Unreachable("The broker failed a moment ago; the sweep will do the work.")
        with self._lock:
            if self._pid != os.getpid():
                self._begin()
        try:
            self._queue.put_nowait(publish)
        except queue.Full:
            logger.warning("%d messages wait for the broker; the sweep will do what does not fit.", SIZE)

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._queue: queue.Queue[Publish | None] = queue.Queue(SIZE)
        self._thread = threading.Thread(target=self._run, name="statemachines-publisher", daemon=True)
        self._thread.start()
        atexit.register(self._finish, self._pid)

    def _run(self) -> None:
        while (publish := self._queue.get()) is not None:
            try:
                publish()
            except Exception:
                self._dead_until = time.monotonic() + PAUSE
                self._drop()
                logger.warning("The broker cannot be reached; the sweep will do the work.", exc_info=True)

    def _drop(self) -> None:
        """Empty the queue; the end of the process is the one message that stays."""
        while True:
            try:
                if self._queue.get_nowait() is None:
                    self._queue.put(None)
                    return
            except queue.Empty:
                return

    def _finish(self, pid: int) -> None:
        if pid == os.getpid():
            self._queue.put(None)
            self._thread.join(LAST)
