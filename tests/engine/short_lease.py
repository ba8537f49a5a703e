"""Settings of workers whose leases are over soon."""

from tests.settings import *  # noqa: F403 (that is how Django's settings are extended)
from tests.settings import STATEMACHINES

STATEMACHINES = {**STATEMACHINES, "EFFECT_LEASE_SECONDS": 2.0}
