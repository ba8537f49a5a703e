"""The order flow's rules under fire: an order is accepted once, and its job goes to one courier."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from orders.events import CourierRejected
from orders.models import Order
from statemachines.actors import actor_of
from statemachines.models import Timer
from tests.orders.conftest import Town

from .conftest import PROCESSES, Race, linear, total

HALF = PROCESSES // 2


@pytest.fixture
def town(race: Race) -> Town:
    return Town()


def clicks(order: Order, user: User, event: str, **payload: Any) -> dict[str, Any]:
    who = actor_of(user)
    actor = [who.kind, who.id, who.label]
    return {"scenario": "send", "pk": order.instance.pk, "events": [[event, payload]], "actor": actor}


def timer_of(order: Order) -> dict[str, Any]:
    """Let the order's one timer come due, and have it fired."""
    timer = Timer.objects.get(instance=order.instance)
    Timer.objects.filter(pk=timer.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    return {"scenario": "fire", "timer": timer.pk}


@pytest.mark.parametrize("kind", ["standard", "restaurant_driven"])
def test_an_order_is_accepted_once(race: Race, town: Town, kind: str) -> None:
    """Eight clicks on "accept" at one instant: one counts, seven are told that it is too late."""
    order = town.order(kind)
    owner = town.restaurants[kind].owner
    assert owner is not None
    answers = race.run(
        *[clicks(order, owner, "restaurant_accepted", prep_minutes=10 + number) for number in range(PROCESSES)]
    )
    assert total(answers) == {"accepted": 1, "EventRefused": PROCESSES - 1}
    linear(order.instance, answers, kind="user")
    first = next(number for number, answer in enumerate(answers) if answer["done"])
    assert order.instance.data["acceptance"]["prep_minutes"] == 10 + first


def test_the_restaurant_accepts_or_the_customer_cancels(race: Race, town: Town) -> None:
    """Acceptance, cancellation and the end of patience exclude each other: one of them comes to pass."""
    for _ in range(3):
        order = town.order()
        accepts = clicks(order, town.owner, "restaurant_accepted", prep_minutes=10)
        told = total(
            race.run(*[accepts] * 3, *[clicks(order, town.customer, "customer_canceled")] * 3, timer_of(order))
        )
        assert told["accepted"] + told["fired"] == 1
        accepted = linear(order.instance)[1].event == "restaurant_accepted"
        assert accepted == (order.instance.data["acceptance"] is not None)
        assert accepted == (order.instance.data["canceled_because"] == "")


def test_two_couriers_answer_at_one_instant(race: Race, town: Town) -> None:
    """A courier whose offer has passed on and the one who has it now accept at once: it is the second one's job."""
    order = town.order("courier_driven")
    ines, bram, _ = (courier.user for courier in town.couriers)
    town.send(order, CourierRejected(offer=1), ines)
    late, open_ = (clicks(order, user, "courier_accepted", offer=offer) for user, offer in ((ines, 1), (bram, 2)))
    answers = race.run(*[late] * HALF, *[open_] * HALF)
    assert total(answers[:HALF]) == {"EventRefused": HALF}
    assert total(answers[HALF:]) == {"accepted": 1, "EventRefused": HALF - 1}
    linear(order.instance, answers, kind="user", since=2)
    assert order.instance.data["courier"]["name"] == "Bram"


def test_an_offer_is_taken_or_passed_on(race: Race, town: Town) -> None:
    """A courier accepts while the offer lapses, and while the next courier accepts: one has the job at most."""
    for _ in range(3):
        order = town.order("courier_driven")
        first = order.instance.data["offers"][0]["courier"]
        others = [courier.user for courier in town.couriers if courier.pk != first["id"]]
        accepts = clicks(order, User.objects.get(pk=first["user"]), "courier_accepted", offer=1)
        after = [clicks(order, user, "courier_accepted", offer=2) for user in others]
        answers = race.run(*[accepts] * 3, *after, *[timer_of(order)] * 3)
        told, passed_on = total(answers), total(answers)["fired"]
        assert (told["accepted"] <= 1, passed_on <= 1) == (True, True)
        linear(order.instance, answers[:5], kind="user")
        data = order.instance.data
        assert len(data["offers"]) == order.offers.count() == 1 + passed_on
        assert data["courier"] == (data["offers"][-1]["courier"] if told["accepted"] else None)
