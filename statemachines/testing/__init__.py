"""The testing kit: `play` for machines alone, `time_travel` for the database. It serves pytest and unittest.

Importing this loads no Django.
"""

from .play import Run, play

__all__ = ["Run", "play"]
