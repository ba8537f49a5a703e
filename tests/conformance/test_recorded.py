"""XState's recorded behaviour is ours, and survives being written as JSON."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .runner import cases, compare, difference, read

HERE = Path(__file__).parent
CASES = list(cases(HERE / "cases"))
BUILT = [case for case in CASES if all(record["status"] != "error" for record in (case["initial"], *case["steps"]))]


def run(*paths: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.conformance", *map(str, paths)]
    return subprocess.run(command, capture_output=True, text=True, cwd=HERE.parents[1], check=False)


def falsified(case: dict[str, Any]) -> dict[str, Any]:
    wrong = copy.deepcopy(case)
    wrong["steps"][0]["status"] = "wrong"
    return wrong


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Any]) -> None:
    """Every record of a case is what XState recorded."""
    assert difference(case) is None


@pytest.mark.parametrize("case", BUILT, ids=lambda case: case["name"])
def test_round_trip(case: dict[str, Any]) -> None:
    """A machine that is written as JSON and read again behaves and writes as before."""
    written = json.loads(json.dumps(read(case["config"]).to_xstate()))
    again = read(written)
    assert compare(again, case) is None
    assert again.to_xstate() == written


def test_command_line_counts() -> None:
    """The command line prints the counts and exits 0 where all pass."""
    done = run(HERE / "cases" / "hand.jsonl")
    count = len(list(cases(HERE / "cases" / "hand.jsonl")))
    assert (done.returncode, done.stdout) == (0, f"{count} passed, 0 failed\n")


def test_command_line_names_the_first_difference(tmp_path: Path) -> None:
    """A case that fails is named, with its first difference, and the exit code is 1."""
    right, wrong = CASES[0], falsified(CASES[-1])
    file = tmp_path / "some.jsonl"
    file.write_text(f"{json.dumps(right)}\n{json.dumps(wrong)}\n", encoding="utf-8")
    done = run(file)
    told = f'{wrong["name"]}: step 1, status: expected "wrong", received "active"'
    assert (done.returncode, done.stdout.splitlines()) == (1, [told, "1 passed, 1 failed"])


def test_command_line_needs_cases(tmp_path: Path) -> None:
    """To have run no case is no success."""
    (tmp_path / "empty.jsonl").touch()
    assert run(tmp_path).returncode == 1
    assert run().returncode == 2
