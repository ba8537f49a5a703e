"""Make a value of a type where nobody gave one: the smallest that fits, and always the same.

Limits: fields with a default keep it; a pattern that no letters fit, and a type that only its author can make, need an
example by hand.
"""

from __future__ import annotations

import decimal
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import inspect

from .functions import Function

MOMENT = datetime(2030, 1, 1, 12, tzinfo=UTC)

PLAIN: dict[type[inspect.Type], Callable[[], Any]] = {
    inspect.AnyType: lambda: None,
    inspect.NoneType: lambda: None,
    inspect.BoolType: lambda: False,
    inspect.BytesType: lambda: b"",
    inspect.DateTimeType: lambda: MOMENT,
    inspect.DateType: MOMENT.date,
    inspect.TimeType: MOMENT.timetz,
    inspect.TimeDeltaType: lambda: timedelta(minutes=1),
    inspect.DecimalType: lambda: decimal.Decimal(1),
    inspect.UUIDType: lambda: uuid.UUID(int=1),
}


def example(type: Any) -> Any:
    """Return a value of a type. Raises TypeError with a sentence where it cannot be made."""
    return _made(inspect.type_info(type), repr(type))


def result_of(function: Function) -> Any:
    """Return a value that a function may return, as its annotation says; None where it says nothing."""
    return example(returned(function))


def returned(function: Function) -> Any:
    """Return the type that a function says it returns; Any where it does not, or in names that only checkers know."""
    told = getattr(function, "__annotations__", {}).get("return", Any)
    if not isinstance(told, str):
        return type(None) if told is None else told
    try:
        evaluated = eval(told, getattr(function, "__globals__", {}))
    except (NameError, AttributeError):
        return Any
    return type(None) if evaluated is None else evaluated


def _made(info: inspect.Type, where: str) -> Any:
    plain = PLAIN.get(type(info))
    if plain is not None:
        return plain()
    match info:
        case inspect.Metadata():
            return _made(info.type, where)
        case inspect.IntType() | inspect.FloatType():
            return _number(info)
        case inspect.StrType() if re.search(info.pattern or "", text := "a" * (info.min_length or 1)):
            return text
        case inspect.LiteralType():
            return info.values[0]
        case inspect.EnumType():
            return next(iter(info.cls))
        case inspect.UnionType():
            return None if info.includes_none else _made(info.types[0], where)
        case inspect.CollectionType():
            return _collection(info, [_made(info.item_type, where)] * (info.min_length or 0))
        case inspect.TupleType():
            return tuple(_made(one, where) for one in info.item_types)
        case inspect.DictType():
            return {_made(info.key_type, where): _made(info.value_type, where)} if info.min_length else {}
        case inspect.StructType() | inspect.DataclassType() | inspect.NamedTupleType() | inspect.TypedDictType():
            needed = [field for field in info.fields if field.required]
            return info.cls(**{field.name: _made(field.type, f"{where}.{field.name}") for field in needed})
    raise TypeError(f"No example of {where} can be made by itself; give one by hand.")


def _number(info: inspect.IntType | inspect.FloatType) -> Any:
    """Return 1, or where that does not fit, what lies next to a bound."""
    step = info.multiple_of or 1
    low = info.ge if info.ge is not None else None if info.gt is None else info.gt + step
    high = info.le if info.le is not None else None if info.lt is None else info.lt - step
    value = step
    if low is not None and value < low:
        value = -(-low // step) * step
    if high is not None and value > high:
        value = high // step * step
    return value


def _collection(info: inspect.CollectionType, items: list[Any]) -> Any:
    kinds = {inspect.SetType: set, inspect.FrozenSetType: frozenset, inspect.VarTupleType: tuple}
    return kinds.get(type(info), list)(items)
