"""What the API shows: responses are functions of an order's rows, and of its machine's state and data.

Limits: output only; input is typed values that `views` read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from msgspec import Struct
from rest_framework import serializers

from statemachines.core.rejection import possible
from statemachines.models import MachineInstance

from .models import Dish, Offer, Order, OrderItem, Restaurant

Answer = TypeVar("Answer", bound=type[serializers.BaseSerializer[Any]])


RESTAURANT = {
    "id": 1,
    "name": "Pho 79",
    "kind": "standard",
    "dishes": [{"id": 4, "name": "Pho bo", "price": "11.50"}],
}
ORDER = {
    "id": 7,
    "restaurant": "Pho 79",
    "flow": "standard",
    "items": [{"dish": "Pho bo", "price": "11.50", "quantity": 2}],
    "total": "23.00",
    "address": "Meent 12",
    "created": "2026-07-01T18:00:00Z",
    "state": "standard.order_accepted",
    "customer": "ann",
    "prep_minutes": 15,
    "courier": None,
    "canceled_because": "",
    "possible": ["restaurant_rejected"],
}
OFFER = {"id": 3, "number": 1, "created": "2026-07-01T18:15:00Z", "order": ORDER}


def example(name: str, value: dict[str, Any]) -> Callable[[Answer], Answer]:
    """Show an answer in the API's description."""
    return extend_schema_serializer(examples=[OpenApiExample(name, value=value)])


class DishSerializer(serializers.ModelSerializer[Dish]):
    class Meta:
        model = Dish
        fields = ["id", "name", "price"]


@example("restaurant", RESTAURANT)
class RestaurantSerializer(serializers.ModelSerializer[Restaurant]):
    dishes = DishSerializer(many=True)

    class Meta:
        model = Restaurant
        fields = ["id", "name", "kind", "dishes"]


class OrderItemSerializer(serializers.ModelSerializer[OrderItem]):
    class Meta:
        model = OrderItem
        fields = ["dish", "price", "quantity"]


def possible_events(instance: MachineInstance) -> list[str]:
    """Name the events that an instance would take now, in the definition's order."""
    found = possible(instance.registered.machine, instance.snapshot())
    return [one.event_type for one in found if one.verdict != "refused"]


@example("order", ORDER)
class OrderSerializer(serializers.ModelSerializer[Order]):
    """An order for everybody who may see it; `possible` names the events that it would take now."""

    restaurant = serializers.CharField(source="restaurant.name")
    flow = serializers.CharField(source="restaurant.kind")
    items = OrderItemSerializer(many=True)
    state = serializers.CharField(source="instance.state")
    customer = serializers.CharField(source="data.customer")
    prep_minutes = serializers.IntegerField(source="data.acceptance.prep_minutes", allow_null=True)
    courier = serializers.CharField(source="data.courier.name", allow_null=True)
    canceled_because = serializers.CharField(source="data.canceled_because")
    possible = serializers.SerializerMethodField()

    class Meta:
        model = Order
        fields = [
            "id",
            "restaurant",
            "flow",
            "items",
            "total",
            "address",
            "created",
            "state",
            "customer",
            "prep_minutes",
            "courier",
            "canceled_because",
            "possible",
        ]

    def get_possible(self, order: Order) -> list[str]:
        return possible_events(order.instance)


@example("offer", OFFER)
class OfferSerializer(serializers.ModelSerializer[Offer]):
    """An offer for its courier: the job, with the order as the restaurant accepted it."""

    order = OrderSerializer()

    class Meta:
        model = Offer
        fields = ["id", "number", "created", "order"]


class Onboarding(Struct):
    """A customer's onboarding, for them; `possible` names the events that it would take now."""

    state: str
    possible: list[str]


def onboarding(instance: MachineInstance) -> Onboarding:
    return Onboarding(instance.state, possible_events(instance))
