"""The onboarding: the workflow's way, what the customer does meanwhile, and how a first delivered order begins it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from orders.events import CourierAccepted, OrderDelivered, RestaurantAccepted, RestaurantRejected
from orders.models import Order
from orders.onboarding.data import OnboardingData, OrderedAgain, Unsubscribed
from orders.onboarding.effects import (
    FIRST_DRIP,
    WELCOME,
    get_acquisition_channel,
    send_first_drip_email,
    send_welcome_email,
)
from orders.onboarding.machine import onboarding
from orders.onboarding.start import start_onboarding
from statemachines.engine import create, send
from statemachines.engine.outbox import run_effect
from statemachines.models import Effect, MachineInstance
from statemachines.testing import Run, play
from statemachines.testing.travel import Clock

from .conftest import Town, signed_in

SELAM = OnboardingData(user="1", name="Selam Tesfaye", email="selam@town.example", orders=(7,))


def found_out() -> Run[OnboardingData]:
    run = play(onboarding, SELAM)
    run.complete(get_acquisition_channel, "search")
    return run


def welcomed() -> Run[OnboardingData]:
    run = found_out()
    run.complete(send_welcome_email)
    return run


def reminded() -> Run[OnboardingData]:
    run = welcomed()
    run.advance(days=1)
    return run


# The machine alone


def test_it_is_drawn_as_in_the_figure() -> None:
    """The figure's four states come first, and lead from one to the next."""
    names = [state.name for state in onboarding.rows if hasattr(state, "name")]
    assert names[:2] == ["get_acquisition_channel", "send_welcome_email"]
    assert names[2:5] == ["await_first_drip_email", "send_first_drip_email", "onboarded"]
    assert onboarding.version == 2


def test_what_brought_the_customer_is_found_out_first() -> None:
    """The channel is kept for the welcome; where nobody can tell it, the customer is welcomed all the same."""
    run = play(onboarding, SELAM)
    assert (run.state, run.effects) == ("get_acquisition_channel", ["get_acquisition_channel"])
    run.fail(get_acquisition_channel)
    assert (run.state, run.data.acquisition_channel) == ("send_welcome_email", "unknown")
    assert found_out().data.acquisition_channel == "search"


def test_a_welcome_a_day_and_the_first_drip_email() -> None:
    """The welcome e-mail is sent, then a day passes, then the first drip e-mail is sent, and that was it."""
    run = found_out()
    assert run.effects == ["send_welcome_email"]
    run.complete(send_welcome_email)
    assert (run.state, run.effects, run.timers) == ("await_first_drip_email", [], {"one_day": timedelta(days=1)})
    run.advance(hours=23, minutes=59)
    run.is_in("await_first_drip_email")
    run.advance(minutes=1)
    assert (run.state, run.effects) == ("send_first_drip_email", ["send_first_drip_email"])
    run.complete(send_first_drip_email)
    assert (run.state, run.ended) == ("onboarded", True)


def test_the_day_begins_when_the_welcome_was_sent() -> None:
    """A welcome e-mail that took its time does not shorten the day after it."""
    run = found_out()
    run.advance(days=300)
    run.complete(send_welcome_email)
    assert run.timers == {"one_day": timedelta(days=1)}


@pytest.mark.parametrize("begin", [lambda: play(onboarding, SELAM), found_out, welcomed, reminded])
def test_who_unsubscribes_gets_nothing_more(begin: Callable[[], Run[OnboardingData]]) -> None:
    """In each state, to unsubscribe ends it: no effect waits any more, and no timer."""
    run = begin()
    run.send(Unsubscribed())
    assert (run.state, run.ended, run.effects, run.timers) == ("unsubscribed", True, [], {})
    run.refuses(Unsubscribed(), code="ended")


@pytest.mark.parametrize("begin", [lambda: play(onboarding, SELAM), found_out, welcomed, reminded])
def test_further_orders_are_noted(begin: Callable[[], Run[OnboardingData]]) -> None:
    """In each state, a further order is added to the data, and nothing else happens."""
    run = begin()
    before = (run.state, run.effects, run.timers)
    run.send(OrderedAgain(order=9))
    assert run.data.orders == (7, 9)
    assert (run.state, run.effects, run.timers) == before


def test_a_further_order_does_not_prolong_the_day() -> None:
    """The day goes on counting from the welcome when an order comes in between."""
    run = welcomed()
    run.advance(hours=20)
    run.send(OrderedAgain(order=9))
    assert run.timers == {"one_day": timedelta(hours=4)}


def test_whom_no_email_reaches_is_not_waited_for() -> None:
    """Where an e-mail has failed for good, the onboarding ends."""
    for run, effect in ((found_out(), send_welcome_email), (reminded(), send_first_drip_email)):
        run.fail(effect, SMTPRecipientsRefused({}))
        assert (run.state, run.ended) == ("unreachable", True)


