"""The picture's colours in the light, as presentation attributes: no stylesheet is needed, and none is in the way.

`static/statemachines/diagram.css` overrides them by class for dark pages. Limits: names and values.
"""

from __future__ import annotations

PAGE = "#ffffff"
INK = "#1f2328"
MUTED = "#59636e"
LINE = "#6b7580"
ACCENT = "#0969da"
ALARM = "#cf222e"
CLOCK = "#6639ba"

NESTED = ("#fbfcfe", "#f3f5f8", "#fbfcfe")
"""Fills of states that hold states, by depth, over and over."""

STATE = ("#ffffff", "#8a94a0")
"""Fill and border."""
HOLDER_BORDER = "#c3ccd6"
ACTIVE = ("#d7ebff", ACCENT)
PASSED = ("#e9f1fa", "#7fa3cf")
TINTS = {"added": ("#e6f7ea", "#2f9e4f"), "removed": ("#ffebe9", "#d1434b")}
"""What came and went between two versions."""
TAG = ("#eceff3", "#59636e")

CHIPS = {
    "event": ("#fff4d6", "#d9b04a", "#4d3800"),
    "after": ("#f1ecff", "#b5a1ec", "#3f2a86"),
    "always": ("#eef1f4", "#b4bec8", "#3d444d"),
    "done": ("#e4f5e7", "#8ecb98", "#14532d"),
    "failed": ("#ffe9e6", "#eb9b92", "#82151f"),
}
"""Fill, border and text of a transition's label, by what it waits for."""
