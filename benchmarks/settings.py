"""Settings of the benchmarks: the project's, with the tables of what is compared, in a database of their own."""

import os

from project.settings import *  # noqa: F403
from project.settings import DATABASES, INSTALLED_APPS

DEBUG = False  # Django keeps every statement in memory otherwise
INSTALLED_APPS = [*INSTALLED_APPS, "benchmarks.hot_path", "benchmarks.timers"]
DATABASES["default"]["TEST"] = {"NAME": f"statemachines_bench_{os.getpid()}"}
