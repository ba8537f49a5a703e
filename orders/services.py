"""Place an order: the row and the machine that runs it, in one transaction.

Limits: everything after that is an event, sent by `statemachines.engine.send`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from statemachines.actors import actor_of
from statemachines.engine import create
from statemachines.exceptions import IdempotencyConflict

from .conf import seconds_per_minute
from .data import Line, OrderData
from .models import Dish, Order, OrderItem, Restaurant


def place_order(
    customer: AbstractBaseUser,
    restaurant: Restaurant,
    dishes: Mapping[Dish, int],
    address: str,
    *,
    request_key: str = "",
    pace: float | None = None,
) -> Order:
    """Place an order of so many of each dish, which all are the restaurant's, and start its machine.

    `pace`: how many seconds a minute lasts for it, by default as the settings say.
    With a `request_key`, the same customer's same request sent again returns the order that it placed. Raises
    IdempotencyConflict where another one had that key, and ValueError where nothing is ordered, or a dish is not on the
    restaurant's menu.
    """
    check(restaurant, dishes)
    lines = tuple(Line(dish.name, dish.price, quantity) for dish, quantity in dishes.items())
    total = sum((line.price * line.quantity for line in lines), Decimal(0))
    order = Order(customer=customer, restaurant=restaurant, address=address, total=total, request_key=request_key)
    try:
        with transaction.atomic():
            return start(order, lines, pace)
    except IntegrityError:
        known = Order.objects.filter(customer=customer, request_key=request_key).exclude(request_key="").first()
        if known is None:
            raise
        if wish(known) != (restaurant.pk, address, sorted((line.dish, line.quantity) for line in lines)):
            raise IdempotencyConflict(request_key) from None
        return known


def wish(order: Order) -> tuple[int, str, list[tuple[str, int]]]:
    """Return what was ordered, and where to; not for how much, as prices change."""
    return order.restaurant_id, order.address, sorted((item.dish, item.quantity) for item in order.items.all())


def start(order: Order, lines: tuple[Line, ...], pace: float | None) -> Order:
    order.save()
    OrderItem.objects.bulk_create(
        OrderItem(order=order, dish=line.dish, price=line.price, quantity=line.quantity) for line in lines
    )
    data = order_data(order, lines, pace)
    customer = actor_of(order.customer)
    order.instance = create("orders.order", str(order.pk), data=data, actor=customer, system=True)
    order.save(update_fields=["instance"])
    return order


def check(restaurant: Restaurant, dishes: Mapping[Dish, int]) -> None:
    if not dishes:
        raise ValueError("An order needs at least one dish.")
    foreign = [dish.name for dish in dishes if dish.restaurant_id != restaurant.pk]
    if foreign:
        raise ValueError(f"{restaurant.name} does not sell {', '.join(foreign)}; choose from its own menu.")
    few = [dish.name for dish, quantity in dishes.items() if quantity < 1]
    if few:
        raise ValueError(f"Order at least one of {', '.join(few)}.")


def order_data(order: Order, lines: tuple[Line, ...], pace: float | None = None) -> OrderData:
    """Return what the machine shall own; the pace is stored with it, so that its functions stay pure."""
    customer: Any = order.customer
    return OrderData(
        order=order.pk,
        flow=order.restaurant.kind,  # type: ignore[arg-type]  # Restaurant.Kind has the names of the flows
        customer=customer.get_full_name() or str(customer),
        address=order.address,
        restaurant=order.restaurant.pk,
        restaurant_name=order.restaurant.name,
        lines=lines,
        total=order.total,
        seconds_per_minute=pace or seconds_per_minute(),
    )
