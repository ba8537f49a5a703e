"""What an order does for which no flow was made: none of the three is guessed."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from orders.machines import order
from statemachines.core.interpreter import start

from .play import placed


def test_an_order_of_an_unknown_flow_takes_none() -> None:
    """Where the data name a flow that the machine does not have, no guard holds, and the order waits to be chosen."""
    unknown: Any = "by_drone"  # the border refuses it; a later version's data could still hold it
    made = start(order, replace(placed("standard").data, flow=unknown))
    assert (made.snapshot.configuration, made.commands) == (("flow_chooser",), ())
