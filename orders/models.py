"""Who orders what from whom, and the offers made to couriers. How far an order is, its machine instance says.

Limits: no flow here. Orders are placed by `services.place_order`, and driven by events.
"""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.core.validators import MinValueValidator, URLValidator
from django.db import models

from statemachines.models import MachineInstance

from .data import OrderData
from .querysets import CourierQuerySet, OfferQuerySet, OrderQuerySet


class Restaurant(models.Model):
    """A kitchen or a shop; its kind decides which flow its orders take."""

    class Kind(models.TextChoices):
        STANDARD = "standard", "cooks, our couriers deliver"
        COURIER_DRIVEN = "courier_driven", "no contract, a courier buys in the shop"
        RESTAURANT_DRIVEN = "restaurant_driven", "cooks and delivers"

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20, choices=Kind)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="restaurants",
        help_text="Who answers for it; nobody where there is no contract.",
    )  # fmt: skip
    email = models.EmailField(blank=True)
    webhook_url = models.CharField(
        max_length=200, blank=True, validators=[URLValidator(["http", "https"])],
        help_text="Orders are offered here; without it, by e-mail.",
    )  # fmt: skip

    def __str__(self) -> str:
        return self.name


class Dish(models.Model):
    """Something on a restaurant's menu."""

    restaurant = models.ForeignKey(Restaurant, models.CASCADE, related_name="dishes")
    name = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=8, decimal_places=2, validators=[MinValueValidator(Decimal(0))])

    class Meta:
        verbose_name_plural = "dishes"
        constraints = [models.UniqueConstraint(fields=["restaurant", "name"], name="orders_dish_name")]

    def __str__(self) -> str:
        return self.name


class Courier(models.Model):
    """Somebody who brings food."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, related_name="courier")
    name = models.CharField(max_length=100)
    at_work = models.BooleanField(default=True)

    objects = CourierQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    """What a customer wants from a restaurant; `instance` is the machine that runs it."""

    customer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="orders")
    restaurant = models.ForeignKey(Restaurant, models.PROTECT, related_name="orders")
    address = models.CharField(max_length=200)
    total = models.DecimalField(max_digits=10, decimal_places=2)
    # Null only inside the transaction that places the order: the machine's data name the order, so it comes first.
    instance = models.OneToOneField(MachineInstance, models.PROTECT, null=True, editable=False, related_name="order")
    request_key = models.CharField(max_length=100, blank=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "request_key"], condition=~models.Q(request_key=""), name="orders_order_once"
            )
        ]

    def __str__(self) -> str:
        return f"Order {self.pk}"

    @property
    def data(self) -> OrderData:
        """What its machine owns now."""
        assert self.instance is not None  # an order that is placed has one
        data: OrderData = self.instance.snapshot().data
        return data


class OrderItem(models.Model):
    """A dish in an order, by name and at the price of that day."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="items")
    dish = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    quantity = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])

    def __str__(self) -> str:
        return f"{self.quantity} × {self.dish}"


class Offer(models.Model):
    """An order's job, offered to a courier; written by the machine. Whether it is open, the machine says."""

    order = models.ForeignKey(Order, models.CASCADE, related_name="offers")
    number = models.PositiveSmallIntegerField()
    courier = models.ForeignKey(Courier, models.PROTECT, related_name="offers")
    created = models.DateTimeField(auto_now_add=True)

    objects = OfferQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["order", "number"], name="orders_offer_number")]
        indexes = [models.Index(fields=["courier", "id"], name="orders_offer_last")]

    def __str__(self) -> str:
        return f"Offer {self.number} of order {self.order_id}"
