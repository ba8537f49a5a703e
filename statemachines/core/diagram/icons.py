"""Small signs, drawn rather than taken from a font, in a square of ten pixels.

Limits: paths of one colour; `FILLED` ones are filled, the others are strokes.
"""

from __future__ import annotations

ICONS = {
    "clock": "M5 .6 a4.4 4.4 0 1 1 0 8.8 a4.4 4.4 0 1 1 0 -8.8 M5 2.4 V5 L6.9 6.4",
    "arrow": "M.8 5 H8.8 M6 2.2 L8.8 5 L6 7.8",
    "check": "M1 5.4 L3.8 8.2 L9 2",
    "cross": "M1.6 1.6 L8.4 8.4 M8.4 1.6 L1.6 8.4",
    "diamond": "M5 .8 L9.2 5 L5 9.2 L.8 5 Z",
    "bolt": "M6 0 L1.6 5.8 H4.6 L3.8 10 L8.4 4 H5.4 Z",
    "slash": "M2.4 9 L6.6 1",
}
FILLED = {"bolt"}
