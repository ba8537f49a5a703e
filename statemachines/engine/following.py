"""Lazy upgrades: an instance whose policy says so follows to the current version when something happens to it next.

It is done under the lock that is held already, in the same transaction. Limits: an ended instance stays; one that
cannot go along is driven on its own version, where this code has that.
"""

from __future__ import annotations

import logging

from statemachines import registry
from statemachines.core.events import SYSTEM
from statemachines.exceptions import UnknownMachine
from statemachines.models import Effect

from .changes import Row
from .store import Store, store
from .transaction import again
from .upgrading import Order, upgrade_rows
from .versions import behind

logger = logging.getLogger(__name__)


def follow(row: Row, rows: Store, using: str) -> Row:
    """Upgrade a locked instance; return it as it is then, or as it was where it cannot go along."""
    current = registry.find(row.machine)
    order = Order(
        row.machine, current.version, SYSTEM, "lazy", f"upgraded to version {current.version} when it went on"
    )
    (done,) = upgrade_rows([row], rows, order, using, write=True)
    if done.status == "blocked":
        logger.warning("%s %s stays on version %d: %s", row.machine, row.key, row.version, done.reason)
        return row
    return rows.lock(row.pk)


def follow_effect(pk: int, using: str) -> bool:
    """Upgrade the instance of an effect, where its policy says so. Return whether it was."""

    def work() -> bool:
        rows = store(using)
        row = rows.lock(Effect.objects.using(using).values_list("instance_id", flat=True).get(pk=pk))
        return behind(row) and follow(row, rows, using).version != row.version

    try:
        return again(using, work)
    except UnknownMachine:
        return False
