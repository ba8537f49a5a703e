"""Health: each number, each problem, and what `manage.py statemachines_health` makes of it."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from statemachines.engine import create, health, hold, pause
from statemachines.engine.sweep import sweep
from statemachines.models import Effect, MachineInstance, SweepRecord, Timer
from tests.examples.timed import Log, timed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("any_store", "handed")]


def made(event: str) -> MachineInstance:
    one = create(timed.machine, data=Log(), system=True)
    one.send(event, system=True)
    return one


def told(*arguments: str) -> tuple[int, str]:
    """Run the command; return its exit code and what it prints."""
    out = io.StringIO()
    try:
        call_command("statemachines_health", *arguments, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_all_is_well_after_a_sweep() -> None:
    """Exit code 0, and the age of the sweep."""
    sweep("default")
    seen = health()
    assert (seen.healthy, seen.problems, seen.attention, seen.backlog) == (True, [], 0, 0)
    assert seen.sweep_age is not None
    assert 0 <= seen.sweep_age < 5
    code, text = told()
    assert (code, text.splitlines()[0]) == (0, "All is well.")


def test_a_dead_beat_shows() -> None:
    """By the age of the last sweep, or by there being none."""
    assert "No sweep has ever run" in health().problems[0]
    sweep("default")
    SweepRecord.objects.update(at=timezone.now() - timedelta(seconds=90))
    seen = health()
    assert seen.sweep_age is not None
    assert 89 < seen.sweep_age < 100
    assert "is Celery's beat alive" in seen.problems[0]
    assert told()[0] == 1


def test_overdue_timers_and_effects_show_unless_they_are_paused() -> None:
    """What is due for longer than ten sweeps take; a paused instance's wait by an operator's will."""
    sweep("default")
    late, asleep, asking = made("one"), made("one"), made("ask")
    pause(asleep, reason="so", system=True)
    Timer.objects.exclude(instance=asking).update(due_at=timezone.now() - timedelta(seconds=60))
    Effect.objects.update(due_at=timezone.now() - timedelta(seconds=30))
    seen = health()
    assert (seen.overdue_timers, seen.overdue_effects, seen.backlog, seen.paused) == (1, 1, 1, 1)
    assert seen.oldest_overdue is not None
    assert 59 < seen.oldest_overdue < 70
    assert "1 timers and 1 effects are overdue" in seen.problems[0]
    assert late.timers.count() == 1


def test_failing_effects_and_those_in_need_show_by_name() -> None:
    """How many are tried again, how many need attention: of effects and of timers."""
    sweep("default")
    made("ask")
    Effect.objects.update(error="ConnectionError", attempts=1)
    made("ask")
    Effect.objects.filter(error="").update(error="ConnectionError", status="ran", failure=True, needs_attention=True)
    made("one")
    Timer.objects.filter(name="first").update(needs_attention=True)
    seen = health()
    assert [(one.name, one.retrying, one.attention) for one in seen.failing] == [("examples.work", 1, 1)]
    assert (seen.attention, "2 instances need attention" in seen.problems[0]) == (2, True)
    assert "Failing: examples.work: 1 tried again, 1 in need of attention." in told()[1]


def test_running_and_pending_effects_are_counted() -> None:
    """By their status."""
    for status in ("running", "pending", "pending"):
        made("ask")
        Effect.objects.filter(status="waiting").update(status=status)
    assert (health().running, health().pending) == (1, 2)


def test_what_is_held_shows_and_is_not_overdue() -> None:
    """One kind is no problem; everything is, as somebody has to let it go again."""
    sweep("default")
    made("ask")
    Effect.objects.update(due_at=timezone.now() - timedelta(seconds=60))
    hold("examples.work", reason="provider is down", system=True)
    seen = health()
    assert (seen.held, seen.overdue_effects, seen.healthy) == (["examples.work"], 0, True)
    hold("*", reason="restored", system=True)
    assert "Everything is held" in health().problems[0]


def test_a_monitor_gets_json() -> None:
    """Every field, and whether it is healthy; the exit code says the same."""
    code, text = told("--json")
    found: dict[str, Any] = json.loads(text)
    assert (code, found["healthy"], found["sweep_age"], found["overdue_timers"]) == (1, False, None, 0)
    assert set(found) == {*health().__struct_fields__, "healthy"}


def test_an_unknown_database_is_named() -> None:
    """With those that there are."""
    with pytest.raises(CommandError, match="default"):
        told("--using", "nowhere")
