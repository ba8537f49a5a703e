"""The order flow's rules, each proved on the pure machine: no database, no clock."""

from typing import Any

import pytest

from orders.data import MOST_OFFERS
from orders.events import (
    CourierAccepted,
    CourierRejected,
    CustomerCanceled,
    OrderDelivered,
    RestaurantAccepted,
    RestaurantRejected,
)
from orders.machines import order
from statemachines import Refuse

from .play import COURIERS, Play

FLOWS = ["standard", "courier_driven", "restaurant_driven"]
WITH_RESTAURANT = ["standard", "restaurant_driven"]
WITH_COURIER = ["standard", "courier_driven"]
ASKS_COURIER = {"standard": "standard.order_ready", "courier_driven": "courier_driven.create_order"}


def cooked(flow: str, **more: Any) -> Play:
    """An order whose restaurant accepted, and whose food is ready."""
    play = Play(flow, **more)
    play.send(RestaurantAccepted(prep_minutes=10))
    play.elapse("prep_time")
    return play


def asking(flow: str, **more: Any) -> Play:
    """An order that waits for a courier's answer to the first offer."""
    return cooked(flow, **more) if flow == "standard" else Play(flow, **more)


def on_the_way(flow: str) -> Play:
    if flow == "restaurant_driven":
        return cooked(flow)
    play = asking(flow)
    play.answer(CourierAccepted, 1)
    return play


def refused(play: Play, event: Any, user: str | None = None) -> Refuse:
    before = play.snapshot
    with pytest.raises(Refuse) as caught:
        play.send(event, user)
    assert play.snapshot is before
    return caught.value


def impossible(play: Play, event: Any, user: str | None = None) -> None:
    before = play.snapshot
    step = play.send(event, user)
    assert step.rejection is not None
    assert step.snapshot == before


def test_states() -> None:
    """The machine has the figure's states, and no other."""
    inside = {
        "standard": ["create_order", "order_accepted", "order_ready", "courier_on_the_way"],
        "courier_driven": ["create_order", "courier_on_the_way"],
        "restaurant_driven": ["create_order", "order_accepted", "courier_on_the_way"],
    }
    root = ["flow_chooser", *FLOWS, "delivered", "canceled"]
    ends = ["delivery_complete", "order_canceled"]
    expected = {*root, *(f"{flow}.{name}" for flow in FLOWS for name in [*inside[flow], *ends])}
    assert {node.path for node in order.chart.nodes if node.path} == expected
    assert (order.name, order.version) == ("order", 3)


@pytest.mark.parametrize("flow", FLOWS)
def test_the_flow_is_chosen_when_the_order_starts(flow: str) -> None:
    """Which flow an order takes is decided when it starts, by what kind its restaurant is."""
    assert Play(flow).state == f"{flow}.create_order"


@pytest.mark.parametrize("flow", WITH_RESTAURANT)
def test_create_order_offers_to_the_restaurant(flow: str) -> None:
    """Where the restaurant decides, entering create_order offers it the order."""
    assert Play(flow).effects == ["offer_to_restaurant"]


@pytest.mark.parametrize("flow", WITH_COURIER)
def test_asking_a_courier_offers_to_the_courier(flow: str) -> None:
    """Where a courier decides, entering the state offers the job to one courier."""
    assert asking(flow).effects == ["offer_to_courier"]


@pytest.mark.parametrize("flow", WITH_RESTAURANT)
def test_the_restaurant_accepts(flow: str) -> None:
    """The restaurant accepts, and its preparation time starts."""
    play = Play(flow)
    play.send(RestaurantAccepted(prep_minutes=25))
    assert play.state == f"{flow}.order_accepted"
    assert play.timers == {"prep_time": 25 * 60}


def test_prepared_food_waits_for_a_courier() -> None:
    """In the standard flow the order is ready when the preparation time has elapsed."""
    assert cooked("standard").state == "standard.order_ready"


def test_prepared_food_leaves_with_the_restaurant() -> None:
    """In the restaurant-driven flow the food is on its way when the preparation time has elapsed."""
    assert cooked("restaurant_driven").state == "restaurant_driven.courier_on_the_way"


@pytest.mark.parametrize("flow", WITH_RESTAURANT)
def test_the_restaurant_rejects(flow: str) -> None:
    """A restaurant's rejection ends the flow in order_canceled, and the order as canceled."""
    play = Play(flow)
    play.send(RestaurantRejected(reason="The oven is broken"))
    assert (play.state, play.snapshot.status) == ("canceled", "done")
    assert play.data.canceled_because == "The oven is broken"


@pytest.mark.parametrize("flow", WITH_RESTAURANT)
def test_the_restaurant_gives_up_while_it_cooks(flow: str) -> None:
    """A restaurant may still reject after it accepted."""
    play = Play(flow)
    play.send(RestaurantAccepted(prep_minutes=10))
    play.send(RestaurantRejected())
    assert play.state == "canceled"


