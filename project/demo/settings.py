"""The project's settings, for the demo: short minutes and days, quick passwords, and all files in the run's folder.

Limits: made for `python -m project.demo`, which names the folder in DEMO_FOLDER.
"""

from project.settings import *  # noqa: F403 (that is how Django's settings are extended)
from project.settings import BASE_DIR, DATABASES, STATEMACHINES, env

DEBUG = False
FOLDER = env.path("DEMO_FOLDER", default=str(BASE_DIR / "var" / "demo"))
EMAIL_FILE_PATH = FOLDER("mail")

# The simulated people answer within a second or two, and every patience is several times as long as that.
ORDERS_SECONDS_PER_MINUTE = env.float("ORDERS_SECONDS_PER_MINUTE", default=0.8)

# The day of a new customer's onboarding: long enough to unsubscribe in, and soon over when the last order has come.
ORDERS_SECONDS_PER_DAY = env.float("ORDERS_SECONDS_PER_DAY", default=4)

# An effect takes less than a second; what a killed worker had in hand is taken up again before a patience ends.
STATEMACHINES = {**STATEMACHINES, "EFFECT_LEASE_SECONDS": 4.0}

# Pages hear at once of what moves, instead of looking again and again.
if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    STATEMACHINES["LISTEN_ALIAS"] = "default"

# Everybody signs in with every request, and the passwords are printed anyway.
PASSWORD_HASHERS = ["project.demo.people.QuickHasher"]

# Visitors play the people; what they do takes longer than what simulated people do.
ORDERS_PLAY = True
ORDERS_PLAY_SECONDS_PER_MINUTE = env.float("ORDERS_PLAY_SECONDS_PER_MINUTE", default=3)

# All processes share what is laid out once: pictures of machines.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": FOLDER("cache")}}
