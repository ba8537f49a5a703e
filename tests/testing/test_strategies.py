"""Hypothesis finds runs of a machine by itself, and checks a project's views against it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Any

import msgspec
import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from rest_framework.response import Response
from rest_framework.test import APIClient

from orders.couriers import next_courier
from orders.data import OrderData
from orders.events import CourierAccepted, CourierRejected, CustomerCanceled, RestaurantAccepted, RestaurantRejected
from orders.machines import order
from orders.models import Offer
from orders.views import OrderAPI, RestaurantOrders
from statemachines import Event, Machine
from statemachines.core.codec import codec
from statemachines.core.moves import Path
from statemachines.exceptions import EventRefused
from statemachines.testing import Run, play
from statemachines.testing.stateful import machine_as_rules
from statemachines.testing.strategies import event_runs, values
from statemachines.testing.travel import Clock
from tests.orders.conftest import Town, town

from .onboarding import get_channel, onboarding
from .order import WAYS
from .test_paths import Everything

__all__ = ["town"]


class Tree(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(pattern="^[a-z]{2}$", max_length=2)]
    below: list[Tree] = []


@given(values(Everything), values(Tree))
def test_drawn_values_are_let_in(made: Everything, tree: Tree) -> None:
    """Whatever is drawn for a type fits its constraints, and comes through the border unchanged."""
    for one, type in ((made, Everything), (tree, Tree)):
        assert codec(type, "it").decode(codec(type, "it").encode(one)) == one


@given(event_runs(order, **WAYS))
def test_a_rule_over_all_runs_of_an_order(path: Path) -> None:
    """A rule over all runs: offers are counted through, nobody is asked twice, and a canceled order says why."""
    simulation = path.play()
    data: OrderData = simulation.snapshot.data
    assert [offer.number for offer in data.offers] == list(range(1, len(data.offers) + 1))
    assert len({offer.courier for offer in data.offers}) == len(data.offers) <= 3
    if simulation.leaves == ("canceled",):
        assert data.canceled_because


@given(event_runs(onboarding, max_moves=4, results={get_channel: ["friend", "web"]}, facts={"blocked": False}))
def test_runs_end_effects_and_wait_for_timers(path: Path) -> None:
    """Outcomes of effects and timers are moves, payloads are drawn, and a run is played as it was found."""
    run = Run(path.play())
    assert 1 <= len(path.moves) <= 5
    assert len(run.history) == len(path.moves)
    assert run.data.channel in ("", "friend", "web")


def only(machine: type[RuleBasedStateMachine], **more: Any) -> None:
    """Run rules, the same examples each time, and do not shrink what fails."""
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    given: dict[str, Any] = {"max_examples": 15, "stateful_step_count": 10, "phases": [Phase.generate]} | more
    run_state_machine_as_test(
        machine,
        settings=settings(deadline=None, derandomize=True, database=None, suppress_health_check=checks, **given),
    )


class Played:
    """A driver of the machine itself, which may be made to err."""

    def __init__(self, machine: Machine[Any], data: Any) -> None:
        self.run = play(machine, data, facts={"blocked": False})
        self.closed = False

    def send(self, event: Any) -> bool:
        try:
            self.run.send(event)
        except Exception:
            return False
        return True

    def state(self) -> str:
        return str(self.run.state)

    def advance(self, by: timedelta) -> None:
        self.run.advance(by)

    def complete(self, effect: str, result: Any) -> None:
        self.run.complete(effect, result)

    def fail(self, effect: str) -> None:
        self.run.fail(effect)


def test_a_driver_that_does_as_the_machine_passes() -> None:
    """Where the driver does what the machine does, no run finds anything: events, time and outcomes of effects."""
    rules = machine_as_rules(onboarding, lambda data: Played(onboarding, data), facts={"blocked": False})
    only(rules, max_examples=50)


def test_time_and_outcomes_are_compared() -> None:
    """A driver whose timer fires too early, or that takes a failure for a success, is found."""

    class Hasty(Played):
        def advance(self, by: timedelta) -> None:
            super().advance(by * 2)

    class Blind(Played):
        def fail(self, effect: str) -> None:
            self.complete(effect, "web")

    for kind in (Hasty, Blind):
        made: Callable[[Any], Any] = lambda data, kind=kind: kind(onboarding, data)  # noqa: E731
        with pytest.raises(AssertionError, match="the driver is in"):
            only(machine_as_rules(onboarding, made, facts={"blocked": False}), max_examples=200)


class OrderViews:
    """The order's API, driven as its users do: each event is a request of the one who may send it."""

    def __init__(self, town: Town, clock: Clock, data: OrderData) -> None:
        self.town, self.clock = town, clock
        self.block = transaction.atomic()
        self.block.__enter__()
        self.order = town.order(data.flow)

    def close(self) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)

    def state(self) -> str:
        self.order.instance.refresh_from_db()
        return str(self.order.instance.state)

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)

    def send(self, event: Event) -> bool:
        order, flow = self.order.pk, self.order.restaurant.kind
        match event:
            case RestaurantAccepted(prep_minutes=minutes):
                return self.post(self.owner, f"restaurant/orders/{order}/accept", {"prep_minutes": minutes})
            case RestaurantRejected(reason=reason) if flow != "courier_driven":
                return self.post(self.owner, f"restaurant/orders/{order}/reject", {"reason": reason})
            case RestaurantRejected(reason=reason):
                return self.post(self.courier, f"courier/deliveries/{order}/restaurant-rejected", {"reason": reason})
            case CourierAccepted(offer=number):
                return self.answer(number, "accept")
            case CourierRejected(offer=number):
                return self.answer(number, "reject")
            case CustomerCanceled():
                return self.post(self.town.customer, f"customer/orders/{order}/cancel")
        if flow == "restaurant_driven":
            return self.post(self.owner, f"restaurant/orders/{order}/delivered")
        return self.post(self.courier, f"courier/deliveries/{order}/delivered")

    @property
    def owner(self) -> Any:
        return self.order.restaurant.owner or self.town.owner

    @property
    def courier(self) -> Any:
        """The courier who carries the order, or just one of them."""
        offer = Offer.objects.filter(order=self.order).order_by("number").last()
        return offer.courier.user if offer else self.town.couriers[0].user

    def answer(self, number: int, answer: str) -> bool:
        offer = Offer.objects.filter(order=self.order, number=number).first()
        return offer is not None and self.post(offer.courier.user, f"courier/offers/{offer.pk}/{answer}")

    def post(self, user: Any, path: str, body: dict[str, Any] | None = None) -> bool:
        client = APIClient()
        client.force_authenticate(user)
        answer = client.post(f"/api/{path}/", body or {}, format="json")
        assert answer.status_code in (200, 400, 403, 404, 409), answer.content
        return bool(answer.status_code == 200)


