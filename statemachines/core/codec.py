"""Data, events and results to JSON and back, with the border's rules: what went in comes out.

Refused: naive datetimes, NaN and infinities, NUL and lone surrogates in text, integers beyond 64 bits, values that are
too deep or too large, and whatever would come back from JSON as something else. Decimals travel as text.
Limits: knows types and JSON, not machines. Errors are InvalidValue with field, expected and received.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from datetime import datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from .errors import InvalidValue
from .privacy import MASK, masker

MAX_BYTES = 400_000
MAX_DEPTH = 32
KEPT = (datetime, time, Decimal)
"""What `to_builtins` leaves as it is, so that it can be checked."""

FAILURES = (TypeError, ValueError, ArithmeticError, RecursionError, msgspec.MsgspecError)
"""What encoding, decoding and comparing raise, depending on the value."""

_EXPONENT = re.compile(rb"[0-9]e\+?[0-9]")
_SUSPECT = re.compile(rb'[0-9](?:[0-9]{18}|:[0-9]{2}(?:\.[0-9]+)?"|e\+?[0-9]+(?:[,\]}]|$))')
"""An integer that may be too long, a time without a zone, a number with an exponent."""

_ZEROS = bytes.maketrans(b"123456789", b"0" * 9)
_LONG = b"0" * 19

_ESCAPE = re.compile(rb"\\.")
_TEXT = re.compile(rb'"[^"]*"')
_EMPTY = re.compile(rb"\[\]|\{\}")
_NO_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_MESSAGE = re.compile(r"(?P<text>.*?)(?: - at `\$?(?P<path>.*)`)?$", re.DOTALL)
_EXPECTED = re.compile(r"Expected (?P<expected>.*?)(?:, got `(?P<received>.*?)`)?$")
_PART = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


class Codec:
    """Encodes and decodes values of one type; `what` names them in errors ("data of orders.order")."""

    def __init__(self, type: Any, what: str, *, max_bytes: int = MAX_BYTES) -> None:
        self.type = type
        self.what = what
        self.max_bytes = max_bytes
        self._decoder = msgspec.json.Decoder(type)

    def encode(self, value: Any) -> bytes:
        """Return JSON that decodes to an equal value. Raises InvalidValue."""
        try:
            encoded = msgspec.json.encode(value)
            if len(encoded) <= self.max_bytes and _harmless(encoded) and self._decoder.decode(encoded) == value:
                return encoded
        except FAILURES:
            pass  # what it was, the examination tells
        try:
            return self._examined(value)
        except InvalidValue as error:
            if masker(self.type) is None:
                raise
            raise InvalidValue(self.what, field=error.field, expected=error.expected, received=MASK) from None

    def _examined(self, value: Any) -> bytes:
        """Encode a value that may not be kept, looking at each of its parts."""
        check(value, self.what)
        try:
            encoded = msgspec.json.encode(value)
        except FAILURES as error:
            raise InvalidValue(self.what, field="", expected="a value that JSON holds", received=str(error)) from error
        self._fits(encoded)
        if self._returned(encoded) != value:
            raise InvalidValue(
                self.what, field="", expected="a value that comes back from JSON as it was", received=_short(value)
            )
        return encoded

    def _returned(self, encoded: bytes) -> Any:
        """Return what will be loaded: a database may write the number 1e22 as an integer."""
        if not _EXPONENT.search(encoded):
            return self.decode(encoded)
        loaded = self.load(json.loads(encoded, parse_float=_without_exponent))
        check(loaded, self.what)
        return loaded

    def load(self, value: Any, *, strict: bool = True) -> Any:
        """Return the value of the type that plain JSON data stands for. Raises InvalidValue.

        Not `strict`: text may stand for a number or a truth, as it has to in an address.
        """
        return self._told(lambda: msgspec.convert(value, self.type, strict=strict), value)

    def decode(self, text: bytes | str) -> Any:
        """Return the value that a JSON text holds. Raises InvalidValue."""
        return self._told(lambda: self._decoder.decode(text), text)

    def convert(self, value: Any) -> Any:
        """Return the value of the type that plain data from outside stands for, checked. Raises InvalidValue."""
        made = self.load(value)
        self.encode(made)
        return made

    def _fits(self, encoded: bytes) -> None:
        if len(encoded) > self.max_bytes:
            raise InvalidValue(
                self.what, field="", expected=f"at most {self.max_bytes} bytes of JSON", received=f"{len(encoded)}"
            )

    def _told(self, make: Callable[[], Any], given: Any) -> Any:
        try:
            return make()
        except msgspec.ValidationError as error:
            secret = masker(self.type) is not None
            raise _invalid(self.what, str(error), lambda path: MASK if secret else _short(_at(given, path))) from error
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise InvalidValue(self.what, field="", expected="valid JSON", received=str(error)) from error


@lru_cache(maxsize=1_000)
def codec(type: Any, what: str) -> Codec:
    """Return the codec of a type, made once."""
    return Codec(type, what)


def _harmless(encoded: bytes) -> bool:
    """Say whether JSON cannot hold anything that `check` refuses and that decoding does not show.

    Quick, and on the safe side: text that only looks like a long integer, a naive time… is examined for nothing.
    """
    if b"\\u0000" in encoded or b"Infinity" in encoded:
        return False
    zeros = encoded.translate(_ZEROS)
    # Every suspect has one of these, which are sought much faster than the pattern.
    hinted = _LONG in zeros or b"0:00" in zeros or b"0e" in zeros
    return not (hinted and _SUSPECT.search(encoded)) and _is_shallow(encoded)


def _is_shallow(encoded: bytes) -> bool:
    """Say whether JSON keeps the limit of levels."""
    if encoded.count(b"{") + encoded.count(b"[") <= MAX_DEPTH:
        return True
    brackets = _TEXT.sub(b"", _ESCAPE.sub(b"", encoded).translate(None, _NO_STRUCTURE))
    for _ in range(MAX_DEPTH):
        brackets = _EMPTY.sub(b"", brackets)
    return not brackets


def check(value: Any, what: str) -> None:
    """Refuse what JSON or a database cannot hold. Raises InvalidValue that names the field."""
    try:
        _walk(msgspec.to_builtins(value, builtin_types=KEPT), what, "", MAX_DEPTH)
    except (TypeError, OverflowError, RecursionError) as error:
        raise InvalidValue(what, field="", expected="a value that JSON holds", received=str(error)) from error


def _walk(value: Any, what: str, field: str, depth: int) -> None:
    if depth < 0:
        raise InvalidValue(what, field=field, expected=f"at most {MAX_DEPTH} levels", received="deeper ones")
    if isinstance(value, str):
        _text(value, what, field)
    elif isinstance(value, dict):
        for key, inner in value.items():
            place = f"{field}.{key}" if field else str(key)
            _walk(key, what, place, depth)
            _walk(inner, what, place, depth - 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for index, inner in enumerate(value):
            _walk(inner, what, f"{field}[{index}]", depth - 1)
    elif isinstance(value, float | Decimal):
        if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
            raise InvalidValue(what, field=field, expected="a finite number", received=str(value))
    elif isinstance(value, datetime | time):
        if value.tzinfo is None:
            expected = "an aware datetime (with a time zone)"
            raise InvalidValue(what, field=field, expected=expected, received=f"the naive {value.isoformat()}")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise InvalidValue(what, field=field, expected="an integer of 64 bits", received=_short(value))


def _without_exponent(number: str) -> float | int:
    exact = Decimal(number)
    return int(exact) if exact == exact.to_integral_value() and "e-" not in number else float(number)


def _text(value: str, what: str, field: str) -> None:
    if "\x00" in value:
        raise InvalidValue(what, field=field, expected="text without NUL", received=_short(value))
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidValue(what, field=field, expected="text without lone surrogates", received=_short(value))


def _invalid(what: str, message: str, received: Callable[[str], str]) -> InvalidValue:
    """Read msgspec's message: "Expected `int`, got `str` - at `$.prep_minutes`".

    Some say nothing of what came: `received` tells it for a path.
    """
    found = _MESSAGE.match(message)
    assert found is not None  # the pattern matches any text
    text, path = found["text"], (found["path"] or "").lstrip(".")
    if types := _EXPECTED.match(text):
        expected = types["expected"].replace("`", "")
        return InvalidValue(what, field=path, expected=expected, received=types["received"] or received(path))
    if missing := re.match(r"Object missing required field `(.*)`", text):
        field = f"{path}.{missing[1]}" if path else missing[1]
        return InvalidValue(what, field=field, expected="a value", received="none")
    if unknown := re.match(r"Object contains unknown field `(.*)`", text):
        field = f"{path}.{unknown[1]}" if path else unknown[1]
        return InvalidValue(what, field=field, expected="no such field", received="one")
    return InvalidValue(what, field=path, expected=text.removeprefix("Invalid "), received=received(path))


def _at(value: Any, path: str) -> Any:
    """Return what stands at msgspec's path (`items[0].dish`) in plain data, or all of it where that is not plain."""
    for key, index in _PART.findall(path):
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and index and int(index) < len(value):
            value = value[int(index)]
    return value


def _short(value: Any) -> str:
    """Show a value in an error, cut where it is long."""
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}…"
