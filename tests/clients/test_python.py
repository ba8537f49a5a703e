"""A Python client made by openapi-python-client: it is whole, and typed, and drives an order to its end.

Limits: the generator knows no pictures; it is told that they are text.
"""

from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from .conftest import Site

CONFIG = "content_type_overrides: {image/svg+xml: text/plain}\npost_hooks: []\n"


@pytest.fixture
def made(description: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a client that was made without a warning; it can be imported as `town_client`."""
    config, folder = tmp_path / "config.yml", tmp_path / "town_client"
    config.write_text(CONFIG)
    command = ["openapi-python-client", "generate", "--path", str(description), "--output-path", str(folder)]
    command[0] = str(Path(sys.executable).with_name(command[0]))
    command += ["--meta", "none", "--config", str(config), "--fail-on-warning"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_it_drives_an_order(site: Site, made: Path) -> None:
    """Every module compiles; a customer orders, a courier takes the job and delivers, and nothing is but typed."""
    for module in made.rglob("*.py"):
        import_module(".".join(module.relative_to(made.parent).with_suffix("").parts).removesuffix(".__init__"))
    models, api = import_module("town_client.models"), "town_client.api"

    def call(name: str, user: User, *given: Any, **named: Any) -> Any:
        token = b64encode(f"{user.username}:secret".encode()).decode()
        with import_module("town_client").AuthenticatedClient(site.url, token, prefix="Basic") as client:
            return import_module(f"{api}.{name}").sync(*given, client=client, **named)

    shop = next(one for one in call("restaurants.restaurant_list", site.customer).results if one.name == site.shop)
    wanted = models.NewOrder(shop.id, "Meent 12", [models.NewItem(shop.dishes[0].id, quantity=2)])
    order = call("customer.customer_order_create", site.customer, body=wanted, idempotency_key="once")
    assert call("customer.customer_order_create", site.customer, body=wanted, idempotency_key="once").id == order.id
    assert (order.state, order.total) == ("courier_driven.create_order", "15.00")

    (offer,) = call("courier.courier_offer_list", site.courier)
    refused = call("courier.courier_delivery_delivered", site.courier, order.id)
    assert isinstance(refused, models.Problem)
    assert refused.status == 404
    assert call("courier.courier_offer_accept", site.courier, offer.id).courier == site.town.couriers[0].name

    (instance,) = call("orders_order.list_orders_order", site.customer, state="courier_driven").items
    delivered = call("orders_order.order_delivered_orders_order", site.courier, instance.id)
    assert (delivered.status, delivered.view.state) == ("done", ["delivered"])
    assert call("customer.customer_order_retrieve", site.customer, order.id).state == "delivered"
    again = call("orders_order.order_delivered_orders_order", site.courier, instance.id)
    assert (again.status, again.code) == (409, "ended")
