"""docs/rest.md is true: each curl runs, in order, against a live server, and answers what is shown.

Limits: needs curl and bash; where they are missing, `conftest` leaves the page out. What is shown is a part of what is
answered, and `…` stands for anything.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from tests.orders.conftest import Town

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rest.md").read_text()
STEPS = re.findall(r"^```sh\n(.*?)^```\n+```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def shows(shown: Any, answer: Any) -> bool:
    """Say whether what is shown is part of an answer."""
    if isinstance(shown, dict):
        return isinstance(answer, dict) and all(
            name in answer and shows(one, answer[name]) for name, one in shown.items()
        )
    if isinstance(shown, list):
        left = iter(answer)  # what is shown comes in this order, with others between
        return all(any(shows(one, other) for other in left) for one in shown) if shown else answer == []
    return bool(shown == "…" or shown == answer)


def check(kind: str, shown: str, answer: str) -> None:
    if kind == "json":
        assert shows(json.loads(shown), json.loads(answer)), answer
        return
    head, _, body = answer.partition("\n\n")
    for line in shown.partition("\n\n")[0].splitlines():
        pattern = re.escape(line).replace("…", ".*")
        assert re.search(f"^{pattern}", answer if kind == "text" else head, re.MULTILINE | re.IGNORECASE), answer
    if told := shown.partition("\n\n")[2]:
        assert shows(json.loads(told), json.loads(body)), answer


@pytest.mark.django_db(transaction=True, reset_sequences=True)
@pytest.mark.usefixtures("town")
def test_each_curl_answers_what_is_shown(server: str, tmp_path: Path) -> None:
    """All commands of the page, one after the other; each is followed by its answer."""
    User.objects.create_user("sue", password="secret", is_staff=True)
    assert len(STEPS) == PAGE.count("```sh") >= 15
    for command, kind, shown in STEPS:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            env=os.environ | {"API": f"{server}/api"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, (command, done.stderr)
        check(kind, shown, done.stdout.replace("\r", ""))


@pytest.fixture
def town(db: None, settings: Any) -> Town:
    settings.STATEMACHINES = {**settings.STATEMACHINES, "DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}
    return Town()
