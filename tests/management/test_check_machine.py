"""`manage.py check_machine`: the report, its JSON, its exit code."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command


def check(*arguments: str) -> tuple[str, int]:
    """Run the command; return what it prints and its exit code."""
    out = io.StringIO()
    try:
        call_command("check_machine", *arguments, stdout=out)
    except SystemExit as stop:
        return out.getvalue(), int(str(stop.code))
    return out.getvalue(), 0


def test_findings_are_grouped_by_machine_and_state() -> None:
    """Each finding stands below its state with what to do, and any finding makes the exit code 1."""
    assert check("examples.writer") == (
        "examples.writer version 1: 2 findings\n"
        "  state idle\n"
        "    I106  An instance may wait here for ever: only events lead out.\n"
        "          Give it an After, or silence the id there and say why it may wait.\n"
        "  state written\n"
        "    W102  Nothing leads out of it, and it is no final state.\n"
        "          Give it a transition, or make it Final where it is an end.\n",
        1,
    )


def test_what_is_silenced_is_only_counted(settings: Any) -> None:
    """What the machine or the settings silence is no reason for an exit code of 1."""
    assert check("orders.order") == ("orders.order version 3: nothing is suspect (3 silenced)\n", 0)
    settings.SILENCED_SYSTEM_CHECKS = ["statemachines.I106"]
    assert check("door") == ("examples.door version 1: nothing is suspect (3 silenced)\n", 0)
    assert check("notes")[0].splitlines()[0] == "examples.notes version 1: 3 findings (2 silenced)"


def test_all_machines_are_checked_where_none_is_named() -> None:
    """Without a name, every registered machine has its line."""
    report, code = check()
    assert code == 1
    assert {"examples.door", "orders.order"} <= {line.split(" ")[0] for line in report.splitlines()}


def test_json_tells_all_of_it() -> None:
    """--json holds every finding, what is silenced included and marked, with the same exit code."""
    report, code = check("order", "--json")
    (told,) = json.loads(report)
    assert (told["machine"], told["version"], code) == ("orders.order", 3, 0)
    assert told["findings"][0] == {
        "id": "I106",
        "state": "standard.courier_on_the_way",
        "text": "an instance may wait here for ever: only events lead out",
        "hint": "Give it an After, or silence the id there and say why it may wait.",
        "level": "info",
        "silenced": True,
    }
    assert check("door", "--json")[1] == 1


def test_an_unknown_machine_is_told() -> None:
    """A misspelt name is an error that lists the known ones."""
    with pytest.raises(CommandError, match=r"'ordr' is not registered; known: examples\.account"):
        check("ordr")
