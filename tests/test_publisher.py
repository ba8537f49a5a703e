"""The thread that publishes: in order, and never in the way."""

from __future__ import annotations

import threading

import pytest

from statemachines import publisher as module
from statemachines.engine.dispatch import Unreachable
from statemachines.publisher import Publisher


def test_messages_are_published_in_order() -> None:
    """What is put is published, one after another, by another thread."""
    published: list[tuple[int, str]] = []
    done = threading.Event()
    publisher = Publisher()
    for number in range(3):
        publisher.put(lambda number=number: published.append((number, threading.current_thread().name)))
    publisher.put(done.set)
    assert done.wait(10)
    assert published == [(number, "statemachines-publisher") for number in range(3)]


def test_a_failure_drops_what_waits_and_pauses() -> None:
    """After a failure nothing is tried for a while, and whoever asks is told so: what waits is the sweep's."""
    reached, failed = threading.Event(), threading.Event()
    later: list[str] = []

    def fail() -> None:
        reached.wait(10)
        failed.set()
        raise ConnectionError("no broker")

    publisher = Publisher()
    publisher.put(fail)
    publisher.put(lambda: later.append("waited"))
    reached.set()
    assert failed.wait(10)
    while not publisher._queue.empty():
        assert publisher._thread.is_alive()
    with pytest.raises(Unreachable):
        publisher.put(lambda: later.append("while it pauses"))
    publisher._dead_until = 0
    done = threading.Event()
    publisher.put(done.set)
    assert done.wait(10)
    assert later == []


def test_what_does_not_fit_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full queue never blocks the sender."""
    hold = threading.Event()
    published: list[int] = []
    publisher = Publisher()
    monkeypatch.setattr(module, "SIZE", 2)
    started = threading.Event()
    publisher.put(lambda: (started.set(), hold.wait(10)))
    assert started.wait(10)
    for number in range(5):
        publisher.put(lambda number=number: published.append(number))
    hold.set()
    publisher._finish(publisher._pid)
    assert published == [0, 1]


def test_the_end_of_the_process_publishes_what_is_queued() -> None:
    """A command that sends and ends at once still hands its work over."""
    published: list[int] = []
    publisher = Publisher()
    for number in range(100):
        publisher.put(lambda number=number: published.append(number))
    publisher._finish(publisher._pid)
    assert published == list(range(100))
