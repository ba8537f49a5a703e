"""The engine: the only writer of the tables. Its verbs are what projects call.

Limits: imports neither Celery nor DRF; what is to be done after commit goes to the dispatcher that settings name.
"""

from .history import snapshot_at
from .outbox import EffectCall
from .verbs import Sent, acreate, aforce, asend, create, force, send

__all__ = ["EffectCall", "Sent", "acreate", "aforce", "asend", "create", "force", "send", "snapshot_at"]
