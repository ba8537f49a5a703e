"""What Celery alone does: a task with a countdown, which its worker keeps in memory."""

from __future__ import annotations

import os
import time
from pathlib import Path

from celery import shared_task


@shared_task(ignore_result=True)
def bare(number: int) -> None:
    """Add a line: the number, the time."""
    with Path(os.environ["BENCHMARK_RUNG"]).open("a") as lines:
        lines.write(f"{number} {time.time()}\n")
