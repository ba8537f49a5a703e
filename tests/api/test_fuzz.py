"""Whatever is sent, the answer is as the API's description says, and never a 500: schemathesis, against a real server.

Limits: the suite asks the operations of one machine and those of customers; `make fuzz` asks all, for longer. A stream
does not end, and `broken` is there to be answered by 500: they are left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orders.models import Courier, Dish, Restaurant

from .conftest import Desk

CONFIG = str(Path(__file__).with_name("schemathesis.toml"))
LONG = os.environ.get("FUZZ_SECONDS", "")
SOME = ["--include-path-regex", "helpdesk.ticket|/api/customer/", "--max-examples", "3", "--seed", "1"]
LEFT_OUT = "/(broken|stream)/$"


@pytest.fixture
def everything(desk: Desk, settings: Any) -> None:
    """Somebody of the staff who is a customer, a restaurant and a courier as well, so that much can be done."""
    settings.ROOT_URLCONF = "project.urls"
    for kind in Restaurant.Kind:
        restaurant = Restaurant.objects.create(name=str(kind), kind=kind, owner=desk.staff)
        Dish.objects.create(restaurant=restaurant, name="Pho", price="9.50")
    Courier.objects.create(user=desk.staff, name="Sue")


@pytest.mark.usefixtures("everything")
def test_nothing_that_is_sent_breaks_it(live_server: Any, tmp_path: Path) -> None:
    """All checks of schemathesis hold on every operation that is asked."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIG, "run", "--no-color"]
    command += [f"{live_server.url}/api/machines/openapi.json", "--auth", "sue:secret", "--continue-on-failure"]
    command += ["--checks", "all", "--exclude-path-regex", LEFT_OUT, "--suppress-health-check", "all"]
    command += ["--max-time", LONG] if LONG else SOME
    done = subprocess.run(command, cwd=tmp_path, stdout=None if LONG else subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout
