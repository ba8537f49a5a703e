"""The play: all customers, restaurants and couriers act until told that the orders have ended.

Limits: who does what stands in `customers`, `restaurants` and `couriers`.
"""

from __future__ import annotations

import asyncio

from . import couriers, customers, restaurants
from .people import COURIERS, WITHOUT_WEBHOOK
from .sample import SampleOrder
from .stage import Stage


async def play(stage: Stage, orders: list[SampleOrder], ended: asyncio.Event) -> None:
    """Place the orders and play everybody's part until `ended` is set."""
    looks = [couriers.looking(stage, name) for name in COURIERS]
    looks += [restaurants.looking(stage, name) for name in WITHOUT_WEBHOOK]
    async with stage.client, stage.group as group:
        lookers = [group.create_task(stage.look(look)) for look in looks]
        placing = group.create_task(customers.place_all(stage, orders))
        await ended.wait()
        for task in (placing, *lookers, *stage.tasks):
            task.cancel()
