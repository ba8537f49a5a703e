"""The demo's people and restaurants: everybody in the sample orders, couriers, and an administrator.

Limits: made once and found again by name, so that a second run on one database works.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

from orders.models import Courier, Dish, Restaurant
from orders.site.people import VISITORS

from .sample import SampleOrder

PASSWORD = "demo"
COURIERS = [
    "Ines Duarte", "Bram Visser", "Chidi Nwosu", "Noor Haddadi", "Mateusz Kowal", "Linh Đặng", "Fatou Diallo",
    "Jonas Lindqvist", "Priya Menon", "Ahmet Demir", "Rosa Quispe", "Kofi Boateng",
]  # fmt: skip
WITHOUT_WEBHOOK = ["Addis Table", "Casa Lusitana"]
"""These get their orders by e-mail, and look them up on the site."""


class QuickHasher(PBKDF2PasswordHasher):
    """Django's hasher with few iterations: for passwords that are no secret."""

    iterations = 1_000


def login_of(name: str) -> str:
    """Make a login of a name: "Þórður Einarsson" signs in as "thordur.einarsson"."""
    plain = name.lower().translate(str.maketrans({"þ": "th", "ð": "d", "đ": "d", "ø": "o", "ł": "l", "ı": "i"}))
    ascii_only = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", ".", ascii_only).strip(".")


@transaction.atomic
def load(orders: Iterable[SampleOrder], webhook: str) -> None:
    """Make everybody who takes part; restaurants are told of their orders below the address `webhook`."""
    orders = list(orders)
    Group.objects.filter(name=VISITORS).delete()  # until the town is handed over again
    make_users({order.customer.name for order in orders} | {order.restaurant for order in orders} | set(COURIERS))
    User.objects.update_or_create(
        username="admin",
        defaults={"is_staff": True, "is_superuser": True, "password": make_password(PASSWORD), "last_name": "Admin"},
    )
    users = User.objects.in_bulk(field_name="username")
    for name in COURIERS:
        Courier.objects.update_or_create(user=users[login_of(name)], defaults={"name": name, "at_work": True})
    for name, kind in {order.restaurant: order.flow for order in orders}.items():
        load_restaurant(name, kind, users, webhook)
    load_dishes(orders)


def make_users(names: Iterable[str]) -> None:
    password = make_password(PASSWORD)
    made = []
    for name in sorted(names):
        first, _, last = name.partition(" ")
        login = login_of(name)
        made.append(
            User(username=login, first_name=first, last_name=last, password=password, email=f"{login}@demo.test")
        )
    User.objects.bulk_create(
        made, update_conflicts=True, unique_fields=["username"], update_fields=["password", "email"]
    )


def load_restaurant(name: str, kind: str, users: dict[str, User], webhook: str) -> None:
    login = login_of(name)
    has_contract = kind != "courier_driven"
    Restaurant.objects.update_or_create(
        name=name,
        defaults={
            "kind": kind,
            "owner": users[login] if has_contract else None,
            "email": f"{login}@demo.test" if has_contract else "",
            "webhook_url": f"{webhook}/{login}" if has_contract and name not in WITHOUT_WEBHOOK else "",
        },
    )


def load_dishes(orders: Iterable[SampleOrder]) -> None:
    restaurants = {one.name: one for one in Restaurant.objects.all()}
    menu = {(order.restaurant, item.dish): item.price for order in orders for item in order.items}
    dishes = [Dish(restaurant=restaurants[where], name=name, price=price) for (where, name), price in menu.items()]
    Dish.objects.bulk_create(
        dishes, update_conflicts=True, unique_fields=["restaurant", "name"], update_fields=["price"]
    )
