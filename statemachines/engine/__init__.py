"""The engine: the only writer of the tables. Its verbs are what projects call.

Limits: imports neither Celery nor DRF; what is to be done after commit goes to the dispatcher that settings name.
"""

from .outbox import EffectCall
from .verbs import Sent, create, send

__all__ = ["EffectCall", "Sent", "create", "send"]
