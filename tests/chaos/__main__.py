"""`python -m tests.chaos --seconds 60 --seed 1`: exit code 0 where nothing was lost and nothing doubled.

Logs and ledger are kept where there is a complaint.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from .run import Run, planned


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=60, help="how long load and monkey go on (default 60, at least 10)"
    )
    parser.add_argument("--seed", type=int, default=1, help="what the monkey and the clients draw from (default 1)")
    options = parser.parse_args()
    if options.seconds < 10:
        parser.error(f"--seconds {options.seconds:g}: in less than 10 s not every kind of fault can hit")
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that nothing is left running
    folder = Path(tempfile.mkdtemp(prefix="chaos-")).resolve()
    code = Run(planned(options.seed, options.seconds), folder).play()
    if code == 0:
        shutil.rmtree(folder)
    return code


if __name__ == "__main__":
    sys.exit(main())
