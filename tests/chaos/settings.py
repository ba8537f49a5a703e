"""The project's settings with short times, a ledger for the world, and an app that strikes the engine from inside.

Limits: made for `python -m tests.chaos`, which names the run's folder in CHAOS_FOLDER.
"""

from pathlib import Path

from project.settings import *  # noqa: F403 (that is how Django's settings are extended)
from project.settings import INSTALLED_APPS, STATEMACHINES, env

DEBUG = False
CHAOS_FOLDER = Path(env.str("CHAOS_FOLDER"))
INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.app"]
ROOT_URLCONF = "tests.chaos.app.urls"
EMAIL_BACKEND = "tests.chaos.app.mail.LedgerBackend"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # everybody signs in with every request

# A restaurant's patience is 6 s, a courier's 4.5 s, a new customer's day 2 s.
ORDERS_SECONDS_PER_MINUTE = 0.3
ORDERS_SECONDS_PER_DAY = 2

STATEMACHINES = {
    **STATEMACHINES,
    "DISPATCHER": "tests.chaos.app.dispatch.TwiceDispatcher",
    "EFFECT_LEASE_SECONDS": 2.0,
    "EFFECT_RETRY_SECONDS": 0.3,
}
