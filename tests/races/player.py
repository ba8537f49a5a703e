"""One of several processes that drive the same instances at the same time.

Reads calls from stdin, one JSON object a line: a scenario's name and its arguments. Answers each by one JSON line, the
tally of what came of it. Limits: hands nothing to workers.
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
        print(json.dumps(play(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
