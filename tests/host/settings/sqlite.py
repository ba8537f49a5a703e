"""The tests' settings on a SQLite file, so that its locks are those of a file; without a broker."""

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES

DATABASES["default"]["OPTIONS"] |= {"init_command": "PRAGMA synchronous = OFF"}  # the file goes with the run
DATABASES["default"]["TEST"] = {"NAME": f"{DATABASES['default']['NAME']}.test"}
STATEMACHINES = {"DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}
