"""Upgrades beside live traffic and beside each other: every instance is upgraded once, and no event is lost."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from statemachines.core.events import SYSTEM
from statemachines.engine import send
from statemachines.engine.upgrades import upgrade_all
from statemachines.models import HistoryEntry, MachineInstance

from .conftest import Publish
from .journey import V1
from .test_upgrades import NAME, second, waiting

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]


def alone(work: Any) -> Any:
    """Do something in a thread of its own, and give its connection back."""
    try:
        return work()
    finally:
        connections.close_all()


def test_two_runs_and_traffic_share_the_rows(publishing: Publish) -> None:
    """Two runs at once upgrade each instance once, while events go to all of them; histories stay linear."""
    publishing(V1)
    instances = [waiting(str(number)) for number in range(30)]
    second(publishing)

    def run() -> list[int]:
        batches = upgrade_all(NAME, 2, reason="v2", actor=SYSTEM, using="default", batch=7)
        return [one.pk for batch in batches for one in batch.outcomes if one.status == "upgraded"]

    def traffic() -> int:
        return sum(send(one.pk, "nudge", system=True).sequence > 0 for one in reversed(instances))

    with ThreadPoolExecutor(3) as pool:
        first, other, sent = pool.submit(alone, run), pool.submit(alone, run), pool.submit(alone, traffic)
        upgraded, events = Counter(first.result() + other.result()), sent.result()
    left = [
        one.pk for batch in upgrade_all(NAME, 2, reason="v2", actor=SYSTEM, using="default") for one in batch.outcomes
    ]
    assert set((upgraded + Counter(left)).values()) == {1}
    assert events == 30
    assert set(MachineInstance.objects.values_list("version", "state")) == {(2, "remind")}
    counted = Counter(HistoryEntry.objects.values_list("event", flat=True))
    assert (counted["statemachines.upgrade"], counted["nudge"]) == (30, 30)
    assert set(MachineInstance.objects.values_list("sequence", flat=True)) == {4}
