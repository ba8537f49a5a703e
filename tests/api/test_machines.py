"""Machines over HTTP: what they are and what they would do."""

from __future__ import annotations

from typing import Any

import pytest

from statemachines.models import HistoryEntry, MachineInstance

from .conftest import Desk, client

TICKET = "/machines/helpdesk.ticket/"


def test_machines_are_listed(desk: Desk) -> None:
    """Those are listed that one may explore; a machine without a policy is nowhere."""
    names = [one["name"] for one in client(desk.ann).get("/machines/").json()["items"]]
    assert [name for name in names if name.startswith("helpdesk")] == ["helpdesk.bell", "helpdesk.ticket"]
    assert not [name for name in names if name.startswith("examples")]
    assert [one["name"] for one in client().get("/machines/").json()["items"]] == ["helpdesk.bell"]
    assert client(desk.staff).get("/machines/examples.door/").status_code == 404
    assert client(desk.staff).get("/machines/examples.door/instances/").status_code == 404


def test_a_definition_is_told(desk: Desk) -> None:
    """As XState JSON, in words, and as a picture."""
    told = client(desk.ann).get(TICKET).json()
    assert (told["name"], told["version"], told["versions"]) == ("helpdesk.ticket", 1, [1])
    assert told["xstate"]["initial"] == "open"
    assert told["words"].startswith("# Ticket\n")
    answer = client(desk.ann).get(f"{TICKET}picture.svg")
    assert answer["Content-Type"] == "image/svg+xml"
    assert b"<svg" in answer.content


def play(desk: Desk, acts: list[Any], path: str = "", **more: Any) -> Any:
    return client(desk.ann).post(f"{TICKET}{path}simulate/", {"acts": acts} | more, format="json")


def test_a_simulation_from_the_start(desk: Desk) -> None:
    """Events, passing time and ends of effects are played, refusals told; nothing is written."""
    acts = [
        {"event": "closed"},
        {"event": "commented", "payload": {"text": "Hi"}},
        {"event": "check"},
        {"effect": "check", "result": "ok"},
        {"seconds": 7 * 86_400},
        {"event": "archive"},
    ]
    answer = play(desk, acts, start={"owner": "1", "title": "x"})
    scenes = answer.json()["scenes"]
    states = [["open"], ["open"], ["open"], ["checking"], ["open"], ["closed"], ["archived"]]
    assert [scene["state"] for scene in scenes] == states
    assert (scenes[1]["code"], scenes[3]["effects"], scenes[6]["ended"]) == ("not_possible", ["check"], True)
    assert (MachineInstance.objects.count(), HistoryEntry.objects.count()) == (1, 1)


def test_a_simulation_from_an_instance(desk: Desk) -> None:
    """It begins where the instance is; events that one may not send are refused here too."""
    acts = [{"event": "noted", "payload": {"secret": "x"}}, {"event": "commented", "payload": {"text": "Hi"}}]
    scenes = play(desk, acts, f"instances/{desk.ticket.pk}/").json()["scenes"]
    assert [scene.get("code") for scene in scenes] == [None, "not_allowed", None]
    assert list(scenes[0]["timers"])
    desk.ticket.refresh_from_db()
    assert desk.ticket.sequence == 1


@pytest.mark.parametrize(
    "body",
    [
        {"acts": [{}]},
        {"acts": [{"event": "closed", "seconds": 1}]},
        {"acts": [{"seconds": -1}]},
        {"acts": [{"seconds": 1e300}]},
        {"acts": [{"effect": "nobody"}]},
        {"acts": [{"event": "xstate.init"}]},
        {"acts": [{"event": "broken"}]},
        {"acts": [{"seconds": 1}] * 101},
        {"acts": [], "start": {"owner": 3}},
        {"acts": [], "start": None},
        {"acts": "all"},
        {},
    ],
)
def test_what_cannot_be_played_is_told(desk: Desk, body: Any) -> None:
    """Nonsense is answered by 400."""
    answer = client(desk.ann).post(f"{TICKET}simulate/", {"start": {"owner": "1", "title": "x"}} | body, format="json")
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