def test_a_mail_server_may_be_down_for_a_night(town: Town, machines: Clock, mailoutbox: list[Any]) -> None:
    """An e-mail that cannot be sent for half a day is sent after it, and the onboarding goes on."""
    one = create(onboarding, data=SELAM, system=True)
    night = machines.now + timedelta(hours=12)

    def down(data: OnboardingData, call: Any) -> None:
        if machines.now < night:
            raise ConnectionRefusedError
        send_welcome_email.bound()(data, call, None)

    machines.effects.fake(get_acquisition_channel, lambda data, call: "app")
    machines.effects.fake(send_welcome_email, down)
    machines.effects.run(raises=False)
    for _ in range(13):
        machines.set(machines.now + timedelta(hours=1))
        machines.effects.run(raises=False)
    one.refresh_from_db()
    assert (one.state, sent(mailoutbox)) == ("await_first_drip_email", {("selam@town.example", WELCOME): 1})


# From a delivered order on, in the database


def deliver(town: Town, customer: User | None = None) -> Order:
    """Have an order cooked, brought and delivered; its effects wait."""
    order = town.order("restaurant_driven", customer)
    town.send(order, RestaurantAccepted(prep_minutes=10), town.other_owner)
    town.elapse(order)
    town.send(order, OrderDelivered(), town.other_owner)
    return order


def found(user: User) -> MachineInstance:
    return MachineInstance.objects.of(onboarding).get(key=str(user.pk))


def sent(mailoutbox: list[Any]) -> Counter[tuple[str, str]]:
    """Count the e-mails of onboardings by addressee and subject; one Message-ID is one mail."""
    mails = {mail.extra_headers["Message-ID"]: (mail.to[0], mail.subject) for mail in mailoutbox}
    return Counter(one for one in mails.values() if one[1] in (WELCOME, FIRST_DRIP))


def test_a_first_delivered_order_begins_it(town: Town, machines: Clock, mailoutbox: list[Any]) -> None:
    """An order is delivered: its customer is welcomed, and a day later gets the first drip e-mail, once each."""
    deliver(town)
    machines.effects.run()
    seen = found(town.customer)
    assert (seen.state, sent(mailoutbox)) == ("await_first_drip_email", {("selam@town.example", WELCOME): 1})
    assert "Hello Selam Tesfaye" in mailoutbox[-1].body
    machines.advance(days=1)
    machines.effects.run()
    seen.refresh_from_db()
    assert seen.state == "onboarded"
    assert sent(mailoutbox) == {("selam@town.example", WELCOME): 1, ("selam@town.example", FIRST_DRIP): 1}
    assert "how was your first order?" in mailoutbox[-1].body
    machines.advance(days=365)
    machines.effects.run()
    assert sum(sent(mailoutbox).values()) == 2


@pytest.mark.parametrize("kind", ["standard", "courier_driven"])
def test_it_begins_in_each_flow(town: Town, machines: Clock, kind: str) -> None:
    """However the food came, its customer is welcomed."""
    order, courier = town.order(kind), town.couriers[0].user
    if kind == "standard":
        town.send(order, RestaurantAccepted(prep_minutes=10), town.owner)
        town.elapse(order)
    town.send(order, CourierAccepted(offer=1), courier)
    town.send(order, OrderDelivered(), courier)
    machines.effects.run()
    assert found(town.customer).state == "await_first_drip_email"


def test_a_canceled_order_begins_none(town: Town, machines: Clock) -> None:
    """Who has got no food is not welcomed; the first order that is delivered counts."""
    canceled = town.order()
    town.send(canceled, RestaurantRejected(), town.owner)
    machines.effects.run()
    assert not MachineInstance.objects.of(onboarding).exists()
    order = deliver(town)
    machines.effects.run()
    assert found(town.customer).snapshot().data.orders == (order.pk,)


def test_each_customer_has_one_of_their_own(town: Town, machines: Clock, mailoutbox: list[Any]) -> None:
    """Two customers' orders begin two onboardings."""
    deliver(town)
    deliver(town, town.other)
    machines.effects.run()
    assert MachineInstance.objects.of(onboarding).count() == 2
    assert sent(mailoutbox) == {("selam@town.example", WELCOME): 1, ("conor@town.example", WELCOME): 1}


def test_the_drip_email_takes_further_orders_into_account(town: Town, machines: Clock, mailoutbox: list[Any]) -> None:
    """A second order within the day begins no second onboarding, and is thanked for."""
    orders = []
    for _ in range(2):
        orders.append(deliver(town).pk)
        machines.effects.run()
    assert list(found(town.customer).snapshot().data.orders) == orders
    machines.advance(days=1)
    machines.effects.run()
    assert sent(mailoutbox) == {("selam@town.example", WELCOME): 1, ("selam@town.example", FIRST_DRIP): 1}
    assert "ordered 2 times already" in mailoutbox[-1].body