def order_rules(town: Town, clock: Clock) -> type[RuleBasedStateMachine]:
    ways = WAYS | {"facts": {next_courier: next_courier.function}, "events": OFFERS}
    return machine_as_rules(order, lambda data: OrderViews(town, clock, data), **ways)


OFFERS = {
    "courier_accepted": st.builds(CourierAccepted, offer=st.integers(1, 3)),
    "courier_rejected": st.builds(CourierRejected, offer=st.integers(1, 3)),
}


def test_the_order_views_do_as_the_machine(town: Town, machines: Clock) -> None:
    """Whoever sends what and when: the API takes and refuses what the machine does, and is where it is."""
    only(order_rules(town, machines), max_examples=20)


def lost(self: RestaurantOrders, request: Any, pk: int) -> Response:
    """Answer as if the restaurant had rejected, and send nothing."""
    self.get_object()
    return Response({})


def swallowed(self: OrderAPI, order: Any, event: Event) -> Response:
    """Answer a refusal as a success."""
    with suppress(EventRefused):
        send(self, order, event)
    return Response({})


send = OrderAPI.send


@pytest.mark.parametrize(
    ("view", "name", "bug", "told"),
    [
        (RestaurantOrders, "reject", lost, "restaurant_rejected.* the driver"),
        (OrderAPI, "send", swallowed, "the machine refuses it, the driver takes it"),
    ],
)
def test_a_planted_bug_is_found(
    town: Town, machines: Clock, monkeypatch: pytest.MonkeyPatch, view: Any, name: str, bug: Any, told: str
) -> None:
    """A view that loses an event, and one that hides a refusal, are found, and the journey is told."""
    monkeypatch.setattr(view, name, bug)
    with pytest.raises(AssertionError, match=told) as failure:
        only(order_rules(town, machines), max_examples=100)
    assert "The journey of order so far:" in str(failure.value)
