"""One look of the hub: what it asks of the database, and what each watcher is told."""

from __future__ import annotations

import asyncio

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from statemachines import registry
from statemachines.actors import actor_of
from statemachines.api.hub import Hub, Watcher
from statemachines.api.stream import Feed
from statemachines.engine import cancel, send
from statemachines.models import MachineInstance
from statemachines.policy import Policy
from tests.api.machines import Commented, Helpdesk

from .conftest import Desk

Watching = tuple[User, MachineInstance, int]


def looked(watching: list[Watching]) -> tuple[list[list[str]], int]:
    """Have each person watch an instance beyond a sequence; return what each is told at a look, and its queries."""
    registered, loop = registry.find("helpdesk.ticket"), asyncio.new_event_loop()

    async def watchers() -> list[Watcher]:
        return [Watcher(one.pk, seen, Feed(registered, actor_of(user), "default")) for user, one, seen in watching]

    made = loop.run_until_complete(watchers())
    with CaptureQueriesContext(connection) as queries:
        Hub("default")._look(list(made))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    return [heard(watcher) for watcher in made], len(queries)


def heard(watcher: Watcher) -> list[str]:
    """Return the events' names, with their ids where they have one, and "end" where the stream ends."""
    found = []
    while not watcher.queue.empty():
        items = watcher.queue.get_nowait()
        for item in ["event: end"] if items is None else items.decode().strip().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in item.split("\n"))
            found.append(" ".join(filter(None, [fields["event"], fields.get("id")])))
    return found


@pytest.fixture(params=["by the row", "by a query"])
def deciding(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The policy decides by the rows in hand, or only has `visible`."""
    if request.param == "by a query":
        monkeypatch.delattr(Helpdesk, "visible_rows")


@pytest.mark.django_db
@pytest.mark.parametrize("people", [2, 40])
def test_a_look_costs_three_queries_however_many_watch(desk: Desk, people: int) -> None:
    """Each a person and an instance of their own, wherever they are, if the policy decides by the rows in hand."""
    watching = []
    for number in range(people):
        user = User.objects.create(username=str(number))
        ticket = desk.made(user, "Mouse")
        for _ in range(1 + number % 3):
            send(ticket, Commented(text="x"), system=True)
        watching.append((user, ticket, 1 + number % 3))
    told, queries = looked(watching)
    assert told == [[f"entry {seen + 1}", f"instance {seen + 1}"] for _, _, seen in watching]
    assert queries == 3


@pytest.mark.django_db
@pytest.mark.usefixtures("deciding")
def test_each_is_told_what_they_may_see_and_have_not_seen(desk: Desk) -> None:
    """Who watches the same instance at different places is told the rest of it, and strangers that it is gone."""
    for text in "xy":
        send(desk.ticket, Commented(text=text), system=True)
    at = [(desk.ann, 2), (desk.ann, 1), (desk.staff, 2), (desk.bob, 1), (desk.ann, 3)]
    told, _ = looked([(user, desk.ticket, seen) for user, seen in at])
    late, early = ["entry 3", "instance 3"], ["entry 2", "entry 3", "instance 3"]
    assert told == [late, early, late, ["gone", "end"], []]


@pytest.mark.django_db
@pytest.mark.usefixtures("deciding")
def test_who_is_no_more_what_they_were_sees_no_more(desk: Desk) -> None:
    """The policy is asked at each move, of the person as well: staff who left are told nothing of it."""
    send(desk.ticket, Commented(text="x"), system=True)
    User.objects.filter(pk=desk.staff.pk).update(is_staff=False)
    assert looked([(desk.staff, desk.ticket, 1)])[0] == [["gone", "end"]]


@pytest.mark.django_db
@pytest.mark.usefixtures("deciding")
def test_the_last_of_an_instance_ends_its_stream(desk: Desk) -> None:
    """After the entry and the instance as it ended."""
    cancel(desk.ticket, reason="x", system=True)
    assert looked([(desk.ann, desk.ticket, 1)])[0] == [["entry 2", "instance 2", "end"]]


@pytest.mark.django_db
def test_rows_in_hand_are_decided_on_as_rows_in_the_database(desk: Desk) -> None:
    """`visible_rows` keeps what `visible` does; a policy that has only that decides by one query for all rows."""
    rows = [desk.ticket, desk.made(desk.bob, "Mouse"), desk.made(desk.ann, "Screen")]
    for user in (desk.ann, desk.bob, desk.staff):
        actor, policy = actor_of(user), Helpdesk()
        visible = set(policy.visible(actor, MachineInstance.objects.all()))
        assert set(policy.visible_rows(actor, rows)) == visible
        assert set(Policy.visible_rows(policy, actor, rows)) == visible
