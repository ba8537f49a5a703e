"""Arms a process when Django starts in it: the fault hook, short patience, and the breakage that CHAOS_BREAK names."""

from __future__ import annotations

import os
from datetime import timedelta

from django.apps import AppConfig


class ChaosConfig(AppConfig):
    name = "tests.chaos.app"
    label = "chaos"

    def ready(self) -> None:
        from statemachines.engine import sweep

        from . import broken, hook

        sweep.HANDED = timedelta(seconds=5)  # what the broker lost is found within the run
        hook.install()
        if named := os.environ.get("CHAOS_BREAK"):
            broken.BREAKAGES[named]()