@pytest.mark.parametrize("flow", FLOWS)
def test_delivery_completes_the_order(flow: str) -> None:
    """A flow that ends in delivery_complete leads to delivered."""
    play = on_the_way(flow)
    play.send(OrderDelivered())
    assert f"{flow}.delivery_complete" in [node.path for node in play.step.microsteps[0].plan.then.nodes]
    assert (play.state, play.snapshot.status) == ("delivered", "done")


def test_the_courier_reports_that_the_shop_rejects() -> None:
    """In the courier-driven flow the courier on the way reports restaurant_rejected, which cancels."""
    play = on_the_way("courier_driven")
    play.send(RestaurantRejected(reason="Sold out"), user=COURIERS[0]["user"])
    assert (play.state, play.data.canceled_because) == ("canceled", "Sold out")


@pytest.mark.parametrize("flow", WITH_RESTAURANT)
def test_no_rejection_when_the_food_has_left(flow: str) -> None:
    """Where the restaurant cooks, it cannot reject an order that is on its way."""
    impossible(on_the_way(flow), RestaurantRejected())


@pytest.mark.parametrize("flow", WITH_RESTAURANT)
def test_an_order_is_accepted_once_by_its_restaurant(flow: str) -> None:
    """An order can be accepted only once: a restaurant's second acceptance is not possible."""
    play = Play(flow)
    play.send(RestaurantAccepted(prep_minutes=10))
    impossible(play, RestaurantAccepted(prep_minutes=5))
    assert play.data.acceptance is not None
    assert play.data.acceptance.prep_minutes == 10


@pytest.mark.parametrize("flow", WITH_COURIER)
def test_an_order_is_accepted_once_by_a_courier(flow: str) -> None:
    """An order can be accepted only once: a second courier's acceptance is not possible."""
    play = on_the_way(flow)
    impossible(play, CourierAccepted(offer=1), user=COURIERS[0]["user"])
    impossible(play, CourierAccepted(offer=2), user=COURIERS[1]["user"])
    assert play.data.courier is not None
    assert play.data.courier.name == COURIERS[0]["name"]


def test_the_courier_gets_what_was_stored_at_acceptance() -> None:
    """The offer to the courier carries the order information that was stored when the restaurant accepted."""
    play = cooked("standard")
    (offer,) = [command for command in play.step.commands if getattr(command, "effect", None)]
    assert offer.data.acceptance.prep_minutes == 10
    assert offer.data.acceptance.by == "Pho 79"
    assert offer.data.lines == play.data.lines


def test_no_courier_accepts_early() -> None:
    """A courier cannot accept before the food is ready: couriers are paid by the time spent."""
    play = Play("standard")
    impossible(play, CourierAccepted(offer=1))
    play.send(RestaurantAccepted(prep_minutes=10))
    impossible(play, CourierAccepted(offer=1))


@pytest.mark.parametrize("flow", WITH_COURIER)
def test_couriers_are_asked_one_after_another(flow: str) -> None:
    """A rejection offers the job to the next courier: the state is entered again, and its patience starts anew."""
    play = asking(flow)
    play.answer(CourierRejected, 1)
    assert play.state == ASKS_COURIER[flow]
    assert play.effects == ["offer_to_courier"]
    assert list(play.timers) == ["courier_patience"]
    assert [offer.courier and offer.courier.name for offer in play.data.offers] == ["Ines", "Bram"]


@pytest.mark.parametrize("flow", WITH_COURIER)
def test_rejections_up_to_the_limit_cancel(flow: str) -> None:
    """When the last offer of the limit is rejected, the order is canceled."""
    play = asking(flow)
    for number in range(1, MOST_OFFERS + 1):
        assert play.state == ASKS_COURIER[flow]
        play.answer(CourierRejected, number)
    assert (play.state, play.data.canceled_because) == ("canceled", "no courier took it")


@pytest.mark.parametrize("flow", WITH_COURIER)
def test_the_last_courier_asked_may_accept(flow: str) -> None:
    """The last offer of the limit can be accepted like the first."""
    play = asking(flow)
    play.answer(CourierRejected, 1)
    play.elapse("courier_patience")
    play.answer(CourierAccepted, 3)
    assert play.state == f"{flow}.courier_on_the_way"


@pytest.mark.parametrize("flow", WITH_COURIER)
@pytest.mark.parametrize("ending", ["rejected", "lapsed"])
def test_a_past_offer_cannot_be_accepted_while_another_courier_is_asked(flow: str, ending: str) -> None:
    """A courier who rejected, or whose offer lapsed, cannot accept it after another courier was offered the job."""
    play = asking(flow)
    if ending == "rejected":
        play.answer(CourierRejected, 1)
    else:
        play.elapse("courier_patience")
    refusal = refused(play, CourierAccepted(offer=1), user=COURIERS[0]["user"])
    assert refusal.code == "offer_lapsed"
    assert "Offer 1" in refusal.text


