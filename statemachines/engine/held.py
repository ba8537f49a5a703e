"""The rule that a transaction drives one instance: a second could deadlock with who took the two the other way round.

Limits: knows what this connection holds; transactions that Django's TestCase opens around a test do not count.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


class Held:
    """A mark among a transaction's commit hooks: it goes with the transaction, or with the savepoint that took it.

    `pk` is the instance that is driven, once it is known; `committed` tells that the transaction is over and done;
    `ours` that it is the engine's own, which ends with what the engine does.
    """

    def __init__(self, *, ours: bool) -> None:
        self.ours = ours
        self.scope: str | None = None
        self.pk: int | None = None
        self.committed = False

    def __call__(self) -> None:
        self.committed = True

    def drives(self, pk: int, connection: BaseDatabaseWrapper) -> None:
        """Note the instance. Raises RuntimeError where the transaction drives another already.

        Called inside the engine's own atomic block, which is the transaction where the caller has none: then it is a
        receiver of `signals.transition` that may not drive a second.
        """
        blocks: list[Any] = connection.atomic_blocks
        outermost = next(index for index, block in enumerate(blocks) if not block._from_testcase)
        self.scope = connection.savepoint_ids[outermost - 1] if outermost else None
        for _, hook, *_ in connection.run_on_commit:
            if isinstance(hook, Held) and hook.pk not in (None, pk) and hook.scope == self.scope:
                raise RuntimeError(
                    f"This transaction drives instance {hook.pk} already, and may not drive {pk} as well: two "
                    "transactions that take two instances in different order would wait for each other. Send the "
                    "second event after the commit (transaction.on_commit), or from an @effect of the first."
                )
        self.pk = pk
