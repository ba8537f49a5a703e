"""The order flow's rules, each proved on the machine alone: no database, and time passes as it is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orders.data import MOST_OFFERS
from orders.effects import offer_to_courier, offer_to_restaurant
from orders.events import (
    CourierAccepted,
    CourierRejected,
    CustomerCanceled,
    OrderDelivered,
    RestaurantAccepted,
    RestaurantRejected,
)
from orders.machines import order

from .play import BRAM, CHIDI, INES, NOOR, asking, by, cooked, on_the_way, placed, rejected

FLOWS = ["standard", "courier_driven", "restaurant_driven"]
WITH_RESTAURANT = ["standard", "restaurant_driven"]
WITH_COURIER = ["standard", "courier_driven"]
ASKS_COURIER = {"standard": "standard.order_ready", "courier_driven": "courier_driven.create_order"}

in_all_flows = pytest.mark.parametrize("flow", FLOWS)
where_a_restaurant_cooks = pytest.mark.parametrize("flow", WITH_RESTAURANT)
where_couriers_deliver = pytest.mark.parametrize("flow", WITH_COURIER)


# The figure


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


@in_all_flows
def test_the_flow_is_chosen_when_the_order_starts(flow: str) -> None:
    """Which flow an order takes is decided when it starts, by what kind its restaurant is."""
    placed(flow).is_in(f"{flow}.create_order")


@where_a_restaurant_cooks
def test_create_order_offers_to_the_restaurant(flow: str) -> None:
    """Where the restaurant decides, entering create_order offers it the order."""
    assert placed(flow).effects == [offer_to_restaurant.id]


@where_couriers_deliver
def test_asking_a_courier_offers_to_the_courier(flow: str) -> None:
    """Where a courier decides, entering the state offers the job to one courier."""
    run = asking(flow)
    assert run.effects.count(offer_to_courier.id) == 1
    assert run.asked(offer_to_courier).data.offer.courier == INES


@where_a_restaurant_cooks
def test_the_restaurant_accepts(flow: str) -> None:
    """The restaurant accepts, and its preparation time starts."""
    run = placed(flow)
    run.send(RestaurantAccepted(prep_minutes=25))
    run.is_in(f"{flow}.order_accepted")
    assert run.timers == {"prep_time": timedelta(minutes=25)}


def test_prepared_food_waits_for_a_courier() -> None:
    """In the standard flow the order is ready when the preparation time has elapsed, and not before."""
    run = placed("standard")
    run.send(RestaurantAccepted(prep_minutes=25))
    run.advance(minutes=24)
    run.is_in("standard.order_accepted")
    run.advance(minutes=1)
    run.is_in("standard.order_ready")


def test_prepared_food_leaves_with_the_restaurant() -> None:
    """In the restaurant-driven flow the food is on its way when the preparation time has elapsed."""
    cooked("restaurant_driven").is_in("restaurant_driven.courier_on_the_way")


@where_a_restaurant_cooks
def test_the_restaurant_rejects(flow: str) -> None:
    """A restaurant's rejection ends the flow in order_canceled, and the order as canceled."""
    run = placed(flow)
    run.send(RestaurantRejected(reason="The oven is broken"))
    assert f"{flow}.order_canceled" in run.history[-1].step.microsteps[0].plan.entered
    assert (run.state, run.ended, run.data.canceled_because) == ("canceled", True, "The oven is broken")


@where_a_restaurant_cooks
def test_the_restaurant_gives_up_while_it_cooks(flow: str) -> None:
    """A restaurant may still reject after it accepted."""
    run = placed(flow)
    run.send(RestaurantAccepted(prep_minutes=10))
    run.send(RestaurantRejected())
    run.is_in("canceled")


@in_all_flows
def test_delivery_completes_the_order(flow: str) -> None:
    """A flow that ends in delivery_complete leads to delivered."""
    run = on_the_way(flow)
    run.send(OrderDelivered())
    assert f"{flow}.delivery_complete" in run.history[-1].step.microsteps[0].plan.entered
    assert (run.state, run.ended) == ("delivered", True)


def test_the_courier_reports_that_the_shop_rejects() -> None:
    """In the courier-driven flow the courier on the way reports restaurant_rejected, which cancels."""
    run = on_the_way("courier_driven")
    run.send(RestaurantRejected(reason="Sold out"), actor=by(INES))
    assert (run.state, run.data.canceled_because) == ("canceled", "Sold out")


