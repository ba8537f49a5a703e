"""What the API must never do, tried on every endpoint."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.urls import URLPattern

from statemachines.api.urls import urlpatterns
from statemachines.engine import send
from statemachines.models import HistoryEntry, IdempotencyRecord, MachineInstance
from statemachines.registry import find
from tests.api.machines import Noted

from .conftest import TICKETS, Desk, client

MACHINE = "/machines/helpdesk.ticket/"
BODIES = {
    "instances/": {"data": {"owner": "0", "title": "x"}},
    "commented/": {"text": "x"},
    "noted/": {"secret": "x"},
    "events/": {"type": "commented", "text": "x"},
    "pause/": {"reason": "x"},
    "resume/": {"reason": "x"},
    "cancel/": {"reason": "x"},
    "simulate/": {"acts": []},
}


def endpoints(*, of_instance: bool) -> list[tuple[str, str]]:
    """Return the method and the address of each endpoint of the ticket machine; `{pk}` stands for the instance."""
    found = []
    for one in urlpatterns:
        assert isinstance(one, URLPattern)
        route = str(one.pattern)
        if route.startswith("helpdesk.ticket/") and ("<int:pk>" in route) == of_instance:
            path = "/machines/" + route.replace("<int:pk>", "{pk}").replace("<path:type>", "commented")
            view: Any = one.callback
            methods = view.cls(**view.initkwargs).allowed_methods
            found += [(method.lower(), path) for method in methods if method != "HEAD"]
    return found


def ask(user: Any, method: str, path: str, desk: Desk, **headers: str) -> Any:
    body = next((body for end, body in BODIES.items() if path.endswith(end)), {})
    given = {"data": body, "format": "json"} if method == "post" else {}
    return getattr(client(user), method)(path.format(pk=desk.ticket.pk), **given, **headers)


def written() -> tuple[int, int, int]:
    rows = (MachineInstance, HistoryEntry, IdempotencyRecord)
    return tuple(row._default_manager.count() for row in rows)  # type: ignore[return-value]


def test_there_are_endpoints_to_try() -> None:
    """The tests below try what the routes say that there is."""
    assert len(endpoints(of_instance=True)) >= 15
    assert len(endpoints(of_instance=False)) >= 5


@pytest.mark.parametrize(("method", "path"), endpoints(of_instance=True))
def test_another_ones_instance_is_not_there(desk: Desk, method: str, path: str) -> None:
    """404 for another user, as for a number that nobody has; 401 for nobody; nothing is written, nothing is said."""
    before = written()
    theirs = ask(desk.bob, method, path, desk)
    missing = ask(desk.bob, method, path.replace("{pk}", "999999999"), desk)
    nobody = ask(None, method, path, desk)
    assert (theirs.status_code, missing.status_code, nobody.status_code) == (404, 404, 401)
    assert theirs.content == missing.content
    assert "WWW-Authenticate" in nobody
    assert "Printer" not in (theirs.content + nobody.content).decode()
    assert written() == before


@pytest.mark.parametrize(("method", "path"), endpoints(of_instance=True) + endpoints(of_instance=False))
def test_owner_and_staff_are_never_answered_by_an_error_of_ours(desk: Desk, method: str, path: str) -> None:
    """Who may see an instance gets an answer or a clear refusal on every endpoint."""
    no_stream = {501} if path.endswith("/stream/") else set()  # this server is WSGI's
    for user in (desk.ann, desk.staff):
        if "broken" not in path:
            assert ask(user, method, path, desk).status_code in {200, 204, 400, 403, 409} | no_stream


@pytest.mark.parametrize(("method", "path"), endpoints(of_instance=False))
def test_nobody_gets_nothing(desk: Desk, method: str, path: str) -> None:
    """Who is not signed in is answered by 401 at every other endpoint too."""
    assert ask(None, method, path, desk).status_code == 401


def test_lists_and_counts_hold_only_what_is_ones_own(desk: Desk) -> None:
    """No filter shows an instance of another."""
    for query in ("", "?status=active", "?data.title=Printer", "?search=", f"?key={desk.ticket.key}", "?tag=at_work"):
        told = client(desk.bob).get(TICKETS + query).json()
        assert not told.get("items"), query


@pytest.mark.parametrize("field", ["status", "sequence", "version", "machine", "id", "created_at", "state", "output"])
def test_columns_cannot_be_assigned(desk: Desk, field: str) -> None:
    """A creation takes a key and data, and an event its payload: nothing else is ever taken from a body."""
    ann = client(desk.ann)
    body = {"data": {"owner": str(desk.ann.pk), "title": "x"}, field: 1}
    assert ann.post(TICKETS, body, format="json").status_code == 400
    assert ann.post(f"{desk.address}events/commented/", {"text": "x", field: 1}, format="json").status_code == 400


@pytest.mark.parametrize("change", [{"secret": "x"}, {"checked": "x"}, {"comments": ["x"]}, {"owner": "1000"}])
def test_data_of_others_cannot_be_assigned(desk: Desk, change: Any) -> None:
    """What the policy does not let somebody begin with is a 403, and nothing is there."""
    data = {"owner": str(desk.ann.pk), "title": "x"} | change
    assert client(desk.ann).post(TICKETS, {"data": data}, format="json").status_code == 403
    assert MachineInstance.objects.count() == 1


def test_who_asks_cannot_be_claimed(desk: Desk) -> None:
    """Actor, origin and time are made here; in a payload they are unknown fields."""
    for field in ("actor", "origin", "time", "meta"):
        answer = client(desk.ann).post(f"{desk.address}events/commented/", {"text": "x", field: "sue"}, format="json")
        assert answer.status_code == 400
    client(desk.ann).post(f"{desk.address}events/commented/", {"text": "x"}, format="json")
    assert desk.ticket.entries.get(sequence=2).actor_label == "ann"


def test_views_differ_by_who_asks(desk: Desk) -> None:
    """What staff note is shown to staff alone: not in the instance, the list, the history, nor a refusal."""
    send(desk.ticket, Noted(secret="hunter2"), system=True)
    for path in (desk.address, TICKETS, f"{desk.address}history/", f"{desk.address}events/"):
        assert "hunter2" not in client(desk.ann).get(path).content.decode()
    assert client(desk.staff).get(desk.address).json()["view"]["secret"] == "hunter2"


def test_a_bug_names_no_secrets(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """A bug in a machine is a 500 that says nothing but a reference; one log record under it says everything."""
    send(desk.ticket, Noted(secret="hunter2"), system=True)
    with caplog.at_level(logging.ERROR):
        answer = client(desk.ann).post(f"{desk.address}events/broken/")
    told = answer.json()
    assert (answer.status_code, told["code"]) == (500, "machine_error")
    assert "hunter2" not in answer.content.decode()
    assert "trip" not in answer.content.decode()
    (record,) = caplog.records
    assert told["reference"] in record.getMessage()
    for known in ("helpdesk.ticket", "open", "trip", "events/broken/", "ZeroDivisionError"):
        assert known in record.getMessage(), known
    assert record.exc_info
    assert desk.ticket.entries.count() == 2


def test_a_bug_in_a_simulation_names_no_secrets(desk: Desk) -> None:
    """What a function raises on an instance's own data is not told to who plays on from there."""
    send(desk.ticket, Noted(secret="hunter2"), system=True)
    answer = client(desk.ann).post(f"{desk.address}simulate/", {"acts": [{"event": "broken"}]}, format="json")
    assert (answer.status_code, answer.json()["received"].split(";")[0]) == (400, "MachineError")
    assert "hunter2" not in answer.content.decode()


