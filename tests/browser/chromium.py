"""Find the browser: the system's Chromium or Chrome, else the one that Playwright installs.

`python -m tests.browser.chromium` prints its path, or the sentence that installs it, and fails. Limits: Chromium alone.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

MISSING = (
    "The tests in tests/browser need a browser and found none: "
    "install one by `apt-get install chromium`, or by `.venv/bin/playwright install chromium`."
)


def installed() -> str | None:
    """Return the path of the system's browser."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def found(playwright: Playwright) -> str | None:
    """Return the path of the browser to use; None where there is none."""
    own = playwright.chromium.executable_path
    return installed() or (own if Path(own).exists() else None)


def main() -> int:
    path = installed()
    if path is None:
        with sync_playwright() as playwright:
            path = found(playwright)
    print(path or MISSING, file=sys.stdout if path else sys.stderr)
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main())
