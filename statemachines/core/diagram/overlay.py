"""What is laid over a machine's picture: where an instance is and was, or how many instances are where.

Limits: plain data, put together by the caller; states are named by path, transitions as history names them.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Count(msgspec.Struct, frozen=True):
    """How many instances are in a state, and the page that lists them; "" for none."""

    number: int
    href: str = ""


class Overlay(msgspec.Struct, frozen=True):
    """`active`: the configuration. `passed`: states that were active before. `last`: ids of the transitions taken last.

    `timers`: a text for a state whose timer runs ("12 min left"). `failed`: ids of a state's effects that failed.
    `tints`: states and transitions that are "added" or "removed" between two versions.
    """

    active: frozenset[str] = frozenset()
    passed: frozenset[str] = frozenset()
    last: frozenset[str] = frozenset()
    timers: Mapping[str, str] = {}
    failed: Mapping[str, tuple[str, ...]] = {}
    counts: Mapping[str, Count] = {}
    tints: Mapping[str, str] = {}
    told: str = ""
    """A sentence more for those who hear the picture."""


NOTHING = Overlay()
