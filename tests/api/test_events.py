"""Events over HTTP: one route for each, what is possible, once only, and only on what the client has seen."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connection

from statemachines.engine import pause, send
from statemachines.engine.outbox import run_effect
from statemachines.models import Effect, IdempotencyRecord
from tests.api.machines import Commented

from .conftest import Desk, client


def say(text: str) -> dict[str, Any]:
    return {"data": {"text": text}, "format": "json"}


def test_each_event_has_a_route(desk: Desk) -> None:
    """The body is the payload; the answer is the instance as it is then, with its new ETag."""
    ann = client(desk.ann)
    before = ann.get(desk.address)["ETag"]
    answer = ann.post(f"{desk.address}events/commented/", {"text": "Hello"}, format="json")
    assert answer.status_code == 200
    assert (answer.json()["sequence"], answer.json()["view"]["comments"]) == (2, ["Hello"])
    assert answer["ETag"] == ann.get(desk.address)["ETag"] != before


def test_any_event_has_a_route(desk: Desk) -> None:
    """Where the name stands in `type`, the rest of the body is the payload."""
    answer = client(desk.ann).post(f"{desk.address}events/", {"type": "commented", "text": "Hello"}, format="json")
    assert answer.json()["view"]["comments"] == ["Hello"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("events/commented/", {}, 400, "invalid"),
        ("events/commented/", {"text": 3}, 400, "invalid"),
        ("events/commented/", {"text": "x", "by": "sue"}, 400, "invalid"),
        ("events/commented/", {"text": "x", "type": "noted"}, 400, "invalid"),
        ("events/commented/", {"text": "x" * 1001}, 400, "invalid"),
        ("events/", {"text": "x"}, 400, "invalid"),
        ("events/", {"type": 3}, 400, "invalid"),
        ("events/", {"type": "*"}, 400, "invalid"),
        ("events/", {"type": "unheard_of"}, 400, "unknown_event"),
        ("events/unheard_of/", {}, 400, "unknown_event"),
        ("events/commented/", {"text": "spam"}, 409, "spam"),
        ("events/closed/", {}, 409, "not_possible"),
        ("events/reopened/", {}, 409, "not_possible"),
    ],
)
def test_what_is_wrong_is_told(desk: Desk, path: str, body: Any, status: int, code: str) -> None:
    """A bad payload is a 400, a refusal a 409; nothing changes."""
    answer = client(desk.ann).post(f"{desk.address}{path}", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (answer.json()["status"], answer["Content-Type"]) == (status, "application/problem+json")
    assert desk.ticket.entries.count() == 1


@pytest.mark.parametrize(
    "name", ["xstate.done.actor.check", "xstate.init", "xstate.after.7d.open", "statemachines.pause"]
)
@pytest.mark.parametrize("way", ["path", "body"])
def test_reserved_names_never_come_from_outside(desk: Desk, name: str, way: str) -> None:
    """Completions, timers and operators' acts cannot be sent, whoever asks."""
    sue = client(desk.staff)
    if way == "path":
        answer = sue.post(f"{desk.address}events/{name}/", {}, format="json")
    else:
        answer = sue.post(f"{desk.address}events/", {"type": name}, format="json")
    assert (answer.status_code, answer.json()["field"]) == (400, "type")


def test_a_refusal_explains(desk: Desk) -> None:
    """A 409 names the event, the state, the guards that said no, and what who asks may send instead."""
    told = client(desk.ann).post(f"{desk.address}events/closed/").json()
    assert (told["event"], told["state"], told["guards"]) == ("closed", ["open"], ["discussed"])
    assert set(told["possible"]) == {"commented", "broken"}, "noted and check are for staff"
    assert told["advice"]


