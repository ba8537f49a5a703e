"""Orders in the admin: to look at, with the machine that runs each."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from .conftest import Town


def test_an_order_shows_its_machine(admin_client: Client, town: Town) -> None:
    """State, possible events and picture stand in the order's page, with links to the instance's."""
    order = town.order()
    text = admin_client.get(reverse("admin:orders_order_change", args=[order.pk])).content.decode()
    instance = reverse("admin:statemachines_machineinstance_change", args=[order.instance.pk])
    assert f'<a href="{instance}">Create order of standard</a>' in text
    for event in ("Restaurant accepted", "Restaurant rejected", "Customer canceled"):
        assert f'<a href="{instance}#sm-events">{event}</a>' in text
    assert '<svg xmlns="http://www.w3.org/2000/svg"' in text
    assert "statemachines/diagram.css" in text


def test_orders_are_listed_with_their_states(admin_client: Client, town: Town) -> None:
    """The list names states in words, and is filtered by status."""
    for kind in town.restaurants:
        town.order(kind)
    address = reverse("admin:orders_order_changelist")
    assert "Create order of courier driven" in admin_client.get(address).content.decode()
    done = admin_client.get(address, {"instance__status__exact": "done"})
    assert done.context["cl"].result_count == 0


def test_an_order_without_an_instance_is_shown(admin_client: Client, town: Town) -> None:
    """Before its machine is there, nothing is said of it."""
    order = town.order()
    type(order).objects.update(instance=None)
    assert admin_client.get(reverse("admin:orders_order_change", args=[order.pk])).status_code == 200
