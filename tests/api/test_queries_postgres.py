"""What each endpoint asks of the database, counted: a change that costs more is seen here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from .conftest import TICKETS, Desk, client

MACHINE = "/machines/helpdesk.ticket/"
OWN = TICKETS + "{pk}/"

COSTS: list[tuple[int, str, str, Any]] = [
    (0, "GET", "/machines/", None),
    (0, "GET", MACHINE, None),
    (0, "POST", MACHINE + "simulate/", {"acts": [], "start": {"owner": "1", "title": "x"}}),
    (1, "GET", TICKETS, None),
    (3, "POST", TICKETS, {"data": {"owner": "{ann}", "title": "x"}}),
    (1, "GET", OWN, None),
    (1, "GET", OWN + "?wait_for=open", None),
    (2, "GET", OWN + "history/", None),
    (1, "GET", OWN + "events/", None),
    (4, "POST", OWN + "simulate/", {"acts": []}),
    (4, "POST", OWN + "events/commented/", {"text": "x"}),
    (4, "POST", OWN + "events/", {"type": "commented", "text": "x"}),
    (5, "POST", OWN + "events/noted/", {"secret": "x"}),
    (5, "POST", OWN + "events/closed/", {}),
    (4, "POST", OWN + "pause/", {"reason": "x"}),
]
"""What is found, locked, written, and looked at again to see whether one may see it; a refusal's trace costs three."""


def asked(desk: Desk, method: str, path: str, body: Any, **headers: str) -> list[str]:
    """Return a request's statements: not those of signing in and of the policy's own, which are the host's."""
    who = client(desk.staff if path.endswith("pause/") else desk.ann)
    data = None if body is None else json.dumps(body).replace("{ann}", str(desk.ann.pk))
    with CaptureQueriesContext(connection) as queries:
        who.generic(method, path.format(pk=desk.ticket.pk), data or "", content_type="application/json", **headers)
    statements = [one["sql"] for one in queries if one["sql"] not in ("BEGIN", "COMMIT", "ROLLBACK")]
    return [one for one in statements if "auth_user" not in one and "django_session" not in one]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("count", "method", "path", "body"), COSTS)
def test_an_endpoint_costs_so_many_queries(desk: Desk, count: int, method: str, path: str, body: Any) -> None:
    """However large the instance, its history and the list are."""
    for _ in range(3):
        desk.made(desk.ann, "Mouse")
    found = asked(desk, method, path, body)
    assert len(found) == count, "\n".join(found)


@pytest.mark.django_db(transaction=True)
def test_an_idempotency_key_costs_three_more(desk: Desk) -> None:
    """To look it up, to keep the answer, to see that it is ours; a replay writes nothing."""
    once = {"HTTP_IDEMPOTENCY_KEY": "k"}
    first, second = (asked(desk, "POST", OWN + "events/commented/", {"text": "x"}, **once) for _ in range(2))
    assert (len(first), len(second)) == (7, 4)
    assert not [one for one in second if "INSERT" in one or "UPDATE" in one]
