"""Orders in the admin, to look at, with their machines: they change by events alone.

Limits: read-only; what an operator does with an order's machine is done on the instance's own page.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from statemachines.admin.inline import WithMachine

from .models import Courier, Dish, Offer, Order, OrderItem, Restaurant


class ReadOnly:
    """Shows everything, changes nothing."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Items(ReadOnly, admin.TabularInline):
    model = OrderItem


class Offers(ReadOnly, admin.TabularInline):
    model = Offer


class Dishes(ReadOnly, admin.TabularInline):
    model = Dish


@admin.register(Order)
class OrderAdmin(ReadOnly, WithMachine, admin.ModelAdmin):
    list_display = ["__str__", "restaurant", "customer", "total", "machine_state", "created"]
    list_filter = ["restaurant__kind", ("instance__status", admin.ChoicesFieldListFilter)]
    list_select_related = ["restaurant", "customer", "instance"]
    search_fields = ["=pk", "customer__last_name", "restaurant__name"]
    readonly_fields = ["machine_state", "machine_events", "machine_picture", "created"]
    fieldsets = [
        (None, {"fields": ["machine_state", "machine_events", "machine_picture"]}),
        ("What was ordered", {"fields": ["customer", "restaurant", "address", "total", "created"]}),
    ]
    inlines = [Items, Offers]


@admin.register(Restaurant)
class RestaurantAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["name", "kind", "owner", "webhook_url"]
    list_filter = ["kind"]
    list_select_related = ["owner"]
    search_fields = ["name"]
    inlines = [Dishes]


@admin.register(Courier)
class CourierAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["name", "user", "at_work"]
    list_filter = ["at_work"]
    list_select_related = ["user"]
    search_fields = ["name"]


@admin.register(Dish)
class DishAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["name", "restaurant", "price"]
    list_select_related = ["restaurant"]
    search_fields = ["name"]


@admin.register(OrderItem)
class OrderItemAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["order", "dish", "price", "quantity"]
    list_select_related = ["order"]
    search_fields = ["dish"]


@admin.register(Offer)
class OfferAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ["__str__", "courier", "created"]
    list_select_related = ["courier"]