def test_one_that_has_ended_is_left_alone(town: Town, machines: Clock, mailoutbox: list[Any]) -> None:
    """An order after the onboarding's end changes nothing, is no error, and leaves no refusal behind."""
    deliver(town)
    machines.effects.run()
    seen = found(town.customer)
    send(seen, Unsubscribed(), system=True)
    deliver(town)
    machines.effects.run()
    machines.advance(days=2)
    seen.refresh_from_db()
    assert (seen.state, seen.sequence, seen.refusals.count()) == ("unsubscribed", 4, 0)
    assert sent(mailoutbox) == {("selam@town.example", WELCOME): 1}


@pytest.mark.parametrize("earlier", [0, 1])
def test_a_start_that_is_run_twice_counts_once(
    town: Town, machines: Clock, mailoutbox: list[Any], earlier: int
) -> None:
    """Where a worker dies after the start, or after it told of a further order, the next one does it without harm."""
    for _ in range(earlier):
        deliver(town)
        machines.effects.run()
    order = deliver(town)
    run_twice(Effect.objects.get(instance=order.instance, name="orders.start_onboarding"))
    machines.effects.run()
    seen = found(town.customer)
    assert len(seen.snapshot().data.orders) == 1 + earlier
    assert seen.entries.count() == 3 + earlier
    assert sent(mailoutbox) == {("selam@town.example", WELCOME): 1}


def test_mails_that_are_sent_twice_are_known_by_their_id(town: Town, machines: Clock, mailoutbox: list[Any]) -> None:
    """Where a worker dies after it sent an e-mail, the second one has the Message-ID of the first."""
    deliver(town)
    machines.effects.run(start_onboarding)
    machines.effects.run(get_acquisition_channel)
    run_twice(Effect.objects.get(name="orders.send_welcome_email"))
    machines.advance(days=1)
    run_twice(Effect.objects.get(name="orders.send_first_drip_email"))
    assert [mail.subject for mail in mailoutbox if mail.to == ["selam@town.example"]] == [
        WELCOME,
        WELCOME,
        FIRST_DRIP,
        FIRST_DRIP,
    ]
    assert set(sent(mailoutbox).values()) == {1}
    assert found(town.customer).state == "onboarded"


def run_twice(effect: Effect) -> None:
    """Run an effect as if its first worker had died when the work was done."""

    class Died(BaseException):
        pass

    def dies(data: Any, call: Any) -> None:
        effect.instance.registered.effect(effect.name).bound()(data, call, None)
        raise Died

    with pytest.raises(Died):
        run_effect(effect.pk, "default", function=dies)
    Effect.objects.filter(pk=effect.pk).update(due_at=effect.due_at)  # the dead worker's lease is over
    assert run_effect(effect.pk, "default")


def test_the_length_of_a_day_is_kept(town: Town, machines: Clock, settings: Any) -> None:
    """The seconds per day are those of the moment in which it begins, and no nonsense."""
    settings.ORDERS_SECONDS_PER_DAY = 3
    deliver(town)
    machines.effects.run()
    settings.ORDERS_SECONDS_PER_DAY = 86_400
    assert machines.advance(seconds=3) == 1
    settings.ORDERS_SECONDS_PER_DAY = 0
    deliver(town, town.other)
    with pytest.raises(AssertionError, match="positive number of seconds"):
        machines.effects.run()


# Over HTTP


def test_a_customer_unsubscribes(town: Town, machines: Clock, mailoutbox: list[Any]) -> None:
    """A customer sees their onboarding and leaves it; the drip e-mail does not come."""
    client = signed_in(town.customer)
    deliver(town)
    machines.effects.run()
    seen = client.get("/api/customer/onboarding/").json()
    assert seen == {"state": "await_first_drip_email", "possible": ["unsubscribed", "ordered_again"]}
    answer = client.post("/api/customer/onboarding/unsubscribe/")
    assert (answer.status_code, answer.json()) == (200, {"state": "unsubscribed", "possible": []})
    machines.advance(days=2)
    machines.effects.run()
    assert sent(mailoutbox) == {("selam@town.example", WELCOME): 1}
    again = client.post("/api/customer/onboarding/unsubscribe/")
    assert (again.status_code, again.json()["code"]) == (409, "ended")
    entry = found(town.customer).entries.last()
    assert (entry.actor_kind, entry.actor_id, entry.origin) == ("user", str(town.customer.pk), "rest")


def test_nobody_unsubscribes_somebody_else(town: Town, machines: Clock, anonymous: APIClient) -> None:
    """Who has no onboarding finds none, and who is not signed in is turned away; the customer's goes on."""
    deliver(town)
    machines.effects.run()
    client = signed_in(town.other)
    assert client.get("/api/customer/onboarding/").status_code == 404
    assert client.post("/api/customer/onboarding/unsubscribe/").status_code == 404
    assert anonymous.get("/api/customer/onboarding/").status_code in (401, 403)
    assert anonymous.post("/api/customer/onboarding/unsubscribe/").status_code in (401, 403)
    assert found(town.customer).state == "await_first_drip_email"
