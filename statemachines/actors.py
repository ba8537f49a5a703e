"""Who does something: plain values made from what a project has.

Limits: no foreign key to a user model; users get deleted, live in other databases, have other key types.
"""

from __future__ import annotations

from typing import Any

from .core.events import SYSTEM, Actor

__all__ = ["ANONYMOUS", "SYSTEM", "actor_of"]

ANONYMOUS = Actor("anonymous")
"""Somebody who is not signed in."""


def actor_of(user: Any) -> Actor:
    """Return the actor that a signed-in user is. Raises ValueError for one who is not signed in."""
    if not getattr(user, "is_authenticated", False):
        raise ValueError("Nobody is signed in; only a user who is can be an actor.")
    return Actor("user", str(user.pk), str(user))
