"""Places where a process may die in the worst moment, named, so that tests and chaos can strike exactly there.

Limits: `hook` is None outside tests; then this is one comparison.
"""

from __future__ import annotations

from collections.abc import Callable

BEFORE_COMMIT = "before commit"
AFTER_COMMIT = "after commit, before dispatch"
EFFECT_RAN = "after an effect ran, before its result is committed"
RESULT_COMMITTED = "after a result is committed, before it is applied"

POINTS = (BEFORE_COMMIT, AFTER_COMMIT, EFFECT_RAN, RESULT_COMMITTED)

hook: Callable[[str], None] | None = None
"""Called with the name of each place that is reached."""


def reached(point: str) -> None:
    """Tell the hook, where there is one."""
    if hook is not None:
        hook(point)
