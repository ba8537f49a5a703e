"""A saga: what was done is undone by an effect of its own, where a later step cannot be done."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from statemachines.engine import complete, create
from statemachines.models import MachineInstance
from statemachines.testing import time_travel
from statemachines.testing.travel import Clock
from tests.examples.saga import Delivery, NoCourier, charge, delivery, find_courier, refund

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("any_store")]


def ordered(ledger: Path) -> MachineInstance:
    return create(delivery.machine, "7", data=Delivery(order=7, amount=1250, ledger=str(ledger)), system=True)


def booked(ledger: Path) -> list[tuple[str, int]]:
    """Return what the payment provider has booked, by idempotency key once."""
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    return list({line["key"]: (line["what"], line["amount"]) for line in lines}.values())


def reached(made: MachineInstance) -> str:
    made.refresh_from_db()
    return str(made.state)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


def paid(ledger: Path, machines: Clock) -> MachineInstance:
    made = ordered(ledger)
    machines.effects.run(charge)
    assert reached(made) == "finding_courier"
    return made


def test_the_payment_stands_where_all_goes_well(ledger: Path) -> None:
    """Nothing is undone where the last step succeeds."""
    with time_travel() as machines:
        made = paid(ledger, machines)
        machines.effects.run(find_courier)
        assert complete(find_courier, "order 7", "Ann", system=True) is True
        assert (reached(made), made.data["courier"]) == ("on_the_way", "Ann")
        assert booked(ledger) == [("charge", 1250)]


@pytest.mark.parametrize("how", ["nobody answers", "the market says no", "the search fails"])
def test_the_payment_is_refunded_where_no_courier_comes(ledger: Path, how: str) -> None:
    """Whatever way the courier is not found, what was paid is paid back, once."""
    with time_travel() as machines:
        made = paid(ledger, machines)
        if how == "the search fails":
            machines.effects.fail(find_courier, NoCourier("none is awake"))
            machines.advance()
        else:
            machines.effects.run(find_courier)
            if how == "nobody answers":
                machines.advance(minutes=10)
                machines.effects.run()
            else:
                complete(find_courier, "order 7", error=NoCourier("all are busy"), system=True)
        machines.effects.run(refund)
        assert reached(made) == "refunded"
        assert booked(ledger) == [("charge", 1250), ("refund", 1250)]


def test_a_refund_that_fails_goes_on_until_it_succeeds(ledger: Path) -> None:
    """Undoing must not be given up: it is tried for days, and under one key, so that it is booked once."""
    with time_travel() as machines:
        made = paid(ledger, machines)
        machines.effects.fail(find_courier, NoCourier("none"))
        machines.advance()
        machines.effects.fail(refund, ConnectionError("provider is down"), times=12)
        machines.advance(days=1)
        assert reached(made) == "refunded"
        assert booked(ledger) == [("charge", 1250), ("refund", 1250)]
        refunded = made.effects.get(name="examples.refund")
        assert (refunded.attempts, refunded.status) == (13, "applied")


def test_nothing_is_undone_where_nothing_was_done(ledger: Path) -> None:
    """A charge that failed for good leads to no refund."""
    with time_travel() as machines:
        made = ordered(ledger)
        machines.effects.fail(charge, ConnectionError("provider is down"))
        machines.advance()
        assert (reached(made), ledger.exists()) == ("not_paid", False)
        assert [effect.name for effect in made.effects.all()] == ["examples.charge"]
        assert machines.now - made.created_at < timedelta(days=1)