def test_possible_events_are_told(desk: Desk) -> None:
    """Each event that one may send is told with its payload's schema and whether it would be taken, or why not."""
    told = client(desk.ann).get(f"{desk.address}events/").json()
    events = {one["type"]: one for one in told["events"]}
    assert set(events) == {"commented", "closed", "reopened", "broken"}
    assert events["commented"]["verdict"] == "taken"
    assert events["commented"]["schema"]["properties"]["text"]["maxLength"] == 1000
    assert (events["closed"]["verdict"], events["closed"]["guards"]) == ("refused", ["discussed"])
    assert (events["reopened"]["verdict"], events["reopened"]["why"]) == ("refused", "No active state takes it.")
    pause(desk.ticket, reason="because", system=True)
    told = client(desk.ann).get(f"{desk.address}events/").json()
    assert {one["verdict"] for one in told["events"]} == {"refused"}


def test_a_request_sent_again_is_done_once(desk: Desk) -> None:
    """Under an Idempotency-Key the second answer is marked as a replay, and comes before If-Match is looked at."""
    ann = client(desk.ann)
    tag, path = ann.get(desk.address)["ETag"], f"{desk.address}events/commented/"
    once = {"HTTP_IDEMPOTENCY_KEY": '"abc"', "HTTP_IF_MATCH": tag}
    first = ann.post(path, **say("Hello"), **once)
    second = ann.post(path, **say("Hello"), **once)
    assert (first.status_code, "Idempotency-Replayed" in first) == (200, False)
    assert (second.status_code, second["Idempotency-Replayed"]) == (200, "true")
    assert second.json() == first.json()
    other = ann.post(path, **say("Bye"), **once)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    assert desk.ticket.entries.count() == 2


def test_a_creation_sent_again_creates_once(desk: Desk) -> None:
    """So it is with creation."""
    ann, body = client(desk.ann), {"data": {"owner": str(desk.ann.pk), "title": "Mouse"}}
    address = desk.address.rpartition(f"{desk.ticket.pk}/")[0]
    answers = [ann.post(address, body, format="json", HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert ["Idempotency-Replayed" in answer for answer in answers] == [False, True]
    body["data"]["title"] = "Keyboard"
    assert ann.post(address, body, format="json", HTTP_IDEMPOTENCY_KEY="k").status_code == 422


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "tab\there", "\u0001"])
def test_a_bad_idempotency_key_is_told(desk: Desk, key: str) -> None:
    """A key is 1 to 255 printable characters."""
    answer = client(desk.ann).post(f"{desk.address}events/commented/", **say("x"), HTTP_IDEMPOTENCY_KEY=key)
    assert (answer.status_code, answer.json()["field"]) == (400, "Idempotency-Key")


def test_keys_are_each_ones_own(desk: Desk) -> None:
    """Who uses the key of another gets nothing of theirs: it is a request of their own."""
    path = f"{desk.address}events/commented/"
    client(desk.ann).post(path, **say("Hello"), HTTP_IDEMPOTENCY_KEY="k")
    answer = client(desk.staff).post(path, **say("Bye"), HTTP_IDEMPOTENCY_KEY="k")
    assert (answer.status_code, "Idempotency-Replayed" in answer) == (200, False)
    assert IdempotencyRecord.objects.count() == 2


def test_if_match_holds_what_was_seen(desk: Desk) -> None:
    """An event is sent on the condition that the instance is as the client saw it; else 412, and nothing changes."""
    ann, path = client(desk.ann), f"{desk.address}events/commented/"
    tag, staffs = ann.get(desk.address)["ETag"], client(desk.staff).get(desk.address)["ETag"]
    assert ann.post(path, **say("one"), HTTP_IF_MATCH=tag).status_code == 200
    for stale in (tag, staffs, '"2"', "nonsense", '""', tag.replace("1", "\u00b2", 1)):
        answer = ann.post(path, **say("two"), HTTP_IF_MATCH=stale)
        assert (answer.status_code, answer.json()["code"]) == (412, "changed")
    assert ann.post(path, **say("two"), HTTP_IF_MATCH="*").status_code == 200
    assert desk.ticket.entries.count() == 3