@where_a_restaurant_cooks
def test_no_rejection_when_the_food_has_left(flow: str) -> None:
    """Where the restaurant cooks, it cannot reject an order that is on its way."""
    on_the_way(flow).refuses(RestaurantRejected(), code="not_possible")


# The rules of the text


@where_a_restaurant_cooks
def test_an_order_is_accepted_once_by_its_restaurant(flow: str) -> None:
    """An order can be accepted only once: a restaurant's second acceptance is not possible."""
    run = placed(flow)
    run.send(RestaurantAccepted(prep_minutes=10))
    run.refuses(RestaurantAccepted(prep_minutes=5), code="not_possible")
    assert run.data.acceptance is not None
    assert run.data.acceptance.prep_minutes == 10


@where_couriers_deliver
def test_an_order_is_accepted_once_by_a_courier(flow: str) -> None:
    """An order can be accepted only once: a second courier's acceptance is not possible."""
    run = on_the_way(flow)
    run.refuses(CourierAccepted(offer=1), code="not_possible", actor=by(INES))
    run.refuses(CourierAccepted(offer=2), code="not_possible", actor=by(BRAM))
    assert run.data.courier == INES


def test_the_courier_gets_what_was_stored_at_acceptance() -> None:
    """The offer to the courier carries the order information that was stored when the restaurant accepted."""
    run = placed("standard")
    run.send(RestaurantAccepted(prep_minutes=10))
    accepted_at = run.now
    run.elapse("prep_time")
    given = run.asked(offer_to_courier).data
    assert (given.acceptance.prep_minutes, given.acceptance.by, given.acceptance.at) == (10, "Pho 79", accepted_at)
    assert given.lines == run.data.lines


def test_no_courier_accepts_early() -> None:
    """A courier cannot accept before the food is ready: couriers are paid by the time spent."""
    run = placed("standard")
    run.refuses(CourierAccepted(offer=1), code="not_possible", actor=by(INES))
    run.send(RestaurantAccepted(prep_minutes=10))
    run.advance(minutes=9)
    run.refuses(CourierAccepted(offer=1), code="not_possible", actor=by(INES))


@where_couriers_deliver
def test_couriers_are_asked_one_after_another(flow: str) -> None:
    """A rejection offers the job to the next courier: the state is entered again, and its patience starts anew."""
    run = asking(flow)
    run.advance(minutes=14)
    rejected(run, INES)
    run.is_in(ASKS_COURIER[flow])
    assert run.timers == {"courier_patience": timedelta(minutes=15)}
    assert run.asked(offer_to_courier).data.offer.courier == BRAM
    assert [offer.courier for offer in run.data.offers] == [INES, BRAM]


@where_couriers_deliver
def test_rejections_up_to_the_limit_cancel(flow: str) -> None:
    """When the last offer of the limit is rejected, the order is canceled."""
    run = asking(flow)
    rejected(run, INES, BRAM)
    run.is_in(ASKS_COURIER[flow])
    rejected(run, CHIDI)
    assert (run.state, run.data.canceled_because) == ("canceled", "no courier took it")
    assert len(run.data.offers) == MOST_OFFERS


@where_couriers_deliver
def test_the_last_courier_asked_may_accept(flow: str) -> None:
    """The last offer of the limit can be accepted like the first."""
    run = asking(flow)
    rejected(run, INES)
    run.elapse("courier_patience")
    run.send(CourierAccepted(offer=MOST_OFFERS), actor=by(CHIDI))
    run.is_in(f"{flow}.courier_on_the_way")
    assert run.data.courier == CHIDI


@where_couriers_deliver
@pytest.mark.parametrize("ending", ["rejected", "lapsed"])
def test_a_past_offer_cannot_be_accepted_while_another_courier_is_asked(flow: str, ending: str) -> None:
    """A courier who rejected, or whose offer lapsed, cannot accept it after another courier was offered the job."""
    run = asking(flow)
    if ending == "rejected":
        rejected(run, INES)
    else:
        run.elapse("courier_patience")
    refusal = run.refuses(CourierAccepted(offer=1), code="offer_lapsed", actor=by(INES))
    assert "Offer 1" in refusal.text


@where_couriers_deliver
def test_a_past_offer_cannot_be_accepted_when_another_courier_is_assigned(flow: str) -> None:
    """A courier who rejected cannot accept after another courier was assigned."""
    run = asking(flow)
    rejected(run, INES)
    run.send(CourierAccepted(offer=2), actor=by(BRAM))
    run.refuses(CourierAccepted(offer=1), code="not_possible", actor=by(INES))
    assert run.data.courier == BRAM


