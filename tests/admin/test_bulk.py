"""One act on many instances: told before, done once, in the background where they are many, each in its own history."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from statemachines.engine import create, jobs, outbox, send
from statemachines.management.commands.statemachines_sweep import sweep
from statemachines.models import BulkJob, Effect, MachineInstance
from tests.examples.machines import DoorData, NoteData, door, notes

from .conftest import ACTS, signed_in, staff
from .forms import Form

pytestmark = pytest.mark.django_db

LIST = "admin:statemachines_machineinstance_changelist"


def some_doors(count: int = 3, **data: Any) -> list[MachineInstance]:
    return [create(door.machine, f"door {number}", data=DoorData(**data), system=True) for number in range(count)]


def planned(client: Client, act: str, instances: list[MachineInstance]) -> str:
    """Choose an act for some instances in the list, and return the address of its page."""
    chosen = {"action": f"{act}_many", "_selected_action": [one.pk for one in instances]}
    address: str = client.post(reverse(LIST), chosen).headers["Location"]
    return address


def test_what_it_touches_is_told_before(operator: Client) -> None:
    """The page says how many it touches, in which states, and how many would be refused; nothing is done yet."""
    doors = some_doors()
    send(doors[0], "open", system=True)
    page = operator.get(planned(operator, "send", doors), {"event": "close"})
    groups = {(group.state, group.number): group.verdict for group in page.context["groups"]}
    assert groups == {("Closed", 2): "refused", ("Opened", 1): "done"}
    assert "2 would be refused." in page.content.decode()
    assert [door.entries.count() for door in doors] == [2, 1, 1]


def test_an_event_is_sent_to_many_once(operator: Client) -> None:
    """The payload has the event's form; each history has the operator, and a double click sends nothing twice."""
    doors = some_doors()
    send(doors[0], "open", system=True)
    address = planned(operator, "send", doors)
    fields = Form(operator.get(address, {"event": "lock"})).fields
    wrong = operator.post(address, fields | {"event": "lock", "payload-code": "", "step": "confirm"})
    assert wrong.context["typed"].errors["code"]
    for _ in range(2):
        done = operator.post(address, fields | {"event": "lock", "payload-code": "7", "step": "confirm"}, follow=True)
    assert [done.context["job"].done, done.context["job"].refused] == [2, 1]
    assert "door 0" in done.content.decode()
    assert [one.entries.count() for one in doors] == [2, 2, 2]
    entry = doors[1].entries.latest("sequence")
    assert (entry.event, entry.payload, entry.actor_label, entry.origin) == (
        "lock",
        {"code": "7"},
        "olga",
        "admin.bulk",
    )


@pytest.mark.parametrize(("act", "status"), [("pause", "paused"), ("cancel", "cancelled")])
def test_lifecycle_of_many(operator: Client, act: str, status: str) -> None:
    """Pausing and cancelling many asks for one reason, which is in each history."""
    doors = some_doors()
    address = planned(operator, act, doors)
    assert operator.post(address, {"step": "confirm"}).context["form"].errors["reason"]
    operator.post(address, {"reason": "Flood.", "step": "confirm"})
    assert {one.status for one in MachineInstance.objects.all()} == {status}
    assert {one.entries.latest("sequence").reason for one in doors} == {"Flood."}


def test_resume_of_many(operator: Client) -> None:
    """Those that are paused go on; the others are counted as refused, before and after."""
    doors = some_doors()
    operator.post(planned(operator, "pause", doors[:2]), {"reason": "x", "step": "confirm"})
    address = planned(operator, "resume", doors)
    assert operator.get(address).context["refused"] == 1
    operator.post(address, {"reason": "y", "step": "confirm"})
    job = BulkJob.objects.latest("pk")
    assert (job.done, job.refused) == (2, 1)


def test_failed_effects_of_many_are_retried(operator: Client, tmp_path: Any) -> None:
    """All effects that need attention are tried anew; instances without one are refused."""
    made = [
        create(notes.machine, name, data=NoteData(file=str(tmp_path / name), fail=fail), system=True)
        for name, fail in (("bad", 9), ("worse", 9), ("good", 0))
    ]
    for one in made:
        send(one, "go", system=True)
        for _ in range(5):
            Effect.objects.filter(instance=one).update(due_at=one.created_at)
            outbox.run_effect(one.effects.get().pk, "default")
    address = planned(operator, "retry", made)
    assert operator.get(address).context["refused"] == 1
    operator.post(address, {"reason": "They are back.", "step": "confirm"})
    assert Effect.objects.filter(status="waiting", needs_attention=False).count() == 2
    assert not Effect.objects.filter(needs_attention=True).exists()


def test_many_run_in_the_background_with_progress(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a batch is done by whoever sweeps; the page shows how far it is, and refreshes until it is done."""
    monkeypatch.setattr(jobs, "BATCH", 2)
    doors = some_doors(5)
    address = planned(operator, "pause", doors)
    page = operator.post(address, {"reason": "Flood.", "step": "confirm"}, follow=True)
    assert (page.context["job"].position, page.context["job"].status) == (0, "running")
    [pk] = jobs.claim("default")
    assert jobs.claim("default") == []  # a batch is one worker's
    assert jobs.run(pk, "default")
    page = operator.get(address)
    assert "2 of 5" in page.content.decode()
    assert '<meta http-equiv="refresh"' in page.content.decode()
    while jobs.run(pk, "default"):
        pass
    page = operator.get(address)
    assert (page.context["job"].done, page.context["job"].status) == (5, "done")
    assert "http-equiv" not in page.content.decode()


def test_the_work_of_a_dead_worker_is_taken_up(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a worker died in the middle of a batch, the sweep goes on after its lease, and does nothing twice."""
    monkeypatch.setattr(jobs, "BATCH", 2)
    doors = some_doors(3)
    operator.post(planned(operator, "send", doors), {"event": "open", "step": "confirm"})
    assert jobs.claim("default")
    jobs.ACTS["send"](BulkJob.objects.get(), doors[0].pk, "default")  # it died before it noted that
    BulkJob.objects.update(leased_until=timezone.now() - jobs.LEASE)
    sweep("default", threading.Event())
    job = BulkJob.objects.get()
    assert (job.status, job.done, job.refused) == ("done", 3, 0)
    assert [one.entries.count() for one in doors] == [2, 2, 2]


def test_only_who_planned_it_confirms_it(operator: Client, olga: User) -> None:
    """A plan is its maker's: another operator may look at what is running, and confirms nothing of theirs."""
    address = planned(operator, "pause", some_doors())
    other = signed_in(staff("otto", "view_machineinstance", *ACTS))
    assert other.post(address, {"reason": "x", "step": "confirm"}).status_code == 403
    assert BulkJob.objects.get().status == "planned"


def test_without_the_permission_there_is_no_act(reader: Client) -> None:
    """Who may only look is offered no act, and posting one does nothing."""
    doors = some_doors()
    assert reader.get(reverse(LIST)).context["action_form"] is None
    chosen = {"action": "cancel_many", "_selected_action": [one.pk for one in doors]}
    reader.post(reverse(LIST), chosen)
    assert not BulkJob.objects.exists()


def test_more_than_a_job_may_have_are_not_begun(operator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that the filters leave may be chosen, up to a limit that is told."""
    monkeypatch.setattr(jobs, "MOST", 2)
    doors = some_doors()
    chosen = {"action": "pause_many", "select_across": "1", "_selected_action": [doors[0].pk]}
    page = operator.post(reverse(LIST), chosen, follow=True)
    assert "more than 2" in page.content.decode()
    assert not BulkJob.objects.exists()
