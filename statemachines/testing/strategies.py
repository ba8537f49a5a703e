"""Hypothesis strategies: values of a type that the border lets in, and runs of what may happen to an instance.

Importing this needs hypothesis. Limits: what `core.moves` says of its examples holds here too, but where it would make
one value these strategies draw many.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

from statemachines.core.events import AnyEvent, Occurrence
from statemachines.core.functions import Effect
from statemachines.core.journey import timer_names
from statemachines.core.machine import Machine
from statemachines.core.moves import Model, Move, Path
from statemachines.core.simulation import Simulation

INT64 = 2**63
DAYS = timedelta(days=1_000)
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
PLAIN: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.AnyType: st.none() | st.booleans() | st.integers(-INT64, INT64 - 1) | st.text(CHARACTERS),
    inspect.NoneType: st.none(),
    inspect.BoolType: st.booleans(),
    inspect.BytesType: st.binary(),
    inspect.DateTimeType: st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    inspect.DateType: st.dates(),
    inspect.TimeType: st.times(timezones=st.just(UTC)),
    inspect.TimeDeltaType: st.timedeltas(-DAYS, DAYS),
    inspect.DecimalType: st.decimals(-(10**9), 10**9, places=2),
    inspect.UUIDType: st.uuids(),
}


def values(type: Any) -> st.SearchStrategy[Any]:
    """Draw values of a type that fit its constraints. Raises TypeError for a type that msgspec does not know."""
    return _of(inspect.type_info(type))


@st.composite
def event_runs(draw: st.DrawFn, /, machine: Machine[Any], *, max_moves: int = 20, **given: Any) -> Path:
    """Draw a run: a start, then up to `max_moves` moves that the machine takes. Keywords as of `core.moves.Model`.

    Examples of events may also be strategies. `play` of what is drawn returns the simulation.
    """
    model = Model(machine, **given)
    simulation = model.simulation()
    moves: tuple[Move, ...] = ()
    for _ in range(draw(st.integers(0, max_moves)) + 1):
        possible = moves_of(model, simulation)
        if not possible:
            break
        move: Move = draw(st.one_of(possible))
        after = model.take(simulation, move)
        if after is not None:
            simulation, moves = after, (*moves, move)
    return Path(model, moves)


def moves_of(model: Model, simulation: Simulation) -> list[st.SearchStrategy[Move]]:
    """Return strategies of what could happen next; an event may still be refused."""
    if simulation.scene.snapshot is None:
        return [st.sampled_from([Move("start", model.machine.name, one) for one in model.starts])]
    names = [one.event_type for one in simulation.possible()]
    found = [events_of(model, simulation, names)]
    found += [st.just(Move("timer", timer)) for timer in list(timer_names(simulation))[:1]]
    for one in simulation.scene.effects:
        if one.invocation:
            found += [outcomes_of(model, one.effect), st.just(Move("error", one.name))]
    return [one for one in found if not one.is_empty]


def events_of(model: Model, simulation: Simulation, names: list[str]) -> st.SearchStrategy[Move]:
    """Return a strategy of events of these names, or of those of the model's one function."""
    if callable(model.events):
        return st.sampled_from(list(model.events(simulation.snapshot))).map(_sent)
    return st.one_of([_event(model, simulation, name).map(_sent) for name in names])


def outcomes_of(model: Model, effect: Effect[Any, Any]) -> st.SearchStrategy[Move]:
    """Return a strategy of the successes of an effect."""
    results = model.results_of(effect)
    return st.sampled_from([Move("done", effect.id, result) for result in results])


def _event(model: Model, simulation: Simulation, name: str) -> st.SearchStrategy[AnyEvent]:
    given = model.events.get(name) if not callable(model.events) else None
    given = given(simulation.snapshot) if callable(given) else given
    if isinstance(given, st.SearchStrategy):
        return given
    if given is not None:
        return st.sampled_from(list(given))
    known = model.machine.events.get(name)
    return st.just(Occurrence(name)) if known is None else values(known)


def _sent(event: AnyEvent) -> Move:
    return Move("event", event.type, event)


def _of(info: inspect.Type) -> st.SearchStrategy[Any]:
    plain = PLAIN.get(type(info))
    if plain is not None:
        return plain
    match info:
        case inspect.Metadata():
            return _of(info.type)
        case inspect.IntType() | inspect.FloatType():
            return _numbers(info)
        case inspect.StrType():
            return _texts(info)
        case inspect.LiteralType():
            return st.sampled_from(info.values)
        case inspect.EnumType():
            return st.sampled_from(list(info.cls))
        case inspect.UnionType():
            return st.one_of([_of(one) for one in info.types])
        case inspect.CollectionType():
            return _collections(info)
        case inspect.TupleType():
            return st.tuples(*map(_of, info.item_types))
        case inspect.DictType():
            low, high = info.min_length or 0, info.max_length
            return st.dictionaries(_of(info.key_type), _of(info.value_type), min_size=low, max_size=high)
        case inspect.StructType() | inspect.DataclassType() | inspect.NamedTupleType() | inspect.TypedDictType():
            return st.deferred(lambda: _structures(info))  # one may hold itself
    raise TypeError(f"No values of {info!r} can be drawn; give a strategy of your own.")


def _numbers(info: inspect.IntType | inspect.FloatType) -> st.SearchStrategy[Any]:
    limits = {"ge": info.ge, "gt": info.gt, "le": info.le, "lt": info.lt}
    low = max((one for one in (limits["ge"], limits["gt"]) if one is not None), default=None)
    high = min((one for one in (limits["le"], limits["lt"]) if one is not None), default=None)
    found: st.SearchStrategy[Any]
    if isinstance(info, inspect.IntType):
        found = st.integers(-INT64 if low is None else int(low), INT64 - 1 if high is None else int(high))
    else:
        found = st.floats(low, high, allow_nan=False, allow_infinity=False)
    step = info.multiple_of
    if step:
        found = st.integers(-1_000, 1_000).map(lambda count: count * step)
    return found.filter(lambda value: _fits(value, info))


def _fits(value: float, info: inspect.IntType | inspect.FloatType) -> bool:
    return (
        (info.ge is None or value >= info.ge)
        and (info.gt is None or value > info.gt)
        and (info.le is None or value <= info.le)
        and (info.lt is None or value < info.lt)
    )


def _texts(info: inspect.StrType) -> st.SearchStrategy[str]:
    low, high = info.min_length or 0, info.max_length
    if info.pattern is None:
        return st.text(CHARACTERS, min_size=low, max_size=high)
    found = st.from_regex(info.pattern, alphabet=CHARACTERS)
    return found.filter(lambda text: low <= len(text) and (high is None or len(text) <= high))


def _collections(info: inspect.CollectionType) -> st.SearchStrategy[Any]:
    kinds: dict[type[inspect.Type], Callable[[list[Any]], Any]]
    kinds = {inspect.SetType: set, inspect.FrozenSetType: frozenset, inspect.VarTupleType: tuple}
    kind = kinds.get(type(info), list)
    low, high, unique = info.min_length or 0, info.max_length, kind in (set, frozenset)
    return st.lists(_of(info.item_type), min_size=low, max_size=high, unique=unique).map(kind)


def _structures(info: Any) -> st.SearchStrategy[Any]:
    needed = {field.name: _of(field.type) for field in info.fields if field.required}
    further = {field.name: _of(field.type) for field in info.fields if not field.required}
    return st.fixed_dictionaries(needed, optional=further).map(lambda fields: info.cls(**fields))