DEEP = '{"text": ' + "[" * 100_000 + "]" * 100_000 + "}"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("{", "application/json", 400),
        ('{"text": NaN}', "application/json", 400),
        ('{"text": "\\ud800"}', "application/json", 400),
        (b'{"text": "\xff"}', "application/json", 400),
        ('{"text": "\\u0000"}', "application/json", 400),
        ("3", "application/json", 400),
        ("null", "application/json", 400),
        (DEEP, "application/json", 400),
        ('{"text": ' + "9" * 5000 + "}", "application/json", 400),
        ('{"text": 1e400}', "application/json", 400),
        ("text=x", "application/x-www-form-urlencoded", 415),
        ("<text>x</text>", "application/xml", 415),
        ('{"text": "x"}', "text/plain", 415),
        ('{"text": "x"}', "nonsense", 415),
        ('{"text": "' + "x" * 3_000_000 + '"}', "application/json", 413),
        ('{"text": "x"}', "application/json; charset=utf-8", 200),
    ],
)
def test_bodies_may_be_anything(desk: Desk, body: Any, kind: str, status: int) -> None:
    """Bad JSON, deep JSON, oversize JSON, other types: an answer that says so, never a 500."""
    answer = client(desk.ann).generic("POST", f"{desk.address}events/commented/", body, content_type=kind)
    assert answer.status_code == status, answer.content[:200]
    if status != 200:
        assert answer["Content-Type"] == "application/problem+json"
        assert json.loads(answer.content)["advice"]


POSTS = [one for one in endpoints(of_instance=True) + endpoints(of_instance=False) if one[0] == "post"]


@pytest.mark.parametrize(("method", "path"), POSTS)
def test_every_endpoint_bounds_its_body(desk: Desk, method: str, path: str) -> None:
    """Oversize, deep and other bodies are refused wherever one is read, also by an operator's act."""
    address, sue = path.format(pk=desk.ticket.pk), client(desk.staff)
    for body, kind, status in (
        (b'"' + b"x" * 3_000_000 + b'"', "application/json", 413),
        (DEEP.encode(), "application/json", 400),
        (b"[1]", "application/json", 400),
        (b"x=1", "application/x-www-form-urlencoded", 415),
        (b"{}", "multipart/form-data; boundary=x", 415),
    ):
        answer = sue.generic("POST", address, body, content_type=kind)
        assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), kind
    assert written()[:2] == (1, 1)


