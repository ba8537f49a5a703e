"""Questions in a terminal, by plain `input`: choices by number, values by their type, durations in words.

Works through a pipe as well: an answer that nobody typed is shown. Limits: at the end of the input, and by Ctrl-C, a
question raises KeyboardInterrupt; nothing is drawn or coloured.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import inspect

from statemachines.core.shapes import type_in_words

UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}

KEEP = object()
"""What a question returns where its default is to be kept."""


class Console:
    """Asks until an answer fits. `write` takes whole lines."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self.write = write

    def ask(self, prompt: str) -> str:
        """Return a line, stripped."""
        sys.stdout.flush()
        try:
            answer = input(f"{prompt} ")
        except EOFError:
            raise KeyboardInterrupt from None
        if not sys.stdin.isatty():
            self.write(answer)
        return answer.strip()

    def choose(self, title: str, options: Sequence[str]) -> int:
        """Return the index of an option that is chosen by number."""
        self.write(title)
        for number, text in enumerate(options, 1):
            self.write(f"  {number}. {text}")
        while True:
            answer = self.ask(f"1–{len(options)}>")
            if answer.isdecimal() and 1 <= int(answer) <= len(options):
                return int(answer) - 1
            self.write(f"{answer!r} is none of them; give a number from 1 to {len(options)}.")

    def value(self, name: str, type: Any, default: Any = KEEP, hint: str = "") -> Any:
        """Return a value of a type; Enter keeps the default, where there is one (`hint` says which)."""
        words = type_in_words(inspect.type_info(type))
        kept = "" if default is KEEP else f", Enter: {hint or spelled(default)}"
        while True:
            answer = self.ask(f"{name} ({words}{kept}):")
            if not answer and default is not KEEP:
                return default
            try:
                return parsed(answer, type)
            except (msgspec.MsgspecError, ValueError) as error:
                self.write(f"That is no {words}: {error}.")

    def fields(self, type: Any) -> dict[str, Any]:
        """Ask for the fields of a structure, one by one; those that keep their default are left out."""
        found = {}
        for field in msgspec.structs.fields(type):
            default, hint = KEEP, ""
            if not field.required:
                default, hint = None, "its default" if field.default is msgspec.NODEFAULT else spelled(field.default)
            answer = self.value(field.name, field.type, default, hint)
            if field.required or answer is not None:
                found[field.name] = answer
        return found

    def duration(self, prompt: str) -> timedelta:
        """Return a duration: "20m", "1h 30m", "2 days"."""
        while True:
            try:
                return duration(self.ask(prompt))
            except ValueError as error:
                self.write(str(error))


def duration(text: str) -> timedelta:
    """Read a duration of weeks, days, hours, minutes, seconds. Raises ValueError with what would be right."""
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*([a-z]+)", text.lower())
    rest = re.sub(r"(\d+(?:\.\d+)?)\s*([a-z]+)|,|\band\b|\s", "", text.lower())
    fits = parts and not rest and all(any(_names(unit, word) for unit in UNITS) for _, word in parts)
    if not fits:
        raise ValueError(f"{text!r} is no duration; write for example 20m, 1h 30m or 2 days.")
    units = [next(name for unit, name in UNITS.items() if _names(unit, word)) for _, word in parts]
    return sum((timedelta(**{name: float(count)}) for name, (count, _) in zip(units, parts, strict=True)), timedelta(0))


def _names(unit: str, word: str) -> bool:
    long = UNITS[unit]
    return word in (unit, long, long[:-1], long[:3], f"{long[:3]}s")


def parsed(text: str, type: Any) -> Any:
    """Read a value of a type from what somebody typed: plain text, or JSON. Raises msgspec.ValidationError."""
    if type is bool:
        text = {"yes": "true", "no": "false"}.get(text.lower(), text)
    try:
        plain = msgspec.json.decode(text)
    except msgspec.DecodeError:
        plain = text
    try:
        return msgspec.convert(plain if type is Any else text, type, strict=False)
    except msgspec.ValidationError:
        if not isinstance(plain, list | dict):
            raise
        return msgspec.convert(plain, type)


def spelled(value: Any) -> str:
    """Write a value in a line, as JSON."""
    return msgspec.json.encode(value).decode()
