"""Instances over HTTP: created, listed, read and operated by those who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from statemachines.actors import actor_of
from statemachines.engine import create, pause, send
from statemachines.models import MachineInstance
from tests.api.machines import Commented

from .conftest import TICKETS, Desk, client


def own(user: Any, **more: Any) -> dict[str, Any]:
    return {"data": {"owner": str(user.pk), "title": "Mouse"} | more}


def test_an_instance_is_created(desk: Desk) -> None:
    """Who may create gets 201 with the place, the ETag and the public view, which never holds more than it declares."""
    answer = client(desk.ann).post(TICKETS, own(desk.ann) | {"key": "mouse"}, format="json")
    made = MachineInstance.objects.get(key="mouse")
    assert answer.status_code == 201
    assert answer["Location"] == f"http://testserver{TICKETS}{made.pk}/"
    told = answer.json()
    assert (told["id"], told["key"], told["status"], told["sequence"]) == (made.pk, "mouse", "active", 1)
    assert told["view"] == {"title": "Mouse", "state": ["open"], "comments": [], "checked": "", "secret": None}
    again = client(desk.ann).get(answer["Location"])
    assert (again.json(), again["ETag"]) == (told, answer["ETag"])
    assert made.entries.get().origin == "rest"


def test_a_key_is_taken_once(desk: Desk) -> None:
    """A key that another instance has is answered by 409 exists."""
    ann = client(desk.ann)
    ann.post(TICKETS, own(desk.ann) | {"key": "mouse"}, format="json")
    answer = ann.post(TICKETS, own(desk.ann) | {"key": "mouse"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "exists")


@pytest.mark.parametrize("key", ["ünï/cödé ☃", "a/../b", "..", "line\nbreak", "%2e%2e", "' OR 1=1 --", "*" * 255])
def test_keys_may_be_odd(desk: Desk, key: str) -> None:
    """Any text of 1 to 255 characters is a key: it travels in bodies, never as part of an address."""
    ann = client(desk.ann)
    made = ann.post(TICKETS, own(desk.ann) | {"key": key}, format="json").json()
    assert made["key"] == key
    (found,) = ann.get(TICKETS, {"key": key}).json()["items"]
    assert found["id"] == made["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "data"),
        ({"data": {"owner": "1"}}, "data.title"),
        ({"data": {"owner": "1", "title": 3}}, "data.title"),
        ({"data": {"owner": "1", "title": "x", "priority": 6}}, "data.priority"),
        ({"data": {"owner": "1", "title": "x", "priority": 10**30}}, "data.priority"),
        ({"data": {"owner": "1", "title": "NUL \0"}}, "title"),
        ({"data": {"owner": "1", "title": "x"}, "key": ""}, "key"),
        ({"data": {"owner": "1", "title": "x"}, "key": "x" * 256}, "key"),
        ({"data": {"owner": "1", "title": "x"}, "state": "closed"}, "state"),
        ({"data": {"owner": "1", "title": "x"}, "sequence": 7}, "sequence"),
        ([], ""),
    ],
)
def test_a_bad_creation_is_told(desk: Desk, body: Any, field: str) -> None:
    """What does not fit is answered by 400 with the field, what was expected and what was received."""
    answer = client(desk.ann).post(TICKETS, body, format="json")
    told = answer.json()
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert told["code"] == "invalid"
    assert field in told["field"]
    assert told["expected"]
    assert told["received"]
    assert MachineInstance.objects.count() == 1


def test_lists_are_filtered_in_sql(desk: Desk) -> None:
    """State, tag, status, version, key, times and indexed fields are filters, and each costs no further query."""
    ann = client(desk.ann)
    other = desk.made(desk.ann, "Mouse", "m-1")
    send(other, Commented(text="dead"), system=True)
    send(other, "closed", system=True)
    pause(other, reason="because", system=True)
    MachineInstance.objects.filter(pk=other.pk).update(created_at=timezone.now() - timedelta(days=9))
    yesterday = (timezone.now() - timedelta(days=1)).isoformat()
    wanted = {
        "state=closed": [other],
        "state=open": [desk.ticket],
        "tag=at_work": [desk.ticket],
        "tag=unheard_of": [],
        "status=paused": [other],
        "version=1": [other, desk.ticket],
        "version=2": [],
        "key=m-1": [other],
        "search=-1": [other],
        "data.title=Printer": [desk.ticket],
        "data.priority=3": [other, desk.ticket],
        "data.hours=0.5": [other, desk.ticket],
        "data.hours=2.5": [],
        "data.room=7": [],
        "data.isnull=no": [other, desk.ticket],
    }
    for query, instances in wanted.items():
        found = ann.get(f"{TICKETS}?{query}").json()["items"]
        assert [one["id"] for one in found] == [one.pk for one in instances], query
    assert [one["id"] for one in ann.get(TICKETS, {"created_from": yesterday}).json()["items"]] == [desk.ticket.pk]
    assert [one["id"] for one in ann.get(TICKETS, {"created_before": yesterday}).json()["items"]] == [other.pk]


@pytest.mark.parametrize("search", ["%", "_", "\\", "*", "%25"])
def test_a_search_has_no_wildcards(desk: Desk, search: str) -> None:
    """Characters that mean something to a database are searched for as they are."""
    desk.made(desk.ann, "Mouse", "plain")
    assert client(desk.ann).get(TICKETS, {"search": search}).json()["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "limit=x", "cursor=-1", "cursor=99999999999999999999", "status=asleep", "version=0",
        "version=99999999999999", "created_from=yesterday", "created_from=2026-01-01T00:00:00", "updated_from=0.5",
        "created_before=0001-01-01T00:00:00%2B10:00", "key=%00", "owner=1",
        "data.owner=1", "data.priority=high", "data.hours=nan", "data.room=none",
        "state=a&state=b", "tag=", "data__owner=1",
    ],
)  # fmt: skip
def test_a_bad_query_is_told(desk: Desk, query: str) -> None:
    """A filter that is unknown, given twice, or does not fit, is answered by 400, not ignored."""
    answer = client(desk.ann).get(f"{TICKETS}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_a_query_has_so_many_parameters_at_most(desk: Desk) -> None:
    """Those of which Django reads no more are a 400 as well."""
    answer = client(desk.ann).get(f"{TICKETS}?{'a=1&' * 1500}")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_a_field_that_may_be_missing_is_a_filter(desk: Desk) -> None:
    """It is asked by its type without None."""
    data = {"owner": str(desk.ann.pk), "title": "Fan", "room": 7}
    made = create("helpdesk.ticket", data=data, actor=actor_of(desk.ann))
    assert [one["id"] for one in client(desk.ann).get(f"{TICKETS}?data.room=7").json()["items"]] == [made.pk]


def test_a_time_may_have_any_offset(desk: Desk) -> None:
    """Also one that PostgreSQL would refuse."""
    found = client(desk.ann).get(f"{TICKETS}?created_from=1405-02-27T04:10:33-18:46").json()
    assert [one["id"] for one in found["items"]] == [desk.ticket.pk]


def test_a_whole_number_may_have_a_fraction(desk: Desk) -> None:
    """1.0 is an integer, as JSON Schema has it; what is too great for a number is a 400."""
    body = '{"data": {"owner": "%s", "title": "Mouse", "priority": %s}}'
    for number, status in (("2.0", 201), ("2.5", 400), ("1e999", 400)):
        answer = client(desk.ann).post(TICKETS, body % (desk.ann.pk, number), content_type="application/json")
        assert answer.status_code == status, number


def test_pages_are_followed_by_cursor(desk: Desk) -> None:
    """Following `next` shows each instance once, also while others are added."""
    ann, made = client(desk.ann), [desk.ticket, *(desk.made(desk.ann, f"No {number}") for number in range(4))]
    page = ann.get(f"{TICKETS}?limit=2&tag=at_work").json()
    seen = [one["id"] for one in page["items"]]
    desk.made(desk.ann, "Late")
    while page["next"]:
        page = ann.get(page["next"]).json()
        seen += [one["id"] for one in page["items"]]
    assert seen == [one.pk for one in reversed(made)]


def test_the_history_is_read_in_pages(desk: Desk) -> None:
    """The history shows what the machine declares of each entry, oldest first."""
    ann = client(desk.ann)
    send(desk.ticket, Commented(text="psst"), system=True)
    page = ann.get(f"{desk.address}history/?limit=1").json()
    assert [(one["sequence"], one["view"]["event"]) for one in page["items"]] == [(1, "xstate.init")]
    page = ann.get(page["next"]).json()
    assert [(one["sequence"], sorted(one["view"])) for one in page["items"]] == [(2, ["at", "event"])]
    assert page["next"] is None


def test_staff_operate(desk: Desk) -> None:
    """Who may operate pauses, resumes and cancels, each with a reason; what makes no sense is refused by 409."""
    sue = client(desk.staff)
    assert sue.post(f"{desk.address}pause/", {"reason": "a fire"}, format="json").json()["status"] == "paused"
    answer = sue.post(f"{desk.address}pause/", {"reason": "a fire"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "paused")
    assert sue.post(f"{desk.address}resume/", {"reason": "out"}, format="json").json()["status"] == "active"
    assert sue.post(f"{desk.address}cancel/", {"reason": "gone"}, format="json").json()["status"] == "cancelled"
    assert sue.post(f"{desk.address}cancel/", {}, format="json").status_code == 400


def test_a_version_that_this_code_lacks(desk: Desk) -> None:
    """An instance of an unknown version is answered by 503 with Retry-After, for another server may know it."""
    MachineInstance.objects.update(version=9)
    answer = client(desk.ann).get(desk.address)
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (503, "unknown_version", "30")


def test_a_list_costs_one_query(desk: Desk, django_assert_num_queries: Any) -> None:
    """However many instances there are."""
    for number in range(5):
        desk.made(desk.ann, f"No {number}")
    ann = client(desk.ann)
    with django_assert_num_queries(4):
        assert len(ann.get(TICKETS).json()["items"]) == 6
