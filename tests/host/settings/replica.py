"""A host that reads from a replica, which is behind: what was just written is not there yet."""

import os

from .alone import *  # noqa: F403
from .alone import DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "django_celery_beat"]
DATABASES = {
    **DATABASES,
    "replica": DATABASES["default"] | {"NAME": os.path.join(os.environ["HOST_FOLDER"], "replica.sqlite3")},
}
DATABASE_ROUTERS = ["tests.host.routers.Replica"]
STATEMACHINES = {"DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}
