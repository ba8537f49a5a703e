"""What the API shows: responses are functions of an order's rows, and of its machine's state and data.

Limits: output only; input is typed values that `views` read.
"""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from statemachines.core.rejection import possible
from statemachines.models import MachineInstance

from .models import Dish, Offer, Order, OrderItem, Restaurant


class DishSerializer(serializers.ModelSerializer[Dish]):
    class Meta:
        model = Dish
        fields = ["id", "name", "price"]


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


class OrderSerializer(serializers.ModelSerializer[Order]):
    """An order for everybody who may see it; `possible` names the events that it would take now."""

    restaurant = serializers.CharField(source="restaurant.name")
    flow = serializers.CharField(source="restaurant.kind")
    items = OrderItemSerializer(many=True)
    state = serializers.CharField(source="instance.state")

    class Meta:
        model = Order
        fields = ["id", "restaurant", "flow", "items", "total", "address", "created", "state"]

    def to_representation(self, instance: Order) -> dict[str, Any]:
        data = instance.instance.snapshot().data
        return super().to_representation(instance) | {
            "customer": data.customer,
            "prep_minutes": data.acceptance and data.acceptance.prep_minutes,
            "courier": data.courier and data.courier.name,
            "canceled_because": data.canceled_because,
            "possible": possible_events(instance.instance),
        }


class OfferSerializer(serializers.ModelSerializer[Offer]):
    """An offer for its courier: the job, with the order as the restaurant accepted it."""

    order = OrderSerializer()

    class Meta:
        model = Offer
        fields = ["id", "number", "created", "order"]


class OnboardingSerializer(serializers.BaseSerializer[MachineInstance]):
    """A customer's onboarding, for them; `possible` names the events that it would take now."""

    def to_representation(self, instance: MachineInstance) -> dict[str, Any]:
        return {"state": instance.state, "possible": possible_events(instance)}
