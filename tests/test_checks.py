"""System checks: what is wrong or suspect is said by `manage.py check`."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import ERROR, INFO, WARNING

from statemachines import conf
from statemachines.checks import check_machines, check_settings
from statemachines.core.suspicions import KINDS

ROOT = Path(__file__).resolve().parent.parent


def test_the_check_names_the_machine_and_a_way_out() -> None:
    """`manage.py check` tells each finding with the machine, the state, an id, its level and what to do."""
    told = {(message.obj, message.id): message for message in check_machines(None)}
    dead = told["examples.writer", "statemachines.W102"]
    assert dead.level == WARNING
    assert dead.msg == "Machine examples.writer, state 'written': nothing leads out of it, and it is no final state."
    assert dead.hint == "Give it a transition, or make it Final where it is an end."
    assert told["examples.door", "statemachines.I106"].level == INFO


def test_the_orders_are_not_suspect() -> None:
    """What the example's machine does on purpose is silenced where it does it, and nothing else is found."""
    assert [message for message in check_machines(None) if message.obj == "orders.order"] == []


def test_each_check_is_documented_as_it_is() -> None:
    """docs/checks.md has one row for each finding in a machine, word by word, and names every other id of the app."""
    text = (ROOT / "docs" / "checks.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `statemachines.") and line.count("|") == 6]
    assert rows == [
        f"| `statemachines.{id}` | {kind.level} | {kind.about} | {kind.why} | {kind.remedy} |"
        for id, kind in KINDS.items()
    ]
    sources = "".join(path.read_text() for path in (ROOT / "statemachines").rglob("*.py"))
    written = set(re.findall(r'id="statemachines\.(\w+)"', sources)) | KINDS.keys()
    assert set(re.findall(r"^\| `statemachines\.(\w+)`", text, re.MULTILINE)) == written


def test_unknown_settings_and_naive_times_are_errors(settings: Any) -> None:
    """A misspelt key and USE_TZ=False are found by the check, with what would be right."""
    assert check_settings(None) == []
    settings.STATEMACHINES = {"SWEEP_INTERVALL_SECONDS": 1}
    settings.USE_TZ = False
    misspelt, naive = check_settings(None)
    assert (misspelt.id, naive.id) == ("statemachines.E001", "statemachines.E002")
    assert "SWEEP_INTERVALL_SECONDS" in misspelt.msg
    assert misspelt.hint is not None
    assert "SWEEP_INTERVAL_SECONDS" in misspelt.hint


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("SWEEP_INTERVAL_SECONDS", "1", "Expected `float`, got `str`"),
        ("SWEEP_INTERVAL_SECONDS", timedelta(seconds=1), "Expected `float`, got `duration`"),
        ("EFFECT_LEASE_SECONDS", 0, "Expected `float` > 0.0"),
        ("EFFECT_RETRY_SECONDS", math.inf, "Expected `float` <= 31536000.0"),
        ("EFFECT_MAX_ATTEMPTS", 2.5, "Expected `int`, got `float`"),
        ("SWEEP_BATCH", True, "Expected `int`, got `bool`"),
        ("DISPATCHER", list, "Expected `str | null`"),
        ("STORE", "redis", "Invalid enum value 'redis'"),
    ],
)
def test_a_setting_of_a_wrong_type_or_range_is_an_error(settings: Any, name: str, value: Any, problem: str) -> None:
    """It names the key, what it is, and what it takes."""
    settings.STATEMACHINES = {name: value}
    (error,) = check_settings(None)
    assert (error.id, error.level) == ("statemachines.E003", ERROR)
    assert error.msg.startswith(f"STATEMACHINES[{name!r}] is {value!r}: {problem}")
    assert error.hint == f"It takes {conf.SETTINGS[name].takes}; the default is {conf.DEFAULTS[name]!r}."


def test_settings_that_are_no_dict_are_an_error(settings: Any) -> None:
    """STATEMACHINES itself must be a dict."""
    settings.STATEMACHINES = ["SWEEP_BATCH"]
    assert [error.id for error in check_settings(None)] == ["statemachines.E003"]


def test_a_dispatcher_that_is_not_there_is_an_error(settings: Any) -> None:
    """A misspelt path is found by the check, not at the first commit."""
    settings.STATEMACHINES = {"DISPATCHER": "statemachines.tasks.CeleryDispatch"}
    (error,) = check_settings(None)
    assert (error.id, "CeleryDispatch" in error.msg) == ("statemachines.E004", True)


def test_the_store_of_another_database_is_an_error(settings: Any) -> None:
    """The store for PostgreSQL speaks its SQL alone."""
    settings.STATEMACHINES = {"STORE": "postgres"}
    settings.DATABASE_ROUTERS = ["tests.test_checks.ToLite"]
    (error,) = check_settings(None)
    assert (error.id, error.msg) == (
        "statemachines.E005",
        "STORE is 'postgres', but the database 'lite' is sqlite.",
    )


class ToLite:
    """Sends everything to the tests' second database."""

    def db_for_write(self, model: type, **hints: Any) -> str:
        return "lite"


def test_settings_are_read_when_they_are_used(settings: Any) -> None:
    """A changed setting holds at the next call."""
    settings.STATEMACHINES = {"SWEEP_INTERVAL_SECONDS": 2.5}
    assert conf.duration("SWEEP_INTERVAL_SECONDS") == timedelta(seconds=2.5)
    settings.STATEMACHINES = {}
    assert conf.duration("SWEEP_INTERVAL_SECONDS") == timedelta(seconds=1)


def test_each_setting_is_documented_as_it_is() -> None:
    """docs/settings.md has one row for each key: what it takes, its default, what it is for; and the defaults check."""
    text = (ROOT / "docs" / "settings.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{name}` | {setting.takes} | `{setting.default!r}` | {setting.about} |"
        for name, setting in conf.SETTINGS.items()
    ]
