"""Nothing but this app, on a SQLite file in the folder that HOST_FOLDER names."""

import os

SECRET_KEY = "of a host in the tests"
INSTALLED_APPS = ["statemachines"]
# No waiting for the disk: these files live as long as a test.
SQLITE = {"transaction_mode": "IMMEDIATE", "timeout": 0.2, "init_command": "PRAGMA synchronous = OFF"}
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.path.join(os.environ["HOST_FOLDER"], "default.sqlite3"),
        "OPTIONS": SQLITE,
    }
}
