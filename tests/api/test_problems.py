"""Errors as problem details: each status is really met, with its code, what to do, and when to come back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.throttling import UserRateThrottle

from statemachines.api import instances
from statemachines.api.public import shapes
from statemachines.models import MachineInstance
from statemachines.registry import find

from .conftest import Desk, client

ASKED: dict[int, tuple[str, Callable[[Desk], Any]]] = {
    400: ("malformed", lambda desk: post(desk, "events/commented/", b"{")),
    401: ("not_authenticated", lambda desk: client().get(desk.address)),
    403: ("not_allowed", lambda desk: post(desk, "events/noted/", b'{"secret": "x"}')),
    404: ("not_found", lambda desk: client(desk.bob).get(desk.address)),
    405: ("method_not_allowed", lambda desk: client(desk.ann).delete(desk.address)),
    406: ("not_acceptable", lambda desk: client(desk.ann).get(desk.address, HTTP_ACCEPT="text/csv")),
    409: ("not_possible", lambda desk: post(desk, "events/reopened/", b"{}")),
    412: ("changed", lambda desk: post(desk, "events/commented/", b'{"text": "x"}', HTTP_IF_MATCH='"1-x"')),
    413: ("too_large", lambda desk: post(desk, "events/commented/", b'"' + b"x" * 3_000_000 + b'"')),
    415: ("unsupported_media_type", lambda desk: post(desk, "events/commented/", b"x", "text/plain")),
    501: ("needs_asgi", lambda desk: client(desk.ann).get(f"{desk.address}stream/")),
}


def post(desk: Desk, path: str, body: bytes, kind: str = "application/json", **headers: str) -> Any:
    return client(desk.ann).generic("POST", f"{desk.address}{path}", body, content_type=kind, **headers)


def is_problem(answer: Any, status: int, code: str) -> bool:
    """Say whether an answer is a problem with this status and code, and says what is wrong and what to do."""
    told = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), told
    assert (told["status"], told["type"]) == (status, f"urn:statemachines:problem:{status}")
    return told["code"] == code and all(told[part] for part in ("title", "detail", "advice"))


@pytest.mark.parametrize("status", ASKED)
def test_each_problem_is_met(desk: Desk, status: int) -> None:
    """Every status has one shape, a stable code, and what to do; nothing is written."""
    code, asked = ASKED[status]
    assert is_problem(asked(desk), status, code)
    assert desk.ticket.entries.count() == 1


def test_who_asks_too_often(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's throttles hold here too: 429 says when to come back."""

    class Seldom(UserRateThrottle):
        rate = "2/minute"
        THROTTLE_RATES = {"user": rate}

    monkeypatch.setattr(instances.Instance, "throttle_classes", [Seldom])
    ann = client(desk.ann)
    assert [ann.get(desk.address).status_code for _ in range(2)] == [200, 200]
    answer = ann.get(desk.address)
    assert is_problem(answer, 429, "throttled")
    assert 1 <= int(answer["Retry-After"]) <= 60
    assert client(desk.staff).get(desk.address).status_code == 200


def test_a_version_that_this_server_lacks(desk: Desk) -> None:
    """503 to whoever acts on the instance, with when a deploy may be over; nothing of it is touched."""
    MachineInstance.objects.update(version=9)
    for answer in (client(desk.ann).get(desk.address), post(desk, "events/commented/", b'{"text": "x"}')):
        assert is_problem(answer, 503, "unknown_version")
        assert answer["Retry-After"] == "30"
    assert MachineInstance.objects.get().sequence == 1


def test_a_bug_after_the_commit(desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Where what is shown cannot be made, the event stands: the 500 does not say that nothing changed, nor a secret."""

    def broken(subject: Any, actor: Any) -> instances.Reason:
        raise KeyError(f"the title is {subject.data.title}")

    monkeypatch.setattr(find("helpdesk.ticket"), "public", broken)
    shapes.cache_clear()
    answer = post(desk, "events/commented/", b'{"text": "x"}')
    shapes.cache_clear()
    assert is_problem(answer, 500, "internal")
    assert "nothing changed" not in answer.json()["detail"]
    assert "Printer" not in answer.content.decode()
    (record,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert answer.json()["reference"] in record.getMessage()
    assert "the title is Printer" in record.getMessage()
    assert desk.ticket.entries.count() == 2