@pytest.mark.parametrize("depth", [50, 500, 5_000])
@pytest.mark.parametrize("shape", ['{"a": %s}', "[%s]"])
def test_depth_is_no_way_in(desk: Desk, depth: int, shape: str) -> None:
    """Where a payload may be any JSON, as in a simulation, a deep one is played or told, never a 500."""
    nested = "1"
    for _ in range(depth):
        nested = shape.replace("%s", nested)
    for path, body in (
        ("simulate/", '{"acts": [], "start": %s}'),
        (
            "simulate/",
            '{"acts": [{"event": "commented", "payload": {"text": %s}}], "start": {"owner": "1", "title": "x"}}',
        ),
        ("simulate/", '{"acts": [{"effect": "check", "result": %s}], "start": {"owner": "1", "title": "x"}}'),
        ("simulate/", '{"acts": [], "start": {"owner": "1", "title": "x"}, "facts": {"a": %s}}'),
        ("instances/", '{"data": %s}'),
        (f"instances/{desk.ticket.pk}/events/", '{"type": "commented", "text": %s}'),
        (f"instances/{desk.ticket.pk}/events/check/", '{"x": %s}'),
    ):
        sent = body.replace("%s", nested)
        answer = client(desk.staff).generic("POST", MACHINE + path, sent, content_type="application/json")
        assert answer.status_code in {200, 400, 403}, (path, answer.content[:300])


@pytest.mark.parametrize("pk", ["0", "-1", "9" * 30, "9" * 5000, "1e3", "x", "%00", "..%2f", "1%0a"])
def test_numbers_in_addresses_may_be_anything(desk: Desk, pk: str) -> None:
    """What is no instance's number is not there."""
    assert client(desk.ann).get(f"{TICKETS}{pk}/").status_code == 404


@pytest.mark.parametrize("name", ["a/b", "..", "%2e%2e/x", "a%0ab", "ü☃", "*", "commented.*", "x" * 3000, "%00"])
def test_event_names_may_be_anything(desk: Desk, name: str) -> None:
    """A name that is no event's is told as such."""
    assert client(desk.staff).post(f"{desk.address}events/{name}/", {}, format="json").status_code in (400, 404)


def test_another_ones_key_replays_nothing(desk: Desk) -> None:
    """An idempotency key of another, at an instance that one does not see, is 404: no answer is replayed."""
    path = f"{desk.address}events/commented/"
    client(desk.ann).post(path, {"text": "x"}, format="json", HTTP_IDEMPOTENCY_KEY="k")
    answer = client(desk.bob).post(path, {"text": "x"}, format="json", HTTP_IDEMPOTENCY_KEY="k")
    assert (answer.status_code, "Idempotency-Replayed" in answer) == (404, False)


def test_accept_is_obeyed(desk: Desk) -> None:
    """What cannot be answered in a format that the client takes is 406."""
    ann = client(desk.ann)
    assert ann.get(desk.address, HTTP_ACCEPT="text/csv").status_code == 406
    assert ann.get(desk.address, HTTP_ACCEPT="application/problem+json").status_code == 200
    for taken in ("text/html, */*;q=0.8", "application/json; charset=utf-8", ""):
        assert ann.get(desk.address, HTTP_ACCEPT=taken).status_code == 200


def test_the_hosts_settings_do_not_matter(desk: Desk, settings: Any) -> None:
    """Renderers, parsers, pages, versions and handlers of the host are not used; its request transactions are not."""
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["tests.host.rest.Denied"],
        "DEFAULT_RENDERER_CLASSES": ["tests.host.rest.Mute"],
        "DEFAULT_PARSER_CLASSES": ["tests.host.rest.Deaf"],
        "DEFAULT_PAGINATION_CLASS": "tests.host.rest.OnePage",
        "DEFAULT_CONTENT_NEGOTIATION_CLASS": "tests.host.rest.Stubborn",
        "EXCEPTION_HANDLER": "tests.host.rest.fall_over",
        "PAGE_SIZE": 1,
        "UNAUTHENTICATED_USER": None,
    }
    assert client(desk.ann).get(TICKETS).status_code == 200
    answer = client(desk.ann).post(f"{desk.address}events/commented/", {"text": 3}, format="json")
    assert answer.status_code == 400
    assert client().get(TICKETS).status_code == 401
    for one in urlpatterns:
        assert {"default", "lite"} <= one.callback._non_atomic_requests  # type: ignore[union-attr]


def test_who_sees_it_no_more_is_told_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an event that takes the instance out of one's sight there is no content."""
    policy = find("helpdesk.ticket").policy
    monkeypatch.setattr(policy, "sees", lambda actor, instance: False)
    answer = client(desk.ann).post(f"{desk.address}events/commented/", {"text": "x"}, format="json")
    assert (answer.status_code, answer.content) == (204, b"")
    assert desk.ticket.entries.count() == 2
