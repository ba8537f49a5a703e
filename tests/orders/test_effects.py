"""What an order does to the world: e-mails in memory, a webhook over a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from orders.events import CourierRejected, RestaurantAccepted
from statemachines.models import Effect

from .conftest import Town


class Hook:
    """A restaurant's web server that keeps what it gets; `answers` are the statuses that it gives, then 204."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[int] = []

    def handler(self) -> type[BaseHTTPRequestHandler]:
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook.received.append((self.headers["Idempotency-Key"], body))
                self.send_response(hook.answers.pop(0) if hook.answers else 204)
                self.end_headers()

            def log_message(self, *given: Any) -> None:
                pass

        return Handler


@pytest.fixture
def hook(town: Town) -> Iterator[Hook]:
    made = Hook()
    with ThreadingHTTPServer(("127.0.0.1", 0), made.handler()) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        restaurant = town.restaurants["standard"]
        restaurant.webhook_url = f"http://127.0.0.1:{server.server_address[1]}/orders"
        restaurant.save()
        yield made
        server.shutdown()
        thread.join()


def test_a_restaurant_is_asked_by_its_webhook(town: Town, hook: Hook, mailoutbox: list[Any]) -> None:
    """An order is posted to the restaurant's webhook, with the effect's idempotency key in a header."""
    order = town.order()
    (effect,) = town.run_effects(order)
    ((key, body),) = hook.received
    assert key == str(effect.key)
    assert body["order"] == order.pk
    assert body["lines"][0] == {"dish": "Soup of the day", "price": "7.50", "quantity": 2}
    assert (effect.status, mailoutbox) == (Effect.Status.APPLIED, [])


def test_a_webhook_that_fails_is_tried_again_with_the_same_key(town: Town, hook: Hook, settings: Any) -> None:
    """A webhook that answers 500 is called again later, and the restaurant knows it by the key."""
    settings.STATEMACHINES = {**settings.STATEMACHINES, "EFFECT_RETRY_SECONDS": 0}
    hook.answers = [500]
    order = town.order()
    (effect,) = town.run_effects(order)
    assert (effect.status, effect.attempts) == (Effect.Status.WAITING, 1)
    (effect,) = town.run_effects(order)
    assert (effect.status, effect.attempts) == (Effect.Status.APPLIED, 2)
    assert len({key for key, _ in hook.received}) == 1


def test_a_restaurant_without_webhook_gets_an_email(town: Town, mailoutbox: list[Any]) -> None:
    """Without a webhook the order is offered by e-mail, with what is to be cooked."""
    town.run_effects(town.order("restaurant_driven"))
    (mail,) = mailoutbox
    assert mail.to == ["kostas@town.example"]
    assert "2 × Soup of the day (7.50)" in mail.body
    assert "Total: 17.25" in mail.body


def test_the_courier_is_told_what_the_restaurant_accepted(town: Town, mailoutbox: list[Any]) -> None:
    """The courier's e-mail carries what was stored when the restaurant accepted, and is known by its key."""
    order = town.order()
    town.send(order, RestaurantAccepted(prep_minutes=25), town.owner)
    town.elapse(order)
    effect = town.run_effects(order)[-1]
    mail = mailoutbox[-1]
    assert mail.to == ["ines@town.example"]
    assert mail.subject == f"Offer 1 of order {order.pk}: Pho 79"
    assert "Accepted by pho79" in mail.body
    assert "prepared in 25 min" in mail.body
    assert "Bring it to: Selam Tesfaye, Meent 12, Rotterdam" in mail.body
    assert mail.extra_headers["Message-ID"] == f"<{effect.key}@orders>"


def test_each_offer_goes_to_its_courier_alone(town: Town, mailoutbox: list[Any]) -> None:
    """After a rejection the next courier is told of the next offer."""
    order = town.order("courier_driven")
    town.send(order, CourierRejected(offer=1), town.couriers[0].user)
    town.run_effects(order)
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        (["ines@town.example"], f"Offer 1 of order {order.pk}: Toko Mitra"),
        (["bram@town.example"], f"Offer 2 of order {order.pk}: Toko Mitra"),
    ]
    assert "Buy at: Toko Mitra" in mailoutbox[0].body


def test_no_email_where_there_is_no_courier(town: Town, mailoutbox: list[Any]) -> None:
    """An offer that found no courier reaches nobody, and is no error."""
    for courier in town.couriers:
        courier.at_work = False
        courier.save()
    (effect,) = town.run_effects(town.order("courier_driven"))
    assert (effect.status, mailoutbox) == (Effect.Status.APPLIED, [])
