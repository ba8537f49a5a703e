"""The kit in Django's own test cases: in transactions that never commit, and in those that do."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.test import TestCase, TransactionTestCase

from statemachines.engine import create
from statemachines.models import Effect, MachineInstance
from statemachines.testing import time_travel
from tests.examples.machines import NoteData, note, notes


def at_work(case: TestCase | TransactionTestCase) -> None:
    """Drive instances by timers and effects; everything is asked of the database."""
    with time_travel() as clock:
        clock.effects.fake(note, "yes")
        made = create(notes.machine, data=NoteData(seconds=86_400), system=True)
        asked = create(notes.machine, system=True)
        made.send("wait", system=True)
        with transaction.atomic():
            asked.send("invoke", system=True)
        clock.advance(days=1)
        made.refresh_from_db()
        asked.refresh_from_db()
        case.assertEqual((made.state, made.updated_at), ("rang", clock.now))  # noqa: PT009
        case.assertEqual((asked.state, Effect.objects.get().status), ("answered", "applied"))  # noqa: PT009
        case.assertEqual(clock.now - made.created_at, timedelta(days=1))  # noqa: PT009


class InOneTransaction(TestCase):
    """Django's TestCase: hooks on commit never run there."""

    def test_timers_and_effects(self) -> None:
        """The kit looks at rows, and needs no commit."""
        at_work(self)

    def test_nothing_is_left(self) -> None:
        """What a test did goes with its transaction."""
        self.assertEqual(MachineInstance.objects.count(), 0)  # noqa: PT009
        at_work(self)


class WithCommits(TransactionTestCase):
    """Django's TransactionTestCase: hooks on commit run, and hand nothing to workers."""

    def test_timers_and_effects(self) -> None:
        """The same test does the same."""
        at_work(self)
