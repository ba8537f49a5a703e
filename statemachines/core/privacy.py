"""Fields that are nobody's business: marked in the type, masked wherever they would be shown.

    email: Annotated[str, Sensitive]

Limits: works on values as JSON holds them, along the type; what has no type is shown as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import inspect

Sensitive = msgspec.Meta(extra={"sensitive": True})
"""Marks a field's type: `Annotated[str, Sensitive]`."""

MASK = "•••"

Mask = Callable[[Any], Any]


@lru_cache(maxsize=1_000)
def masker(type: Any) -> Mask | None:
    """Return a function that masks the sensitive parts of a plain value of this type; None where it has none."""
    maskers = _Maskers()
    masks = maskers.of(inspect.type_info(type))
    return masks if maskers.sensitive else None


def mask(type: Any, value: Any) -> Any:
    """Return a plain value of a type with its sensitive parts masked."""
    masks = masker(type)
    return value if masks is None else masks(value)


def secretive(type: Any) -> bool:
    """Say whether a value of this type may hold something sensitive: then what is said of it may as well."""
    return masker(type) is not None


class _Maskers:
    """Makes maskers along types; one that is met again, also inside itself, is known by the time that it is used.

    `sensitive` tells whether anything has been met that is to be masked.
    """

    def __init__(self) -> None:
        self.fields: dict[Any, dict[str, Mask]] = {}
        self.sensitive = False

    def of(self, info: inspect.Type) -> Mask | None:
        match info:
            case inspect.Metadata():
                if (info.extra or {}).get("sensitive"):
                    self.sensitive = True
                    return lambda value: None if value is None else MASK
                return self.of(info.type)
            case inspect.StructType() | inspect.DataclassType():
                return self._structure(info)
            case inspect.DictType():
                return _each_value(self.of(info.value_type))
            case inspect.UnionType():
                return self._union(info)
            case inspect.TupleType():
                items = [self.of(one) or _shown for one in info.item_types]
                masked = any(one is not _shown for one in items)
                return (lambda value: _items(value, items)) if masked else None
        item = getattr(info, "item_type", None)
        return None if item is None else _each_item(self.of(item))

    def _structure(self, info: inspect.StructType | inspect.DataclassType) -> Mask | None:
        if info.cls in self.fields:
            return lambda value: _masked(value, self.fields[info.cls])
        fields = self.fields[info.cls] = {}
        for field in info.fields:
            if inner := self.of(field.type):
                fields[field.encode_name] = inner
        return (lambda value: _masked(value, fields)) if fields else None

    def _union(self, info: inspect.UnionType) -> Mask | None:
        """Mask by whichever branch has something to mask: of structures, by the names of their fields."""
        inner = [found for one in info.types if (found := self.of(one)) is not None]
        if not inner:
            return None

        def masks(value: Any) -> Any:
            for one in inner:
                value = one(value) if value is not None else None
            return value

        return masks


def _each_item(inner: Mask | None) -> Mask | None:
    if inner is None:
        return None
    return lambda value: [inner(one) for one in value] if isinstance(value, list | tuple) else value


def _each_value(inner: Mask | None) -> Mask | None:
    if inner is None:
        return None
    return lambda value: {key: inner(one) for key, one in value.items()} if isinstance(value, dict) else value


def _items(value: Any, items: list[Mask]) -> Any:
    """Mask a tuple; another value is one of another branch of a union."""
    if not isinstance(value, list | tuple) or len(value) != len(items):
        return value
    return [one(part) for one, part in zip(items, value, strict=True)]


def _shown(value: Any) -> Any:
    return value


def _masked(value: Any, fields: dict[str, Mask]) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: fields[name](one) if name in fields else one for name, one in value.items()}
