"""Run the demo: servers, processes, the 200 sample orders, the report, and then the site until Ctrl-C.

`--once` ends after the report. The exit code is 0 only if every order ended as the sample says.
Limits: knows how to begin and to end; what happens between stands in `run`, which needs Django.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import FrameType

from project.servers import ServerError, servers

from .processes import ProcessError, children, environment, free_port, stop_orphans

ROOT = Path(__file__).resolve().parents[2] / "var" / "demo"
RUNS_KEPT = 5
PORT = 8000
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m project.demo", description="Show the order flow on real servers.")
    parser.add_argument("--once", action="store_true", help="end after the report instead of serving the site")
    once = parser.parse_args().once
    for each in SIGNALS:
        signal.signal(each, interrupted)
    try:
        return demo(once)
    except (ServerError, ProcessError) as error:
        print(error, file=sys.stderr)
        return 1


def interrupted(number: int, frame: FrameType | None) -> None:
    """End by the first signal, and let no other interrupt the cleaning up."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def demo(once: bool) -> int:
    """Start everything, run the main job, report, and stop everything."""
    stop_orphans()
    folder = new_folder()
    with servers() as urls:
        env = environment(urls, folder)
        os.environ.update(env)
        import django

        django.setup()
        from .run import Run

        run = Run(folder, free_port(PORT), free_port())
        run.prepare()
        with children(folder, run.site_port, env) as processes:
            good = run.main_job(processes)
            if not once:
                with suppress(SystemExit):  # the signal that is meant to end it
                    run.serve(processes)
    return 0 if good else 1


def new_folder() -> Path:
    """Make the run's folder, and remove those of runs long ago."""
    ROOT.mkdir(parents=True, exist_ok=True)
    for old in sorted(ROOT.iterdir())[: 1 - RUNS_KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    folder = ROOT / f"{datetime.now():%Y%m%d-%H%M%S}-{os.getpid()}"
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
