#!/usr/bin/env python
"""Run Django's management commands on the project."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    # The autoreloader's child would say it again. Not on stdout, which other programs parse.
    if not {"DATABASE_URL", "RUN_MAIN"} & os.environ.keys():
        print("DATABASE_URL is not set: using SQLite in db.sqlite3.", file=sys.stderr)
    execute_from_command_line(sys.argv)
