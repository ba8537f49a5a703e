"""The testing kit: `play` for machines alone and ways through them, `time_travel` for the database.

It serves pytest and unittest.

Importing this loads no Django.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from statemachines.core.moves import Path
from statemachines.core.paths import all_states, all_transitions, shortest_paths, simple_paths

from .play import Run, play

if TYPE_CHECKING:
    from .travel import time_travel

__all__ = [
    "Path",
    "Run",
    "all_states",
    "all_transitions",
    "play",
    "shortest_paths",
    "simple_paths",
    "time_travel",
]


def __getattr__(name: str) -> Any:
    """Import what needs Django only where it is asked for."""
    if name != "time_travel":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .travel import time_travel

    return time_travel
