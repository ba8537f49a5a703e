"""Onboardings that a release before this one has left behind: each goes on as the current version, in every state."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.core.management import call_command

from orders.onboarding.data import Unsubscribed
from project.demo import onboarding_v1 as v1
from statemachines import registry
from statemachines.core.published import fingerprint
from statemachines.engine import create, send
from statemachines.engine.outbox import run_effect
from statemachines.models import Effect, MachineInstance, Timer
from statemachines.testing.travel import Clock
from statemachines.upgrades import way
from statemachines.versions import published

from .releases import release

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "orders.onboarding"


def left_behind(machines: Clock, state: str) -> MachineInstance:
    """Return an onboarding that version 1 has brought to a state."""
    with release(v1.onboarding):
        data = v1.OnboardingData(user="1", name="Selam Tesfaye", email="selam@town.example", orders=(7,))
        one = create(NAME, "1", data=data, system=True)
        if state == "unsubscribed":
            send(one, Unsubscribed(), system=True)
        elif state != "send_welcome_email":
            machines.effects.run()
        if state == "send_first_drip_email":
            machines.advance(days=1)
    one.refresh_from_db()
    assert (one.version, one.state) == (1, state)
    return one


def work() -> None:
    """Run what waits, as a worker does."""
    for effect in Effect.objects.filter(status="waiting"):
        assert run_effect(effect.pk, "default")


def subjects(mailoutbox: list[Any]) -> Counter[str]:
    return Counter(mail.subject for mail in mailoutbox)


def test_what_was_released_stays_as_it_was() -> None:
    """The files of the published versions are those machines, and a way leads from each to the current one."""
    known = published(registry.find(NAME))
    assert list(known) == [1, 2]
    assert known[1].fingerprint == fingerprint(v1.onboarding)
    assert len(way(NAME, 1, 2)) == 1


@pytest.mark.parametrize("by_hand", [True, False])
@pytest.mark.parametrize("state", ["send_welcome_email", "await_first_drip_email", "send_first_drip_email"])
def test_onboardings_of_version_1_go_on(machines: Clock, mailoutbox: list[Any], state: str, by_hand: bool) -> None:
    """From every state they come to their end as version 2, with each e-mail once, a day after the welcome."""
    one = left_behind(machines, state)
    due = Timer.objects.filter(instance=one).values_list("due_at", flat=True).first()
    if by_hand:
        machines.advance(hours=20)
        call_command("upgrade_instances", "onboarding", verbosity=0)
        one.refresh_from_db()
        assert (one.version, one.state, one.data["acquisition_channel"]) == (2, state, "unknown")
        assert Timer.objects.filter(instance=one).values_list("due_at", flat=True).first() == due
    work()
    machines.advance(days=1)
    work()
    one.refresh_from_db()
    assert (one.version, one.state) == (2, "onboarded")
    assert subjects(mailoutbox) == {v1.WELCOME: 1, v1.FIRST_DRIP: 1}


def test_who_left_has_left(machines: Clock) -> None:
    """An ended onboarding stays on its version, unless it is asked for."""
    one = left_behind(machines, "unsubscribed")
    call_command("upgrade_instances", "onboarding")
    one.refresh_from_db()
    assert one.version == 1
    call_command("upgrade_instances", "onboarding", "--ended")
    one.refresh_from_db()
    assert (one.version, one.state, one.status) == (2, "unsubscribed", "done")
