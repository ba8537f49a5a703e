"""The access policy: asked by the engine itself, so that REST, the admin and Python obey the same one."""

from __future__ import annotations

from typing import Any

import pytest

from statemachines.core.events import Actor, AnyEvent
from statemachines.engine import cancel, create, force, pause, resume, send
from statemachines.exceptions import NotAllowed
from statemachines.models import MachineInstance, RefusedAttempt
from statemachines.policy import Policy, Subject
from statemachines.registry import Registered, find
from tests.examples.machines import Close, Demolish, DoorData, Lock, Open, door

pytestmark = pytest.mark.django_db

ANN, BOB = Actor("user", "7", "Ann"), Actor("user", "8", "Bob")


class Locksmith(Policy):
    """Ann works with doors as long as they are no fortress; who opens a locked one has to know that it is one."""

    def may_create(self, actor: Actor, key: str | None, input: Any) -> bool:
        return actor == ANN and (input is None or input.opened == 0)

    def events(self, actor: Actor, subject: Subject) -> tuple[str, ...]:
        return ("open", "close", "lock") if actor == ANN else ()

    def may_send(self, actor: Actor, subject: Subject, event: AnyEvent) -> bool:
        if isinstance(event, Lock) and event.code == "fortress":
            return False
        return super().may_send(actor, subject, event) and not (isinstance(event, Close) and subject.data.opened > 1)

    def may_operate(self, actor: Actor, subject: Subject) -> bool:
        return actor == BOB and subject.states == ("closed",)


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Registered:
    registered = find(door.name)
    monkeypatch.setattr(registered, "policy", Locksmith())
    return registered


def test_nothing_is_allowed_by_default() -> None:
    """A policy that overrides nothing denies everything."""
    made = create(door.machine, system=True)
    deny, subject = Policy(), None
    assert not deny.may_explore(ANN)
    assert not deny.visible(ANN, MachineInstance.objects.all()).exists()
    assert not deny.sees(ANN, made)
    assert not deny.may_create(ANN, None, None)
    assert not deny.events(ANN, subject)  # type: ignore[arg-type]
    assert not deny.may_send(ANN, subject, Open())  # type: ignore[arg-type]
    assert not deny.may_operate(ANN, subject)  # type: ignore[arg-type]


def test_without_a_policy_python_is_trusted() -> None:
    """A machine that has no policy takes from Python code what it always took."""
    made = create(door.machine, actor=BOB)
    assert send(made, Open(), actor=BOB).instance.state == "opened"


@pytest.mark.usefixtures("guarded")
def test_who_may_create() -> None:
    """Creation is decided on who asks and on the typed input; who may not leaves no instance."""
    create(door.machine, actor=ANN, data=DoorData())
    for actor, data in [(BOB, None), (ANN, {"opened": 3})]:
        with pytest.raises(NotAllowed, match=r"may not create an instance of examples\.door"):
            create(door.machine, actor=actor, data=data)
    assert MachineInstance.objects.count() == 1


@pytest.mark.usefixtures("guarded")
def test_who_may_send_what() -> None:
    """An event is decided on who sends it, its payload, and the locked state; a denied one changes nothing."""
    made = create(door.machine, system=True)
    for actor, event in [(BOB, Open()), (ANN, Demolish()), (ANN, Lock(code="fortress"))]:
        with pytest.raises(NotAllowed, match="may not send"):
            send(made, event, actor=actor)
    assert MachineInstance.objects.get().sequence == 1
    for event in (Open(), Close(), Open()):
        send(made, event, actor=ANN)
    with pytest.raises(NotAllowed):
        send(made, Close(), actor=ANN)


@pytest.mark.usefixtures("guarded")
def test_who_is_denied_leaves_a_trace() -> None:
    """A denied event stands among the refused attempts, with who sent it."""
    made = create(door.machine, system=True)
    with pytest.raises(NotAllowed):
        send(made, "open", actor=BOB)
    trace = RefusedAttempt.objects.get()
    assert (trace.instance_id, trace.event, trace.code, trace.actor_label) == (made.pk, "open", "not_allowed", "Bob")


@pytest.mark.usefixtures("guarded")
def test_the_project_itself_may_all() -> None:
    """With `system=True` no policy is asked, also where an actor is named for the history."""
    made = create(door.machine, actor=BOB, system=True)
    assert send(made, Open(), actor=BOB, system=True).instance.state == "opened"
    assert made.entries.get(sequence=2).actor_label == "Bob"


@pytest.mark.usefixtures("guarded")
def test_who_may_operate() -> None:
    """Pausing, resuming, cancelling and forcing are decided by the policy too, on the locked state."""
    made = create(door.machine, system=True)
    for act in (pause, cancel):
        with pytest.raises(NotAllowed, match="Ann may not"):
            act(made, reason="because", actor=ANN)
    pause(made, reason="because", actor=BOB)
    resume(made, actor=BOB)
    force(made, "opened", reason="because", actor=BOB)
    with pytest.raises(NotAllowed, match="Bob may not force"):
        force(made, "closed", reason="because", actor=BOB)
