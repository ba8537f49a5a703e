"""Who sees and does what: a machine's policy and a backend's permissions of single objects hold in the admin too."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from statemachines import Actor
from statemachines.engine import create
from statemachines.models import BulkJob, MachineInstance, RefusedAttempt
from statemachines.policy import Policy, Subject
from statemachines.querysets import MachineInstanceQuerySet
from tests.examples.machines import DoorData, door

from .conftest import ACTS, signed_in, staff
from .forms import Form

pytestmark = pytest.mark.django_db


class Doors(Policy):
    """Who works here sees the doors whose key begins with their name, opens all of them, and operates one's own."""

    def may_explore(self, actor: Actor) -> bool:
        return actor.label != "stan"

    def visible(self, actor: Actor, instances: MachineInstanceQuerySet) -> MachineInstanceQuerySet:
        return instances.filter(key__startswith=actor.label)

    def events(self, actor: Actor, subject: Subject) -> Collection[str]:
        return ("open",)

    def may_operate(self, actor: Actor, subject: Subject) -> bool:
        return subject.key == f"{actor.label} own"


class OneDoor:
    """An authentication backend that knows permissions of single objects: everybody may view and send to "shared"."""

    def authenticate(self, request: Any, **credentials: Any) -> None:
        return None

    def has_perm(self, user: Any, perm: str, obj: Any = None) -> bool:
        return getattr(obj, "key", "") == "shared" and perm.endswith(("view_machineinstance", "send_event"))


@pytest.fixture
def fred(db: None, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Somebody with every permission, whom the doors' policy gives less."""
    monkeypatch.setattr(door, "policy", Doors())
    return signed_in(staff("fred", "view_machineinstance", *ACTS))


@pytest.fixture
def own(fred: Client) -> MachineInstance:
    return create(door.machine, "fred own", data=DoorData(), system=True)


@pytest.fixture
def seen(fred: Client) -> MachineInstance:
    """A door that fred sees and may open, but not operate."""
    return create(door.machine, "fred seen", data=DoorData(), system=True)


@pytest.fixture
def hidden(fred: Client) -> MachineInstance:
    return create(door.machine, "anns", data=DoorData(), system=True)


def url(name: str, instance: MachineInstance, *args: Any) -> str:
    return reverse(f"admin:statemachines_machineinstance_{name}", args=[instance.pk, *args])


def listed(client: Client, model: str, **filters: str) -> list[Any]:
    page = client.get(reverse(f"admin:statemachines_{model}_changelist"), filters)
    return list(page.context["cl"].result_list)


def test_what_the_policy_hides_is_in_no_list_and_no_page(
    fred: Client, own: MachineInstance, seen: MachineInstance, hidden: MachineInstance
) -> None:
    """Lists, searches, counts and addresses know only the instances that the policy lets somebody see."""
    assert listed(fred, "machineinstance") == [seen, own]
    assert listed(fred, "machineinstance", q="anns") == []
    assert {entry.instance for entry in listed(fred, "historyentry")} == {seen, own}
    for address in (url("change", hidden), url("send", hidden, "open"), url("force", hidden), url("entry", hidden, 1)):
        assert fred.get(address).status_code == 404
        assert fred.post(address, {"reason": "x"}).status_code == 404
    entry = reverse("admin:statemachines_historyentry_change", args=[hidden.entries.get().pk])
    assert fred.get(entry).status_code == 302  # "perhaps it was deleted"
    machine = fred.get(reverse("admin:statemachines_machineoverview_change", args=["examples.door"]))
    assert [count.number for _path, count in machine.context["states"]] == [2]
    overview = fred.get(reverse("admin:statemachines_machineoverview_changelist")).context["machines"]
    assert [row["total"] for row in overview if row["name"] == "examples.door"] == [2]


def test_who_may_not_explore_sees_no_machine(fred: Client, own: MachineInstance) -> None:
    """A machine's picture is shown to those whom its policy lets read its definition."""
    stan = signed_in(staff("stan", "view_machineinstance"))
    assert stan.get(reverse("admin:statemachines_machineoverview_change", args=["examples.door"])).status_code == 403
    overview = stan.get(reverse("admin:statemachines_machineoverview_changelist")).context["machines"]
    assert "examples.door" not in [row["name"] for row in overview]


def test_acts_are_the_policys_to_allow(fred: Client, own: MachineInstance, seen: MachineInstance) -> None:
    """With every permission, what the policy denies has no button, is refused, and leaves a trace."""
    assert fred.get(url("act", own, "pause")).status_code == 200
    text = fred.get(url("change", seen)).content.decode()
    acts = (url("act", seen, "pause"), url("force", seen), url("data", seen))
    for act in acts:
        assert act not in text
        assert fred.post(act, {"reason": "x"}).status_code == 403
    assert RefusedAttempt.objects.filter(instance=seen, code="permission_denied").count() == len(acts)
    assert seen.entries.count() == 1


def test_events_are_the_policys_to_allow(fred: Client, seen: MachineInstance) -> None:
    """An event that the policy does not name has no form; sent all the same it is denied, with a trace."""
    page = fred.get(url("change", seen))
    assert [one.name for one in page.context["taken"]] == ["open"]
    lock = url("send", seen, "lock")
    page = fred.post(lock, Form(page, url("send", seen, "open")).fields | {"payload-code": "1"})
    assert "fred may not send" in page.content.decode()
    assert RefusedAttempt.objects.get(instance=seen).code == "not_allowed"
    assert seen.entries.count() == 1


def test_many_are_asked_for_each(
    fred: Client, own: MachineInstance, seen: MachineInstance, hidden: MachineInstance
) -> None:
    """In bulk the policy is asked for each: what is hidden is not in it, what is denied is counted and traced."""
    chosen = {"action": "pause_many", "_selected_action": [own.pk, seen.pk, hidden.pk]}
    planned = fred.post(reverse("admin:statemachines_machineinstance_changelist"), chosen)
    job = BulkJob.objects.get()
    assert job.instances == [own.pk, seen.pk]
    fred.post(planned.headers["Location"], {"reason": "x", "step": "confirm"})
    job.refresh_from_db()
    assert (job.status, job.done, job.refused, job.failed) == ("done", 1, 1, 0)
    assert "may not pause" in job.refusals[0]["why"]
    assert RefusedAttempt.objects.get().instance == seen


def test_a_permission_of_one_instance_is_enough(db: None, settings: Any) -> None:
    """Who has permissions of one instance from a backend of the project's sees and drives that one, and no other."""
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "tests.admin.test_policy.OneDoor"]
    shared, other = (create(door.machine, key, data=DoorData(), system=True) for key in ("shared", "other"))
    client = Client()
    client.force_login(staff("sue"), backend="django.contrib.auth.backends.ModelBackend")
    fields = Form(client.get(url("change", shared)), url("send", shared, "open")).fields
    assert client.post(url("send", shared, "open"), fields).status_code == 302
    assert client.get(url("act", shared, "pause")).status_code == 403
    assert client.get(url("change", other)).status_code == 403
    shared.refresh_from_db()
    assert shared.state == "opened"
