"""`python -m tests.conformance PATH…`: run the recorded cases in these files and folders; exit 0 only if all pass."""

from __future__ import annotations

import sys
from pathlib import Path

from .runner import cases, difference


def main(paths: list[str]) -> int:
    """Print each failure's name and first difference, then the counts."""
    if not paths:
        print(__doc__, file=sys.stderr)
        return 2
    passed = failed = 0
    for path in paths:
        for case in cases(Path(path)):
            found = difference(case)
            if found is None:
                passed += 1
            else:
                failed += 1
                print(f"{case['name']}: {found}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
