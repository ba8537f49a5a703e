"""`python -m tests.versions.release 1|2 DIRECTORY`: a release that has one version of the journey, doing workers' work.

Limits: until it is ended; the published files stand in the directory.
"""

from __future__ import annotations

import sys

import django

django.setup()

from django.apps import apps  # noqa: E402 (models need the settings)
from django.core.management import call_command  # noqa: E402

from statemachines.registry import register  # noqa: E402

from .journey import V1, V2  # noqa: E402

apps.get_app_config("examples").path = sys.argv[2]
register({"1": V1, "2": V2}[sys.argv[1]], app_label="examples")
call_command("statemachines_sweep", "--loop")
