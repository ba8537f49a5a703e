"""The rule that a caller's own transaction drives one instance: a second could deadlock with somebody who took the two
the other way round.

Limits: knows what this connection holds; transactions that Django's TestCase opens around a test do not count.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction


class Held:
    """A mark among a transaction's commit hooks: it goes with the transaction, or with the savepoint that took it."""

    def __init__(self, scope: str | None, pk: int) -> None:
        self.scope = scope
        self.pk = pk

    def __call__(self) -> None:
        """Do nothing at commit: the lock is gone."""


def one_only(pk: int, using: str) -> None:
    """Note that an instance is driven. Raises RuntimeError where the transaction drives another already.

    Called inside the engine's own atomic block, which is the transaction where the caller has none: then it is a
    receiver of `signals.transition` that may not drive a second.
    """
    connection = transaction.get_connection(using)
    blocks: list[Any] = connection.atomic_blocks
    outermost = next(index for index, block in enumerate(blocks) if not block._from_testcase)
    scope = connection.savepoint_ids[outermost - 1] if outermost else None
    for _, hook, *_ in connection.run_on_commit:
        if isinstance(hook, Held) and hook.scope == scope and hook.pk != pk:
            raise RuntimeError(
                f"This transaction drives instance {hook.pk} already, and may not drive {pk} as well: two transactions "
                "that take two instances in different order would wait for each other. Send the second event after the "
                "commit (transaction.on_commit), or from an @effect of the first."
            )
    transaction.on_commit(Held(scope, pk), using=using)
