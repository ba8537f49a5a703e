"""Widths of text without a font: the advances of Arial, which Liberation Sans and Helvetica share.

Limits: no kerning; letters that are not in the table count as the plain letter below their accents, wide ones as a
square, others as an average one.
"""

from __future__ import annotations

import unicodedata

_PLAIN = """
278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 584 584
584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667 611 278
278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500
500 334 260 334 584
"""
_BOLD = """
278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 333 333 584 584
584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722 667 944 667 667 611 333
278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611 611 611 389 556 333 611 556 778 556 556
500 389 280 389 584
"""
_TABLES = tuple({chr(32 + at): int(width) for at, width in enumerate(table.split())} for table in (_PLAIN, _BOLD))
_AVERAGE = 600
_SQUARE = 1000


def width(text: str, size: float, bold: bool = False) -> float:
    """Return a text's width in pixels at a font size; italics are as wide as plain letters."""
    table = _TABLES[bold]
    return sum(table.get(letter) or _other(letter, table) for letter in text) * size / 1000


def _other(letter: str, table: dict[str, int]) -> int:
    if unicodedata.combining(letter):
        return 0
    if letter == "…" or unicodedata.east_asian_width(letter) in "WF":
        return _SQUARE
    return table.get(unicodedata.normalize("NFD", letter)[0], _AVERAGE)


def wrap(text: str, size: float, limit: float, bold: bool = False) -> list[str]:
    """Break a text into lines of at most `limit` pixels, at spaces; a longer word is cut."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}".strip()
        if width(joined, size, bold) <= limit:
            lines[-1] = joined
            continue
        *whole, rest = _cut(word, size, limit, bold)
        lines += [*whole, rest]
    return [line for line in lines if line] or [""]


def balanced(text: str, size: float, limit: float) -> list[str]:
    """Break a text into as few lines as `wrap`, of much the same length."""
    lines = wrap(text, size, limit)
    least = width(text, size) / len(lines)
    tries = (wrap(text, size, least + (limit - least) * part / 8) for part in range(9))
    return next((found for found in tries if len(found) == len(lines)), lines)


def _cut(word: str, size: float, limit: float, bold: bool) -> list[str]:
    parts = [""]
    for letter in word:
        if parts[-1] and width(parts[-1] + letter, size, bold) > limit:
            parts.append("")
        parts[-1] += letter
    return parts
