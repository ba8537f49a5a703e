"""An evening of the sample orders, up to now: delivered, canceled, under way, stuck since the mail server was down.

The engine's clock is moved, and what comes due is done; the acts and the failures are real ones. Limits: for the
screenshots, on an empty database; times are minutes before now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.test import override_settings

from orders.events import (
    CourierAccepted,
    CourierRejected,
    CustomerCanceled,
    OrderDelivered,
    RestaurantAccepted,
    RestaurantRejected,
)
from orders.models import Order, Restaurant
from orders.services import place_order
from project.demo.people import load, login_of
from project.demo.sample import SampleOrder, sample_orders
from statemachines import engine
from statemachines.actors import actor_of
from statemachines.core.events import Event
from statemachines.exceptions import EventRefused
from statemachines.models import Effect, MachineInstance
from statemachines.testing.travel import Clock, time_travel

from .places import NO_MAIL_SERVER

DAYS_AGO = 2 * 24 * 60
EARLIER, TONIGHT = 14, 56
"""How many orders there were two days ago, and how many there are tonight."""
EVERY = 4
OUTAGE = (13, 11)
"""When couriers could not be mailed, in minutes before now."""
LATER = (47, 65)
"""Two orders that change places, by index, so that a cooked one is ready just then."""


class Happening(NamedTuple):
    minute: float
    number: int
    do: Callable[[], None]


def evening(operator: User) -> None:
    """Play it all."""
    samples = sample_orders()[: EARLIER + TONIGHT]
    samples[LATER[0]], samples[LATER[1]] = samples[LATER[1]], samples[LATER[0]]
    load(samples, "http://restaurants.example")
    Restaurant.objects.update(webhook_url="")
    with time_travel() as clock:
        now = clock.now
        order = count()
        happenings: list[Happening] = []
        for index, sample in enumerate(samples):
            tonight = index - EARLIER
            start = -(TONIGHT - tonight) * EVERY if tonight >= 0 else -DAYS_AGO + index * EVERY
            happenings += (Happening(start + minute, next(order), do) for minute, do in played(sample))
        happenings += (Happening(minute, next(order), do) for minute, do in by_hand(operator))
        clock.set(now - timedelta(minutes=DAYS_AGO + 1))
        for one in sorted(one for one in happenings if one.minute < 0):
            pass_time(clock, (now + timedelta(minutes=one.minute) - clock.now), now)
            one.do()
        pass_time(clock, now - clock.now, now)


def pass_time(clock: Clock, length: timedelta, now: Any) -> None:
    """Let time pass; effects are run as they come due, for real. While the mail server is down no courier is asked."""
    until = clock.now + max(length, timedelta(0))
    step = max(timedelta(minutes=2), length / 20)
    while clock.now < until:
        before = (now - clock.now) / timedelta(minutes=1)
        down = OUTAGE[1] <= before <= OUTAGE[0]
        clock.advance(min(timedelta(seconds=15) if down else step, until - clock.now))
        with override_settings(**NO_MAIL_SERVER if down else {}):
            clock.effects.run("offer_to_courier", raises=False)
        clock.effects.run()


def played(sample: SampleOrder) -> Iterator[tuple[float, Callable[[], None]]]:
    """Yield what everybody does with an order, in minutes after it was placed."""
    script, placed = sample.script, Placed(sample)
    yield 0, placed.place
    if script.customer == "cancels":
        yield 4, lambda: placed.tell(CustomerCanceled(), login_of(sample.customer.name))
        return
    at = 3.0
    owner = login_of(sample.restaurant)
    if script.restaurant is not None and script.restaurant.does != "never_answers":
        kitchen = script.restaurant
        if kitchen.does == "rejects":
            yield at, lambda: placed.tell(RestaurantRejected(reason=kitchen.reason), owner)
            return
        yield at, lambda: placed.tell(RestaurantAccepted(prep_minutes=kitchen.prep_minutes), owner)
        at += kitchen.prep_minutes
        if kitchen.does == "gives_up":
            yield at - 2, lambda: placed.tell(RestaurantRejected(reason=kitchen.reason), owner)
            return
    for courier in script.couriers:
        at += 16 if courier == "lapses" else 4
        if courier != "lapses":
            yield at, lambda courier=courier: placed.answer(accepts=courier == "accepts")
    if script.delivery is not None:
        yield at + 14, placed.deliver


class Placed:
    """An order and those who take part in it."""

    def __init__(self, sample: SampleOrder) -> None:
        self.sample = sample

    def place(self) -> None:
        customer = User.objects.get(username=login_of(self.sample.customer.name))
        restaurant = Restaurant.objects.get(name=self.sample.restaurant)
        menu = {dish.name: dish for dish in restaurant.dishes.all()}
        wanted = {menu[item.dish]: item.quantity for item in self.sample.items}
        self.order: Order = place_order(customer, restaurant, wanted, self.sample.customer.address)

    @property
    def instance(self) -> MachineInstance:
        return MachineInstance.objects.get(order=self.order)

    def tell(self, event: Event, login: str) -> None:
        """Send an event; what is refused leaves its trace."""
        with suppress(EventRefused):
            engine.send(self.instance, event, actor=actor_of(User.objects.get(username=login)), origin="api")

    def answer(self, *, accepts: bool) -> None:
        """Have the courier answer who was asked last, unless their e-mail never came."""
        instance = self.instance
        offer = instance.snapshot().data.offer
        unsent = Effect.objects.filter(instance=instance, status__in=Effect.OPEN).exists()
        if offer is not None and offer.courier is not None and not unsent:
            event = CourierAccepted if accepts else CourierRejected
            self.tell(event(offer=offer.number), User.objects.get(pk=offer.courier.user).username)

    def deliver(self) -> None:
        courier = self.instance.snapshot().data.courier
        user = User.objects.get(pk=courier.user).username if courier else login_of(self.sample.restaurant)
        self.tell(OrderDelivered(), user)


def by_hand(operator: User) -> Iterator[tuple[float, Callable[[], None]]]:
    """Yield what an operator does in the course of the evening."""
    actor = actor_of(operator)

    def first(state: str) -> MachineInstance:
        found = MachineInstance.objects.filter(state=state, status="active").order_by("pk").first()
        assert found is not None, f"no order is in {state}"
        return found

    def cancel() -> None:
        reason = "The kitchen called: the oven broke, they cannot cook tonight."
        targets = ["standard.order_canceled"]
        order = first("standard.order_accepted")
        engine.force(order, targets, entering=True, reason=reason, actor=actor, origin="admin")

    def pause() -> None:
        reason = "The customer asked to wait until they are home."
        engine.pause(first("restaurant_driven.order_accepted"), reason=reason, actor=actor, origin="admin")

    def retry() -> None:
        effect = Effect.objects.filter(needs_attention=True).earliest("pk")
        engine.retry_effect(effect.pk, reason="The mail server is up again.", actor=actor, origin="admin")

    yield -31, cancel
    yield -12, pause
    yield -3, retry