def test_an_unchanged_instance_is_not_sent_again(desk: Desk) -> None:
    """If-None-Match with the ETag is answered by 304; an ETag is one person's, for views differ."""
    ann, sue = client(desk.ann), client(desk.staff)
    tag = ann.get(desk.address)["ETag"]
    answer = ann.get(desk.address, HTTP_IF_NONE_MATCH=tag)
    assert (answer.status_code, answer.content) == (304, b"")
    assert ann.get(desk.address, HTTP_IF_NONE_MATCH="*").status_code == 304
    assert sue.get(desk.address, HTTP_IF_NONE_MATCH=tag).status_code == 200
    send(desk.ticket, Commented(text="x"), system=True)
    assert ann.get(desk.address, HTTP_IF_NONE_MATCH=tag).status_code == 200


def test_respond_async(desk: Desk) -> None:
    """With `Prefer: respond-async` the event is committed, then answered by 202 with the place to look at."""
    answer = client(desk.staff).post(f"{desk.address}events/check/", HTTP_PREFER="respond-async")
    assert (answer.status_code, answer["Preference-Applied"]) == (202, "respond-async")
    assert (answer.json()["view"]["state"], answer["Location"]) == (["checking"], f"http://testserver{desk.address}")
    assert Effect.objects.get().status == "waiting"


@pytest.mark.parametrize(
    ("prefer", "status", "applied"),
    [
        ("wait=0", 200, "wait=0"),
        ('wait="0"; x=y, handling=lenient', 200, "wait=0"),
        ("wait=0, respond-async", 202, "respond-async"),
        ("wait=0, wait=60", 200, "wait=0"),
        ("no-respond-async", 200, None),
        ("wait=-1", 200, None),
        ("wait=soon", 200, None),
        ("wait", 200, None),
        (" , ;=,", 200, None),
    ],
)
def test_preferences_are_read_as_said(desk: Desk, prefer: str, status: int, applied: str | None) -> None:
    """No wait is a wait too, and asynchronous is what is not done by then; what makes no sense is left aside."""
    answer = client(desk.staff).post(f"{desk.address}events/check/", HTTP_PREFER=prefer)
    assert (answer.status_code, answer.get("Preference-Applied")) == (status, applied)
    assert answer.get("Effects-Pending") == ("1" if "wait=0" in prefer.replace('"', "") else None)


@pytest.mark.parametrize("prefer", ["wait=61", f"wait={'9' * 7000}"])
def test_a_wait_has_its_limit(desk: Desk, prefer: str) -> None:
    """A longer one is a minute."""
    answer = client(desk.ann).post(f"{desk.address}events/commented/", **say("x"), HTTP_PREFER=prefer)
    assert (answer["Preference-Applied"], answer["Effects-Pending"]) == ("wait=60", "0")


def test_wait_ends_with_the_time(desk: Desk) -> None:
    """With `Prefer: wait=N` the answer comes after N seconds at the latest, and says how much is pending."""
    began = time.monotonic()
    answer = client(desk.staff).post(f"{desk.address}events/check/", HTTP_PREFER="wait=1")
    assert 1 <= time.monotonic() - began < 3
    assert (answer["Preference-Applied"], answer["Effects-Pending"]) == ("wait=1", "1")
    assert answer.json()["view"]["state"] == ["checking"]


@pytest.mark.django_db(transaction=True)
def test_wait_ends_with_the_effect(desk: Desk) -> None:
    """The answer comes as soon as nothing invoked is pending, with what came of it."""

    def work() -> None:
        while not (pks := list(Effect.objects.values_list("pk", flat=True))):
            time.sleep(0.01)
        run_effect(pks[0], "default")
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    answer = client(desk.staff).post(f"{desk.address}events/check/", HTTP_PREFER="wait=20")
    worker.join()
    assert (answer["Effects-Pending"], answer.json()["view"]["checked"]) == ("0", "PRINTER")
