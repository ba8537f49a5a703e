"""`python -m benchmarks.upgrades`: how many idle instances are upgraded, tried and brought back in a second.

Onboardings of version 1 that wait for their day, each with its timer, become those of version 2. Python's CPU time is
told too, as other work on the machine disturbs the rest. Limits: PostgreSQL only, in a database of the run's own.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
django.setup()

from django.core.management import call_command  # noqa: E402 (it needs the settings)
from django.db import connection  # noqa: E402

INSTANCES = """
INSERT INTO statemachines_machineinstance
    (machine, version, key, state, configuration, data, history_states, status, sequence, created_at, updated_at)
SELECT 'orders.onboarding', 1, number::text, 'await_first_drip_email', '["await_first_drip_email"]',
       jsonb_build_object('user', number::text, 'name', 'Selam', 'email', 'selam@town.example',
                          'orders', '[7]'::jsonb, 'seconds_per_day', 86400),
       '{}', 'active', 2, now(), now()
FROM generate_series(1, %s) AS number"""

TIMERS = """
INSERT INTO statemachines_timer (instance_id, name, event, state, due_at, armed)
SELECT id, 'xstate.after.one_day.onboarding.await_first_drip_email',
       'xstate.after.one_day.onboarding.await_first_drip_email', 'await_first_drip_email', now() + interval '1 day', 2
FROM statemachines_machineinstance"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.upgrades", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="5,000 instances instead of 100,000")
    parser.add_argument("--instances", type=int, help="how many")
    given = parser.parse_args()
    count = given.instances or (5_000 if given.quick else 100_000)
    if connection.vendor != "postgresql":
        print("Set DATABASE_URL to a PostgreSQL, or run it by: make bench-upgrades", file=sys.stderr)
        return 2
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        with connection.cursor() as cursor:
            cursor.execute(INSTANCES, [count])
            cursor.execute(TIMERS)
            cursor.execute("ANALYZE")
        for title, options in (("tried", ["--dry-run"]), ("upgraded", []), ("brought back", ["--revert"])):
            measure(title, count, options)
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)
    return 0


def measure(title: str, count: int, options: list[str]) -> None:
    """Run the command, and print how fast it was."""
    began, worked = time.perf_counter(), time.process_time()
    with open(os.devnull, "w") as silent:
        call_command("upgrade_instances", "onboarding", *options, stdout=silent)
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    print(f"{count:,} idle instances {title}: {count / seconds:,.0f} a second, {cpu / count * 1e6:.0f} µs of CPU each")


if __name__ == "__main__":
    sys.exit(main())