@pytest.mark.parametrize("flow", WITH_COURIER)
def test_a_past_offer_cannot_be_accepted_when_another_courier_is_assigned(flow: str) -> None:
    """A courier who rejected cannot accept after another courier was assigned."""
    play = asking(flow)
    play.answer(CourierRejected, 1)
    play.answer(CourierAccepted, 2)
    impossible(play, CourierAccepted(offer=1), user=COURIERS[0]["user"])


def test_a_past_offer_cannot_be_rejected_again() -> None:
    """An answer to a past offer is refused, so that it does not take the job from the courier who is asked now."""
    play = asking("standard")
    play.answer(CourierRejected, 1)
    assert refused(play, CourierRejected(offer=1), user=COURIERS[0]["user"]).code == "offer_lapsed"


@pytest.mark.parametrize("kind", [CourierAccepted, CourierRejected])
def test_an_offer_is_answered_by_its_courier_alone(kind: Any) -> None:
    """The actor of an answer must be the courier to whom the offer was made."""
    play = asking("standard")
    assert refused(play, kind(offer=1), user=COURIERS[1]["user"]).code == "not_your_offer"


def test_an_answer_names_an_offer_that_was_made() -> None:
    """An answer to an offer that was never made is refused."""
    assert refused(asking("standard"), CourierAccepted(offer=2), user=COURIERS[0]["user"]).code == "no_such_offer"


@pytest.mark.parametrize("flow", WITH_COURIER)
def test_an_order_is_delivered_by_its_courier_alone(flow: str) -> None:
    """Only the courier who carries an order can say that it is delivered."""
    play = on_the_way(flow)
    assert refused(play, OrderDelivered(), user=COURIERS[1]["user"]).code == "not_your_delivery"
    play.send(OrderDelivered(), user=COURIERS[0]["user"])
    assert play.state == "delivered"


@pytest.mark.parametrize("flow", WITH_RESTAURANT)
def test_a_silent_restaurant_does_not_leave_an_order_hanging(flow: str) -> None:
    """When a restaurant's patience has passed without an answer, the order is canceled."""
    play = Play(flow)
    assert play.timers == {"restaurant_patience": 20 * 60}
    play.elapse("restaurant_patience")
    assert play.state == "canceled"


@pytest.mark.parametrize("flow", WITH_COURIER)
def test_silent_couriers_do_not_leave_an_order_hanging(flow: str) -> None:
    """When all couriers up to the limit let their offer lapse, the order is canceled."""
    play = asking(flow)
    for _ in range(MOST_OFFERS):
        assert play.state == ASKS_COURIER[flow]
        assert play.timers == {"courier_patience": 15 * 60}
        play.elapse("courier_patience")
    assert play.state == "canceled"


@pytest.mark.parametrize("flow", WITH_COURIER)
def test_without_couriers_no_order_hangs(flow: str) -> None:
    """Where no courier is at work, the order looks again after each patience, and is canceled at the limit."""
    play = asking(flow, couriers=0)
    assert refused(play, CourierAccepted(offer=1)).code == "no_such_offer"
    for _ in range(MOST_OFFERS):
        play.elapse("courier_patience")
    assert play.state == "canceled"


@pytest.mark.parametrize("flow", FLOWS)
def test_the_customer_cancels_before_the_first_acceptance(flow: str) -> None:
    """While create_order waits for the first acceptance, the customer may cancel."""
    play = Play(flow)
    play.send(CustomerCanceled())
    assert (play.state, play.data.canceled_because) == ("canceled", "the customer canceled")


@pytest.mark.parametrize("flow", FLOWS)
def test_the_customer_does_not_cancel_afterwards(flow: str) -> None:
    """After the first acceptance the customer cannot cancel."""
    if flow in WITH_RESTAURANT:
        play = Play(flow)
        play.send(RestaurantAccepted(prep_minutes=10))
        impossible(play, CustomerCanceled())
    impossible(on_the_way(flow), CustomerCanceled())
    if flow == "standard":
        impossible(asking(flow), CustomerCanceled())


def test_times_scale_with_the_data() -> None:
    """Every wait scales by the seconds per minute that the order was created with."""
    play = Play("standard", seconds_per_minute=0.5)
    assert play.timers == {"restaurant_patience": 10}
    play.send(RestaurantAccepted(prep_minutes=8))
    assert play.timers == {"prep_time": 4}
    play.elapse("prep_time")
    assert play.timers == {"courier_patience": 7.5}
