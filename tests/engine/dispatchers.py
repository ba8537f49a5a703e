"""Dispatchers for tests."""

from __future__ import annotations

from datetime import datetime


class Notes:
    """Keeps in `taken` what it was handed."""

    taken: list[tuple[str, int]] = []

    def run_effect(self, pk: int, name: str, at: datetime, using: str) -> None:
        self.taken.append(("effect", pk))

    def fire_timers(self, pks: list[int], at: datetime, using: str) -> None:
        self.taken.extend(("timer", pk) for pk in pks)


class Dead:
    """A broker that is down."""

    def run_effect(self, pk: int, name: str, at: datetime, using: str) -> None:
        raise ConnectionError("no broker")

    def fire_timers(self, pks: list[int], at: datetime, using: str) -> None:
        raise ConnectionError("no broker")
