"""A town of its own for the site's tests and screenshots: database, web server, workers, Beat, and visitors to play.

`python -m tests.site.town` fills the database that the environment names. Limits: PostgreSQL; needs DATABASE_URL and
CELERY_BROKER_URL, as `project.servers` gives them; knows the site by its processes alone.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from project.demo.processes import Children, children, environment, free_port

BROKER = "/9"
"""A database of Valkey that no other test uses."""
TRIES = 6


class Town:
    """Where the site is; `stop` takes its web server away, and `start` brings it back."""

    def __init__(self, processes: Children, port: int) -> None:
        self.web = processes.all[0]
        self.address = f"http://127.0.0.1:{port}"

    def stop(self) -> None:
        self.web.kill_rest()
        self.web.process.wait()

    def start(self) -> None:
        self.web.start()


@contextmanager
def town(folder: Path, seconds_per_minute: float) -> Iterator[Town]:
    """Run a town while the block runs."""
    name = f"town_{os.getpid()}_{secrets.token_hex(3)}"
    server = os.environ["DATABASE_URL"]
    urls = {
        "DATABASE_URL": urlunsplit(urlsplit(server)._replace(path=f"/{name}")),
        "CELERY_BROKER_URL": urlunsplit(urlsplit(os.environ["CELERY_BROKER_URL"])._replace(path=BROKER)),
        "ORDERS_PLAY_SECONDS_PER_MINUTE": str(seconds_per_minute),
        "ORDERS_SECONDS_PER_DAY": "2",
    }
    with psycopg.connect(server, autocommit=True) as database:
        database.execute(f"CREATE DATABASE {name}")
        try:
            env = environment(urls, folder)
            subprocess.run([sys.executable, "-m", "tests.site.town"], env=env, check=True)
            port = free_port()
            with children(folder, port, env) as processes:
                yield Town(processes, port)
        finally:
            database.execute(f"DROP DATABASE {name} WITH (FORCE)")


def fill() -> None:
    """Make the tables, and everybody in the town."""
    import django

    django.setup()
    from django.core.management import call_command

    from project.demo import people, visitors
    from project.demo.sample import sample_orders

    call_command("migrate", verbosity=0)
    people.load(sample_orders(), "http://127.0.0.1:1")
    visitors.hand_over()
    lay_out()


def lay_out() -> None:
    """Have the pictures laid out by the best engine, which needs more than one try where the machine is busy."""
    from django.core.cache import cache

    from project.demo import visitors
    from statemachines import picture, registry

    drawn = picture.graph_of(registry.find("orders.order").machine)
    for _ in range(TRIES):
        visitors.draw()
        if picture.layout_of(drawn).engine == "elk":
            break
        cache.clear()


if __name__ == "__main__":
    fill()
