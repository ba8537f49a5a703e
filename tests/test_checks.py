"""System checks: what is wrong or suspect is said by `manage.py check`."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import ERROR

from statemachines import Always, Done, Event, Final, History, Machine, On, Parallel, State, conf, in_state, not_
from statemachines.checks import check_machines, check_settings
from statemachines.core.suspicions import suspicions


class Go(Event):
    pass


def found(machine: Machine[Any]) -> list[tuple[str, str]]:
    return [(one.id, one.state) for one in suspicions(machine)]


def ready(data: dict[str, Any]) -> bool:
    return True


def test_a_sound_machine_is_not_suspect() -> None:
    """Compound, parallel, final and history states that are used as meant raise no suspicion."""
    machine = Machine(
        "sound",
        State("a", On(Go, "p"), On("back", "p.memory")),
        Parallel(
            "p",
            State("left", State("l1", Always("l2", when=ready)), Final("l2")),
            State("right", State("r1", On(Go, "r2", when=not_(in_state("p.left.l2")))), Final("r2")),
            History("memory"),
            Done("end"),
            On("out", "a"),
        ),
        Final("end"),
    )
    assert found(machine) == []


def test_a_state_that_nothing_leads_to_is_suspect() -> None:
    """An unreachable state is told once, not again for each state inside it."""
    machine = Machine("m", State("a", On(Go, "a")), State("island", State("inner", On(Go, "#m.a"))))
    assert found(machine) == [("W101", "island")]


def test_a_dead_end_is_suspect() -> None:
    """A state without a way out that is not final is told; one whose ancestor leads out is not."""
    machine = Machine("m", State("a", State("x"), On(Go, "b")), State("b"))
    assert found(machine) == [("W102", "b")]


def test_done_where_nothing_can_be_done_is_suspect() -> None:
    """A Done row in a state without states never fires."""
    assert found(Machine("m", State("a", Done("b"), On(Go, "b")), Final("b"))) == [("W103", "a")]


def test_a_shadowed_candidate_is_suspect() -> None:
    """What stands after a candidate without guard is never taken, for events and for eventless ones."""
    rows = (On(Go, "b"), On(Go, "a", when=ready), Always("b"), Always("a", when=ready))
    machine = Machine("m", State("a", *rows), Final("b"))
    assert found(machine) == [("W104", "a"), ("W104", "a")]


@pytest.mark.parametrize("state", ["b", {"a": "y"}])
def test_a_guard_that_asks_for_an_unknown_state_is_suspect(state: Any) -> None:
    """`in_state` names a path from the root; one that does not exist never holds."""
    machine = Machine("m", State("a", State("x"), On(Go, "end", when=in_state(state))), Final("end"))
    assert found(machine) == [("W105", "a")]


def test_the_check_names_the_machine_and_a_way_out() -> None:
    """`manage.py check` warns with an id that can be silenced."""
    told = [message for message in check_machines(None) if message.obj == "examples.door"]
    assert told == []
    dead = next(message for message in check_machines(None) if message.obj == "examples.writer")
    assert dead.id == "statemachines.W102"
    assert dead.msg == "Machine examples.writer, state 'written': nothing leads out of it, and it is no final state."
    assert dead.hint == "Give it a transition, or make it Final where it is an end."


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
    text = (Path(__file__).resolve().parent.parent / "docs" / "settings.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{name}` | {setting.takes} | `{setting.default!r}` | {setting.about} |"
        for name, setting in conf.SETTINGS.items()
    ]
