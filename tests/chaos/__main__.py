"""`python -m tests.chaos --seconds 60 --seed 1`: exit code 0 where nothing was lost and nothing doubled."""

from __future__ import annotations

import argparse
import sys

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
    return Run(planned(options.seed, options.seconds)).play()


if __name__ == "__main__":
    sys.exit(main())
