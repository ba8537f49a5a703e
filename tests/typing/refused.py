"""Machines that the type checker must refuse, in the marked lines and in no other."""

from __future__ import annotations

from datetime import timedelta

from statemachines import After, Always, Entry, Event, Invoke, Limit, Machine, On, Retry, State, effect, pending

from .accepted import Added, Cart, Cleared, add, charge, clear, enough, keep, pack, post, small


class Parcel(Event):
    weight: int


class Other:
    pass


@effect
def weigh(data: Cart) -> int:
    return data.count


def weigh_note(note: str) -> int:
    return len(note)


@effect
def weigh_other(data: Other) -> int:
    return 1


def other_guard(data: Other) -> bool:
    return True


def other_assign(data: Other) -> Other:
    return data


def no_bool(data: Cart) -> str:
    return ""


def no_cart(data: Cart) -> int:
    return 1


def soon(data: Cart) -> int:
    return 1


On(Added, "b", when=small, do=add)
On(Cleared, "b", when=small)  # E: a guard for another event's payload
On(Cleared, "b", do=add)  # E: an assign for another event's payload
On(Added, "b", wehn=enough)  # E: unknown keyword
On(Added, "b", when=no_bool)  # E: a guard that returns no bool
On(3, "b")  # E: no event
Parcel(3)
Parcel("heavy")  # E: a field of another type
Parcel(weight=1).weight = 2  # E: events are frozen
row: On[Cart] = On(Added, when=other_guard)  # E: a guard of other data
row = On(Added, do=other_assign)  # E: an assign of other data
row = On(Added, do=clear)
timer: After[Cart] = After(soon, "b")  # E: a delay that returns no timedelta
timer = After(timedelta(1), "b", when=other_guard)  # E: a guard of other data
entry: Entry[Cart] = Entry(other_assign)  # E: an assign of other data
always: Always[Cart] = Always("b", when=other_guard)  # E: a guard of other data
effect(retry=3)  # E: no Retry
effect(timeout=30)  # E: no timedelta
effect(fatal=ValueError("no"))  # E: an exception, not its class
effect(guarantee="exactly_once")  # E: no guarantee that there is
effect(limit=Limit(concurrency="one"))  # E: no number
effect(retries=3)  # E: unknown option
effect(input=soon)(weigh_note)  # E: the function takes something else than what is selected
effect(input=no_bool)(weigh_note)
Retry(max_attempts="3")  # E: no number
Retry(first_delay=5)  # E: no timedelta
Limit(rate=1, per=60)  # E: no timedelta
pending(deadline=60)  # E: neither a timedelta nor a datetime
entry = Entry(weigh_other)  # E: an effect of other data
Invoke(post, "b", do=keep)
Invoke(pack, "b", do=keep)  # E: an effect's result into the wrong assign
Invoke(charge, "b", do=keep)
Invoke(weigh, "b", do=keep)  # E: an effect's result into the wrong assign
Invoke(charge, "b", on_error="c")  # E: unknown keyword
mixed: Machine[Cart] = Machine(
    "mixed",
    State("a", On(Added, do=other_assign)),  # E: an assign of other data
    data=Cart,
)
State("a", tag="x")  # E: unknown keyword
