"""Make the database of a run: tables, people, restaurants; and publish the machines as JSON, for the checker.

Limits: run once, as a process of its own, before all others. Arguments: how many customers, the webhooks' address.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection

COURIERS = 24
KINDS = ["standard", "courier_driven", "restaurant_driven"]
PASSWORD = "chaos"


def people(customers: int, webhook: str) -> None:
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User

    from orders.models import Courier, Dish, Restaurant

    password = make_password(PASSWORD)

    def users(kind: str, count: int) -> list[Any]:
        names = [f"{kind}{number}" for number in range(count)]
        return User.objects.bulk_create(
            User(username=name, first_name=name, password=password, email=f"{name}@chaos.test") for name in names
        )

    users("customer", customers)
    Courier.objects.bulk_create(Courier(user=user, name=user.username) for user in users("courier", COURIERS))
    for number, user in enumerate(users("restaurant", 6)):
        kind = KINDS[number % 3]
        contract = kind != "courier_driven"
        restaurant = Restaurant.objects.create(
            name=user.username,
            kind=kind,
            owner=user if contract else None,
            email=user.email if contract else "",
            webhook_url=f"{webhook}/{user.username}" if contract and number < 3 else "",
        )
        Dish.objects.create(restaurant=restaurant, name="soup", price="7.50")


def definitions() -> list[dict[str, Any]]:
    from statemachines import registry

    return [
        {
            "machine": one.name,
            "version": one.version,
            "definition": one.machine.to_xstate(),
            "effects": {
                id: {"name": one.effect_name(effect), "guarantee": effect.guarantee}
                for id, effect in one.machine.names.effects.items()
            },
        }
        for one in registry.machines()
    ]


def main() -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    people(int(sys.argv[1]), sys.argv[2])
    if os.environ.get("CHAOS_BREAK") == "no_lock":
        with connection.cursor() as cursor:  # the constraint alone keeps histories linear where the lock is forgotten
            cursor.execute("ALTER TABLE statemachines_historyentry DROP CONSTRAINT statemachines_history_linear")
    (settings.CHAOS_FOLDER / "definitions.json").write_text(json.dumps(definitions(), indent=1))


if __name__ == "__main__":
    main()
