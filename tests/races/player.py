"""One of several processes that drive the same instances at the same time.

Reads calls from stdin, one a line: a number, and a scenario with its arguments. Answers each by one line: the number,
and the tally of what came of it. Limits: hands nothing to workers.
"""

from __future__ import annotations

import json
import sys

import django
from django.conf import settings


def main() -> None:
    django.setup()
    settings.STATEMACHINES = {**settings.STATEMACHINES, "DISPATCHER": "statemachines.engine.dispatch.SweepOnly"}
    from .scenarios import play  # needs the apps

    for line in sys.stdin:
        number, call = json.loads(line)
        print(json.dumps([number, play(**call)]), flush=True)


if __name__ == "__main__":
    main()
