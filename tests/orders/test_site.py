"""The site's pages without a browser: whose they are, who may play whom, and which buttons there are."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.template.loader import render_to_string
from django.test import Client

from orders.events import CourierAccepted, RestaurantAccepted
from orders.models import Courier, Order, Restaurant
from orders.site.people import VISITORS
from orders.site.texts import STATES
from project.csp import HEADER
from project.demo import visitors
from statemachines import Machine
from statemachines.registry import find

from . import order_v1 as v1
from . import order_v2 as v2
from .conftest import Town
from .test_order_versions import left_behind, upgraded


@pytest.fixture
def playing(town: Town, settings: Any) -> Town:
    """The town, in which visitors may be anybody."""
    settings.ORDERS_PLAY = True
    Group.objects.create(name=VISITORS).user_set.set(User.objects.all())
    return town


def window(*people: User) -> Client:
    """Be these people, each in their role, in one browser."""
    client = Client()
    for person in people:
        assert client.post("/sign-in/", {"user": person.pk}).status_code == 302
    return client


def buttons(client: Client, address: str) -> list[str]:
    """Return the events that a page offers, each once."""
    page = client.get(address).content.decode()
    return list(dict.fromkeys(re.findall(r'action="/\w+/orders/\d+/(\w+)/"', page)))


def test_one_click_is_only_for_play(town: Town, settings: Any) -> None:
    """Where visitors may not play, there is no such way in, and whom somebody played before is nobody."""
    settings.ORDERS_PLAY = True
    group = Group.objects.create(name=VISITORS)
    group.user_set.add(town.customer)
    client = window(town.customer)
    assert client.get("/customer/").status_code == 200
    assert client.post("/sign-in/", {"user": town.owner.pk}).status_code == 404  # no visitor's
    settings.ORDERS_PLAY = False
    assert [
        client.post(way, {"user": town.customer.pk}).status_code for way in ("/sign-in/", "/speed/", "/stage/")
    ] == [404] * 3
    assert client.get("/customer/").headers["Location"] == "/?nobody=customer"
    part = client.get("/customer/", headers={"HX-Request": "true"})  # not the front page inside of another
    assert (part.status_code, part.headers["HX-Redirect"]) == (200, "/?nobody=customer")


def test_who_is_signed_in_is_themselves(town: Town) -> None:
    """Outside of play, people have the roles that they have, and no others."""
    client = Client()
    client.force_login(town.couriers[0].user)
    assert [client.get(f"/{role}/").status_code for role in ("customer", "courier", "restaurant")] == [200, 200, 302]


def test_buttons_are_what_the_machine_would_take(playing: Town) -> None:
    """In each state each role has its events, and after an assignment only who carries the order delivers it."""
    ines, bram, _ = playing.couriers
    order = playing.order()
    client = window(playing.customer, playing.owner, ines.user)
    page = f"/customer/orders/{order.pk}/"
    assert buttons(client, page) == ["customer_canceled"]
    assert buttons(client, "/restaurant/") == ["restaurant_accepted", "restaurant_rejected"]
    playing.send(order, RestaurantAccepted(prep_minutes=10), playing.owner)
    assert (buttons(client, page), buttons(client, "/restaurant/")) == ([], ["restaurant_rejected"])
    playing.elapse(order)
    assert buttons(client, "/courier/") == ["courier_accepted", "courier_rejected"]
    assert buttons(window(bram.user), "/courier/") == []
    playing.send(order, CourierAccepted(offer=1), ines.user)
    assert buttons(client, "/courier/") == ["order_delivered"]
    assert buttons(client, "/restaurant/") == []


def test_what_is_not_theirs_is_not_there(playing: Town) -> None:
    """Another's order has no page, no stream, no scenes and no events."""
    order = playing.order()
    other = window(playing.other, playing.other_owner, playing.couriers[0].user)
    mine = f"/customer/orders/{order.pk}/"
    assert [other.get(mine + more).status_code for more in ("", "live/", "behind/")] == [404] * 3
    sent = (mine + "customer_canceled/", f"/restaurant/orders/{order.pk}/restaurant_rejected/",
            f"/courier/orders/{order.pk}/courier_accepted/")  # fmt: skip
    assert [other.post(address, {"offer": 1}).status_code for address in sent] == [404] * 3
    assert window(playing.customer).post(mine + "restaurant_accepted/").status_code == 404  # no button of this role


def test_a_refusal_says_what_happened_meanwhile(playing: Town) -> None:
    """It is a 409 with the history since the page was shown; a payload that does not fit is one as well."""
    order = playing.order()
    client, cancel = window(playing.customer, playing.owner), f"/customer/orders/{order.pk}/customer_canceled/"
    wrong = client.post(f"/restaurant/orders/{order.pk}/restaurant_accepted/", {"prep_minutes": "0"})
    assert (wrong.status_code, "was not filled in right" in wrong.content.decode()) == (409, True)
    playing.send(order, RestaurantAccepted(prep_minutes=10), playing.owner)
    late = client.post(cancel, {"seen": "1", "key": "a"})
    assert late.status_code == 409
    assert "Pho 79 accepted: 10 minutes" in late.content.decode()
    assert client.get(cancel).headers["Location"] == f"/customer/orders/{order.pk}/"


