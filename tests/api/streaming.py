"""Settings of a server process whose streams the tests open: on the tests' database, which the environment names."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, STATEMACHINES

ROOT_URLCONF = "tests.api.urls"
DATABASES["default"] |= {"NAME": os.environ["TESTS_DATABASE"], "CONN_MAX_AGE": 0}
STATEMACHINES = STATEMACHINES | {"LISTEN_ALIAS": os.environ.get("LISTEN_ALIAS")}
