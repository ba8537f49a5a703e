"""The engine: the only writer of the tables. Its verbs are what projects call.

Limits: imports neither Celery nor DRF; what is to be done after commit goes to the dispatcher that settings name.
"""

from .editing import edit_data
from .health import Health, health
from .history import snapshot_at
from .holds import hold, preview, release
from .lifecycle import acancel, apause, aresume, cancel, pause, resume
from .outbox import EffectCall
from .pending import complete
from .repair import cancel_timer, fire_timer_now, give_result, postpone_timer, retry_effect, skip_effect
from .upgrades import upgrade, upgrade_all
from .verbs import Sent, acreate, aforce, asend, create, force, send

__all__ = [
    "EffectCall",
    "Health",
    "Sent",
    "acancel",
    "acreate",
    "aforce",
    "apause",
    "aresume",
    "asend",
    "cancel",
    "cancel_timer",
    "complete",
    "create",
    "edit_data",
    "fire_timer_now",
    "force",
    "give_result",
    "health",
    "hold",
    "pause",
    "postpone_timer",
    "preview",
    "release",
    "resume",
    "retry_effect",
    "send",
    "skip_effect",
    "snapshot_at",
    "upgrade",
    "upgrade_all",
]
