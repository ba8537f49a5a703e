"""The launcher of the embedded servers, run as its users run it: as a process around a command."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

NAMES = ("DATABASE_URL", "CELERY_BROKER_URL")
ASK_BOTH = """
import os, sys, psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    assert connection.execute("SELECT 1").fetchone() == (1,)
with redis.Redis.from_url(os.environ["CELERY_BROKER_URL"]) as client:
    assert client.ping()
sys.exit(7)
"""
SAY_URLS_AND_WAIT = f"""
import json, os, sys
print(json.dumps([os.environ[name] for name in {NAMES}]), flush=True)
sys.stdin.read()
"""


@contextmanager
def launcher(folder: Path, code: str, **urls: str) -> Iterator[subprocess.Popen[str]]:
    """Run Python code under the launcher, whose runs live in a folder of the test's own."""
    env = {name: value for name, value in os.environ.items() if name not in NAMES} | {"TMPDIR": str(folder)} | urls
    command = [sys.executable, "-m", "project.servers", "--fast", "--", sys.executable, "-c", code]
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.communicate(timeout=60)


def said_urls(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def answers(url: str) -> bool:
    where = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((where.hostname, where.port)) == 0


def test_the_command_gets_two_working_servers_and_its_exit_code_is_passed_on(tmp_path: Path) -> None:
    """A command finds both servers by URL, its exit code becomes the launcher's, and nothing is left of the run."""
    with launcher(tmp_path, ASK_BOTH) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 7, errors
    assert list(tmp_path.iterdir()) == []


def test_a_signal_ends_the_command_and_then_the_servers(tmp_path: Path) -> None:
    """A signal to the launcher reaches the command, and the servers stop after it."""
    for number in (signal.SIGTERM, signal.SIGINT):
        with launcher(tmp_path, SAY_URLS_AND_WAIT) as process:
            urls = said_urls(process)
            assert all(map(answers, urls))
            process.send_signal(number)
            process.wait(timeout=60)
        assert process.returncode == 128 + number
        assert not any(map(answers, urls))
        assert list(tmp_path.iterdir()) == []


def test_runs_side_by_side_do_not_meet(tmp_path: Path) -> None:
    """A run that ends while another goes on leaves the other's servers alone."""
    with launcher(tmp_path, SAY_URLS_AND_WAIT) as first:
        urls = said_urls(first)
        with launcher(tmp_path, SAY_URLS_AND_WAIT) as second:
            assert not set(said_urls(second)) & set(urls)
        assert second.returncode == 0
        assert all(map(answers, urls))
    assert first.returncode == 0


def test_the_next_run_clears_what_a_killed_launcher_left(tmp_path: Path) -> None:
    """SIGKILL of the launcher orphans its servers; the next run stops them, and works."""
    with launcher(tmp_path, SAY_URLS_AND_WAIT) as killed:
        urls = said_urls(killed)
        killed.kill()
    with launcher(tmp_path, ASK_BOTH) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 7, errors
    assert not any(map(answers, urls))
    assert list(tmp_path.iterdir()) == []


def test_servers_that_the_environment_names_are_not_started(tmp_path: Path) -> None:
    """A URL that is set is passed on as it is, and nothing is started for it."""
    given = {"DATABASE_URL": "sqlite://:memory:", "CELERY_BROKER_URL": "redis://broker.invalid:6379/0"}
    with launcher(tmp_path, SAY_URLS_AND_WAIT, **given) as process:
        assert said_urls(process) == list(given.values())
        assert list(tmp_path.iterdir()) == []