def test_an_order_needs_a_dish_and_an_address(playing: Town) -> None:
    """What is missing is said; nothing is placed."""
    client, restaurant = window(playing.customer), playing.restaurants["standard"]
    soup = restaurant.dishes.first()
    for form, said in (
        ({"address": "x"}, "at least one dish"),
        ({f"dish-{soup.pk}": "2", "address": " "}, "Say where"),
    ):
        answer = client.post(f"/customer/restaurants/{restaurant.pk}/", form)
        assert (answer.status_code, said in answer.content.decode()) == (400, True)
    assert not Order.objects.exists()


def test_visitors_say_how_fast_time_passes(playing: Town) -> None:
    """A pace that is offered is that of the orders placed from then on; another is not taken."""
    client, restaurant = window(playing.customer), playing.restaurants["standard"]
    form = {f"dish-{restaurant.dishes.first().pk}": "1", "address": "Meent 12"}
    for given, pace in (("1.0", 1), ("0.0001", 60)):
        assert client.post("/speed/", {"pace": given, "next": "//elsewhere.example/"}).headers["Location"] == "/"
        client.post(f"/customer/restaurants/{restaurant.pk}/", form)
        assert Order.objects.first().instance.snapshot().data.seconds_per_minute == pace


def test_every_page_has_a_strict_policy(playing: Town) -> None:
    """Scripts and styles come from files of this site, and no page brings its own."""
    client = window(playing.customer, playing.owner, playing.couriers[0].user)
    for address in ("/", "/stage/", "/customer/", "/customer/mails/", "/restaurant/", "/courier/", "/admin/login/"):
        answer = client.get(address)
        assert "script-src 'self'; style-src 'self'" in answer.headers[HEADER]
        if not address.startswith("/admin/"):
            assert not re.search(r"<style|\sstyle=|<script(?! defer| src)|\son\w+=", answer.content.decode())


def test_each_state_has_its_words() -> None:
    """Whatever state an order can rest in, customers are told something of it."""
    chart = find("orders.order").machine.chart
    resting = {node.path for node in chart.nodes if not node.children and "order_canceled" not in node.path}
    assert resting - {"flow_chooser"} - {path for path in resting if path.endswith("delivery_complete")} == set(STATES)


def test_the_town_is_handed_over(playing: Town) -> None:
    """Simulated couriers are at home, no webhook is called any more, and a courier whom somebody plays goes to work."""
    Restaurant.objects.update(webhook_url="http://127.0.0.1:1/")
    visitors.hand_over()
    assert not Courier.objects.at_work().exists()
    assert not Restaurant.objects.exclude(webhook_url="").exists()
    assert set(visitors.CUSTOMERS) == {user.get_full_name() for user in Group.objects.get(name=VISITORS).user_set.all()}
    Group.objects.get(name=VISITORS).user_set.add(playing.couriers[0].user)
    window(playing.couriers[0].user)
    assert Courier.objects.at_work().get() == playing.couriers[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("machine", [v1.order, v2.order])
def test_orders_of_earlier_releases_are_shown(playing: Town, machine: Machine[Any]) -> None:
    """What waits for its upgrade is said to, on everybody's page, and takes no button down with it."""
    old, new = left_behind(playing, machine, "standard", "order_accepted"), playing.order()
    client, page = window(playing.customer, playing.owner), f"/customer/orders/{old.pk}/"
    assert "begun by an earlier release" in client.get(page).content.decode()
    assert "waits for its upgrade to 3" in client.get(f"{page}behind/").content.decode()
    assert re.findall(r"action=\"/\w+/orders/(\d+)/", client.get("/restaurant/").content.decode()) == [str(new.pk)] * 2
    assert client.post(f"/restaurant/orders/{old.pk}/restaurant_rejected/").status_code == 409
    upgraded(old)
    assert "Pho 79 is cooking" in client.get(page).content.decode()


def test_all_orders_can_be_found_again(playing: Town) -> None:
    """The first page shows the latest, and leads to all of them, page by page."""
    orders = [playing.order() for _ in range(22)]
    client = window(playing.customer)
    assert 'href="/customer/orders/"' in client.get("/customer/").content.decode()
    pages = [client.get(f"/customer/orders/?page={page}").content.decode() for page in (1, 2)]
    assert [len(re.findall(r'href="/customer/orders/\d+/"', page)) for page in pages] == [20, 2]
    assert f"/customer/orders/{orders[0].pk}/" in pages[1]


def test_what_was_chosen_is_kept_where_something_is_missing(playing: Town) -> None:
    """The form comes back as it was filled in."""
    client, restaurant = window(playing.customer), playing.restaurants["standard"]
    soup = restaurant.dishes.first()
    answer = client.post(f"/customer/restaurants/{restaurant.pk}/", {f"dish-{soup.pk}": "7", "address": ""})
    assert 'value="7"' in answer.content.decode()


def test_faults_look_like_the_site(playing: Town, settings: Any) -> None:
    """What is not there, a form that is too old, and a fault of ours have pages with a way back."""
    settings.DEBUG = False
    order = playing.order()
    client = Client(enforce_csrf_checks=True)
    missing, old = client.get("/nothing/"), client.post(f"/customer/orders/{order.pk}/customer_canceled/")
    assert (missing.status_code, old.status_code) == (404, 403)
    pages = [missing.content.decode(), old.content.decode(), render_to_string("500.html")]
    assert all('class="brand"' in page and "To the front page" in page for page in pages)
