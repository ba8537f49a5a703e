"""A machine's upgrade in the admin: seen, tried, begun, taken back, each within permissions and policy."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from project.celery import app
from statemachines import Actor, tasks
from statemachines.engine import jobs, send
from statemachines.management.commands.statemachines_sweep import sweep
from statemachines.models import BulkJob, MachineInstance
from statemachines.policy import Policy, Subject
from statemachines.querysets import MachineInstanceQuerySet
from statemachines.registry import Registered
from tests.versions.conftest import Publish, publishing
from tests.versions.journey import UPGRADE, V2
from tests.versions.test_upgrades import begun, journey, second, waiting
from tests.workers import send_there

__all__ = ["journey", "publishing"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # kombu leaves its sockets to the garbage collector
]


class Own(Policy):
    """Everybody operates the instances whose key begins with their name."""

    def may_explore(self, actor: Actor) -> bool:
        return True

    def visible(self, actor: Actor, instances: MachineInstanceQuerySet) -> MachineInstanceQuerySet:
        return instances

    def may_operate(self, actor: Actor, subject: Subject) -> bool:
        return subject.key.startswith(actor.label)


def page(client: Client, **given: str) -> Any:
    return client.get(reverse("admin:statemachines_machineoverview_upgrade", args=["examples.journey"]), given)


def act(client: Client, step: str, **given: str) -> Any:
    url = reverse("admin:statemachines_machineoverview_upgrade", args=["examples.journey"])
    return client.post(url, {"step": step, "reason": "The channel counts."} | given, follow=True)


def versions() -> dict[str, int]:
    return dict(MachineInstance.objects.values_list("key", "version"))


def test_it_is_seen_before(operator: Client, journey: Registered, publishing: Publish) -> None:
    """The page has the picture, what changed in words, what each state becomes, and how many are to be upgraded."""
    waiting("a")
    second(publishing)
    seen = page(operator)
    text = seen.content.decode()
    assert '<g data-source="wait" data-target="pause">' in text
    assert "Wait → Pause" in text
    assert "channel is new." in text.lower()
    assert "Upgrade 1 instance to version 2" in text
    assert "trial" not in seen.context


def test_it_is_tried(operator: Client, journey: Registered, publishing: Publish) -> None:
    """A trial tells how many would land where, and who would stay with the reason; nothing changes."""
    stays = begun("a")
    waiting("b")
    send(stays, "ask", system=True)
    second(publishing, UPGRADE.replace(', events={"poke": None}', ""))
    trial = page(operator, **{"try": "yes"}).context["trial"]
    assert [tuple(one) for one in trial.landings] == [(1, "Wait", "Pause", 1)]
    assert (trial.tried, trial.staying, trial.stay[0].key) == (2, 1, "a")
    assert "a delayed 'poke' waits" in trial.stay[0].reason
    assert versions() == {"a": 1, "b": 1}


def test_it_is_begun_and_taken_back(operator: Client, journey: Registered, publishing: Publish) -> None:
    """A job does it, with operator and reason in each history; what has moved since stays when it is taken back."""
    waiting("a")
    moved = waiting("b")
    second(publishing)
    done = act(operator, "upgrade")
    assert (done.context["job"].status, done.context["job"].done) == ("done", 2)
    assert versions() == {"a": 2, "b": 2}
    entry = moved.entries.latest("sequence")
    assert (entry.event, entry.actor_label, entry.reason) == ("statemachines.upgrade", "olga", "The channel counts.")
    send(moved, "nudge", system=True)
    assert "Take 2 upgrades back" in page(operator).content.decode()
    back = act(operator, "revert").context["job"]
    assert (back.status, back.done, back.refused) == ("done", 1, 1)
    assert back.refusals[0]["key"] == "b"
    assert versions() == {"a": 1, "b": 2}


def test_many_are_done_in_the_background(
    operator: Client, journey: Registered, publishing: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are more than one batch, whoever sweeps does them, and the page shows how far it is."""
    monkeypatch.setattr("statemachines.engine.machinejobs.BATCH", 2)
    for key in "abcde":
        waiting(key)
    second(publishing)
    job = act(operator, "upgrade").context["job"]
    assert (job.status, job.position, job.total) == ("running", 0, 5)
    assert jobs.run(job.pk, "default")
    job.refresh_from_db()
    assert (job.position, job.done) == (2, 2)
    BulkJob.objects.update(leased_until=None)
    sweep_once()
    job.refresh_from_db()
    assert (job.status, job.position, job.done) == ("done", 5, 5)
    assert set(versions().values()) == {2}


def sweep_once() -> None:
    sweep("default", threading.Event())


def test_a_reason_and_the_permission_are_needed(
    operator: Client, reader: Client, journey: Registered, publishing: Publish
) -> None:
    """Without a reason nothing begins; who may only look sees no button and is refused."""
    waiting("a")
    second(publishing)
    assert act(operator, "upgrade", reason="").context["form"].errors["reason"]
    assert 'value="upgrade"' not in page(reader).content.decode()
    assert act(reader, "upgrade").status_code == 403
    assert versions() == {"a": 1}
    assert not BulkJob.objects.exists()


def test_the_policy_decides_on_each(operator: Client, journey: Registered, publishing: Publish) -> None:
    """What its policy does not let somebody operate stays, is told in the trial and in the job, also when reverted."""
    waiting("olga's")
    waiting("rita's")
    publishing(V2, policy=Own())
    (journey.directory / "0001_to_0002.py").write_text(UPGRADE)
    (stays,) = page(operator, **{"try": "yes"}).context["trial"].stay
    assert (stays.key, "may not upgrade" in stays.reason) == ("rita's", True)
    job = act(operator, "upgrade").context["job"]
    assert (job.done, job.refused) == (1, 1)
    assert versions() == {"olga's": 2, "rita's": 1}
    MachineInstance.objects.filter(key="olga's").update(key="anna's")
    assert act(operator, "revert").context["job"].refusals[0]["why"] == "The policy does not let you operate it."
    assert versions() == {"anna's": 2, "rita's": 1}


def test_a_faulty_upgrade_is_told(operator: Client, journey: Registered, publishing: Publish) -> None:
    """What does not fit stands on the page, and a job that meets it ends and says so."""
    waiting("a")
    second(publishing, UPGRADE.replace('"pause"', '"nowhere"'))
    assert "nowhere" in page(operator).context["problem"]
    job = act(operator, "upgrade").context["job"]
    assert (job.status, job.failed) == ("done", 1)
    assert "nowhere" in job.refusals[0]["why"]
    assert versions() == {"a": 1}


def test_a_task_begins_it_too(journey: Registered, publishing: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    """The task notes a job of the project's own and hands its batches to the control queue."""
    send_there(monkeypatch)
    waiting("a")
    second(publishing)
    with app.connection_for_read() as connected, closing(connected.SimpleQueue("control")) as queue:
        queue.clear()
        tasks.upgrade_instances("journey")
        message = queue.get(timeout=10)
        message.ack()
    job = BulkJob.objects.get()
    assert (job.actor_kind, job.reason, job.total) == ("system", "upgraded to version 2", 1)
    assert (message.headers["task"], message.payload[0]) == (tasks.run_bulk.name, [job.pk, "default"])
    while jobs.run(job.pk, "default"):
        pass
    assert versions() == {"a": 2}