def test_a_past_offer_cannot_be_rejected_again() -> None:
    """An answer to a past offer is refused, so that it does not take the job from the courier who is asked now."""
    run = asking("standard")
    rejected(run, INES)
    run.refuses(CourierRejected(offer=1), code="offer_lapsed", actor=by(INES))


@pytest.mark.parametrize("kind", [CourierAccepted, CourierRejected])
def test_an_offer_is_answered_by_its_courier_alone(kind: Any) -> None:
    """The actor of an answer must be the courier to whom the offer was made."""
    asking("standard").refuses(kind(offer=1), code="not_your_offer", actor=by(BRAM))


def test_an_answer_names_an_offer_that_was_made() -> None:
    """An answer to an offer that was never made is refused."""
    asking("standard").refuses(CourierAccepted(offer=2), code="no_such_offer", actor=by(INES))


@where_couriers_deliver
def test_an_order_is_delivered_by_its_courier_alone(flow: str) -> None:
    """Only the courier who carries an order can say that it is delivered."""
    run = on_the_way(flow)
    run.refuses(OrderDelivered(), code="not_your_delivery", actor=by(NOOR))
    run.send(OrderDelivered(), actor=by(INES))
    run.is_in("delivered")


@where_a_restaurant_cooks
def test_a_silent_restaurant_does_not_leave_an_order_hanging(flow: str) -> None:
    """When a restaurant's patience has passed without an answer, the order is canceled."""
    run = placed(flow)
    run.advance(minutes=19)
    run.is_in(f"{flow}.create_order")
    run.advance(minutes=1)
    assert (run.state, run.data.canceled_because) == ("canceled", "the restaurant never answered")


@where_couriers_deliver
def test_silent_couriers_do_not_leave_an_order_hanging(flow: str) -> None:
    """When all couriers up to the limit let their offer lapse, the order is canceled."""
    run = asking(flow)
    for _ in range(MOST_OFFERS):
        run.is_in(ASKS_COURIER[flow])
        assert run.timers == {"courier_patience": timedelta(minutes=15)}
        run.advance(minutes=15)
    assert (run.state, run.data.canceled_because) == ("canceled", "no courier took it")


@where_couriers_deliver
def test_without_couriers_no_order_hangs(flow: str) -> None:
    """Where no courier is at work, the order looks again after each patience, and is canceled at the limit."""
    run = asking(flow, couriers=[])
    run.refuses(CourierAccepted(offer=1), code="no_such_offer")
    run.advance(minutes=15 * MOST_OFFERS)
    assert [offer.courier for offer in run.data.offers] == [None] * MOST_OFFERS
    run.is_in("canceled")


# The addition of ours


@in_all_flows
def test_the_customer_cancels_before_the_first_acceptance(flow: str) -> None:
    """While create_order waits for the first acceptance, the customer may cancel."""
    run = placed(flow)
    run.send(CustomerCanceled())
    assert (run.state, run.data.canceled_because) == ("canceled", "the customer canceled")


@in_all_flows
def test_the_customer_does_not_cancel_on_the_way(flow: str) -> None:
    """When somebody brings the food, the customer cannot cancel."""
    on_the_way(flow).refuses(CustomerCanceled(), code="not_possible")


@where_a_restaurant_cooks
def test_the_customer_does_not_cancel_while_the_restaurant_cooks(flow: str) -> None:
    """After the restaurant's acceptance the customer cannot cancel."""
    run = placed(flow)
    run.send(RestaurantAccepted(prep_minutes=10))
    run.refuses(CustomerCanceled(), code="not_possible")


def test_the_customer_does_not_cancel_when_the_food_is_ready() -> None:
    """While a courier is looked for, the customer cannot cancel what was cooked."""
    asking("standard").refuses(CustomerCanceled(), code="not_possible")


def test_times_scale_with_the_data() -> None:
    """Every wait scales by the seconds per minute that the order was created with."""
    run = placed("standard", seconds_per_minute=0.5)
    assert run.timers == {"restaurant_patience": timedelta(seconds=10)}
    run.send(RestaurantAccepted(prep_minutes=8))
    assert run.timers == {"prep_time": timedelta(seconds=4)}
    run.elapse("prep_time")
    assert run.timers == {"courier_patience": timedelta(seconds=7.5)}
