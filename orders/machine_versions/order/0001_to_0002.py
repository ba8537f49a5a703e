"""Orders of version 1 go on in the standard flow of version 2: it is what version 1 was.

An end was one of the only flow; now it is that of the order.
"""

from typing import Any

from statemachines import Upgrade

STEPS = ("create_order", "order_accepted", "order_ready", "courier_on_the_way")


def data(old: dict[str, Any]) -> dict[str, Any]:
    return {**old, "flow": "standard"}


upgrade = Upgrade(
    "orders.order",
    1,
    2,
    states={
        **{step: f"standard.{step}" for step in STEPS},
        "delivery_complete": "delivered",
        "order_canceled": "canceled",
    },
    data=data,
)
