"""A picture as PNG: by resvg where the extra "png" is installed, else by a Chromium that is found.

Limits: twice the size in pixels, on white; the machine needs a font.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SCALE = 2
LIMIT_SECONDS = 60
FONTS = "install one, such as Debian's fonts-liberation"


class NoRaster(Exception):
    """No PNG can be made; the text says what to install."""


def png(svg: str) -> bytes:
    """Return a picture as PNG. Raises NoRaster."""
    if find_spec("resvg_py") is not None:
        return _by_resvg(svg)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise NoRaster(
            'A PNG needs the extra "png" (pip install "django-statemachines[png]"), or Chromium on the PATH.'
        )
    return _by_browser(svg, browser)


def _by_resvg(svg: str) -> bytes:
    import resvg_py

    blank, letter = (
        resvg_py.svg_to_bytes(svg_string=re.sub(r"(?s)>.*</svg>", f">{inside}</svg>", svg))
        for inside in ("", '<text y="40" font-size="40">x</text>')
    )
    if blank == letter:
        raise NoRaster(f"No font is found that the picture's texts can be written in; {FONTS}.")
    made: bytes = resvg_py.svg_to_bytes(svg_string=svg, zoom=SCALE)
    return made


def _by_browser(svg: str, browser: str) -> bytes:
    size = re.search(r'width="(\d+)" height="(\d+)"', svg)
    assert size is not None  # ours has both
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "picture.svg", Path(folder) / "picture.png"
        source.write_text(svg, encoding="utf-8")
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--force-device-scale-factor={SCALE}",
            f"--window-size={size[1]},{size[2]}",
            f"--user-data-dir={folder}/profile",
            f"--screenshot={target}",
            source.as_uri(),
        ]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # it refuses to run as root with one
        try:
            subprocess.run(command, capture_output=True, timeout=LIMIT_SECONDS, check=True)
            return target.read_bytes()
        except (OSError, subprocess.SubprocessError) as error:
            raise NoRaster(f'{browser} made no picture ({error}); install the extra "png" instead.') from error
