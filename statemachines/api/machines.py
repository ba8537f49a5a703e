"""Machines over HTTP: what they are, as XState JSON, in words and as a picture, and what they would do.

Limits: for those whom a machine's policy lets explore it. A simulation writes nothing and runs no effect; facts that
its guards ask for have to be given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache, partial
from typing import Annotated, Any

import msgspec
from django.http import Http404, HttpResponse
from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request
from rest_framework.response import Response

from statemachines import registry
from statemachines.core.border import incoming
from statemachines.core.errors import EventRefused, InvalidValue, MachineError
from statemachines.core.events import AnyEvent, Occurrence
from statemachines.core.explanation import explain
from statemachines.core.scenes import resume
from statemachines.core.simulation import Simulation
from statemachines.engine.standing import scene_of
from statemachines.picture import machine_svg
from statemachines.policy import subject_of
from statemachines.registry import Registered, versions_of
from statemachines.shown import failure

from .base import StateMachineView
from .formats import Time
from .instances import OfMachine, start_of
from .operations import Operation
from .public import camel
from .schema import MachineGenerator

YEAR = 365 * 86_400
MOST_TIMERS = 1_000


class MachineSummary(msgspec.Struct):
    """A machine; `version` is the current one."""

    name: str
    version: int
    description: str


class MachineList(msgspec.Struct):
    """The machines that somebody may explore."""

    items: list[MachineSummary]


class MachineDefinition(MachineSummary):
    """A machine in full: all versions that this server has, the definition as XState v5 JSON, and in words."""

    versions: list[int]
    xstate: dict[str, Any]
    words: str


class Machines(StateMachineView):
    """The machines of this server."""

    anonymous = True

    def operation(self, method: str) -> Operation:
        return Operation("list_machines", "List the machines that you may explore.", MachineList)

    def get(self, request: Request) -> Response:
        found = [one for one in registry.machines() if one.policy and one.policy.may_explore(self.actor)]
        return Response(MachineList([MachineSummary(one.name, one.version, one.machine.description) for one in found]))


class Description(StateMachineView):
    """The API's description, of what is there for who asks."""

    anonymous = True

    def operation(self, method: str) -> Operation:
        return Operation("describe", "Describe the API in OpenAPI.", {"type": "object"})

    def get(self, request: Request) -> Response:
        return Response(MachineGenerator(self.actor).document())


class Explorable(OfMachine):
    """What is there for those only who may explore the machine."""

    def initial(self, request: Request, *given: Any, **named: Any) -> None:
        super().initial(request, *given, **named)
        if not self.policy.may_explore(self.actor):
            raise Http404


class Definition(Explorable):
    """A machine's definition."""

    def operation(self, method: str) -> Operation:
        return Operation(f"explain_{self.machine}", "Read the definition.", MachineDefinition, problems=(404,))

    def get(self, request: Request) -> Response:
        registered = self.registered
        machine = registered.machine
        versions = sorted(one.version for one in versions_of(registered.name))
        return Response(
            MachineDefinition(
                registered.name,
                registered.version,
                machine.description,
                versions,
                machine.to_xstate(),
                explain(machine),
            )
        )


class Picture(Explorable):
    """A machine's picture."""

    def operation(self, method: str) -> Operation:
        return Operation(f"draw_{self.machine}", "Draw the machine.", str, problems=(404,), media_type="image/svg+xml")

    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(machine_svg(self.registered), content_type="image/svg+xml")

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """Accept what is asked for: there is only the picture."""
        return super().perform_content_negotiation(request, force=True)


class Act(msgspec.Struct, forbid_unknown_fields=True):
    """One thing that happens: an event with its payload, time that passes in seconds, or the end of an effect."""

    event: str | UnsetType = UNSET
    payload: dict[str, Any] | UnsetType = UNSET
    seconds: Annotated[float, Meta(ge=0, le=YEAR)] | UnsetType = UNSET
    effect: str | UnsetType = UNSET
    result: Any = None
    error: Annotated[str, Meta(max_length=1000)] | UnsetType = UNSET


class Play(msgspec.Struct, forbid_unknown_fields=True):
    """What to simulate: what happens, and the facts that guards ask for."""

    acts: Annotated[list[Act], Meta(max_length=100)]
    facts: dict[str, Any] = {}


@lru_cache
def play_from_start(registered: Registered) -> Any:
    """Return the type of a simulation that begins: with `start`, the data or the input to begin with."""
    name, fields = f"{camel(registered.name)}Play", [start_of(registered, "start")]
    made = msgspec.defstruct(name, fields, bases=(Play,), kw_only=True, forbid_unknown_fields=True, module=__name__)
    made.__doc__ = Play.__doc__
    return made


class Scene(msgspec.Struct, omit_defaults=True):
    """Where the machine is after an act. `effects` wait for their end; `refused` says why the act changed nothing."""

    state: tuple[str, ...]
    tags: list[str]
    now: Time
    ended: bool
    timers: dict[str, Time]
    effects: list[str]
    refused: str | UnsetType = UNSET
    code: str | UnsetType = UNSET


class Played(msgspec.Struct):
    """The scenes of a simulation: the first is the start, then one after each act."""

    scenes: list[Scene]


class Simulate(Explorable):
    """A simulation from the start."""

    def operation(self, method: str) -> Operation:
        return Operation(
            f"simulate_{self.machine}",
            "Simulate: events, passing time, ends of effects. Nothing is written.",
            Played,
            request=play_from_start(self.registered),
            problems=(404, 409),
        )

    def post(self, request: Request) -> Response:
        play = self.read(play_from_start(self.registered), "simulation")
        simulation = Simulation(self.registered.machine, facts=play.facts, actor=self.actor)
        with playing(partial(failure, self.registered.machine)):
            simulation.start(None if play.start is UNSET else play.start)
            return Response(Played(played(simulation, play)))


class SimulateInstance(Explorable):
    """A simulation that goes on from where an instance is."""

    def operation(self, method: str) -> Operation:
        return Operation(
            f"simulate_on_{self.machine}",
            "Simulate from where an instance is. Nothing is written; events that you may not send are refused.",
            Played,
            request=Play,
            problems=(404, 409),
        )

    def post(self, request: Request, pk: int) -> Response:
        instance = self.instance(pk)
        play = self.read(Play, "simulation")
        scene = scene_of(instance)
        simulation = resume(instance.registered.machine, scene, facts=play.facts, actor=self.actor)
        subject = subject_of(instance)

        def may(event: AnyEvent) -> bool:
            now = msgspec.structs.replace(subject, snapshot=simulation.snapshot)
            return self.policy.may_send(self.actor, now, event)

        with playing(lambda error: f"{type(error).__name__}; its text may tell of data"):
            return Response(Played(played(simulation, play, may)))


@contextmanager
def playing(told: Callable[[Exception], str]) -> Iterator[None]:
    """Tell what a machine's functions raise on facts, results and data that were made up. Raises InvalidValue."""
    try:
        yield
    except (MachineError, TypeError) as error:
        expected = "data, facts and results that the machine's functions can work with"
        raise InvalidValue("simulation", field="", expected=expected, received=told(error)) from error


def played(simulation: Simulation, play: Play, may: Callable[[AnyEvent], bool] = lambda event: True) -> list[Scene]:
    """Play what happens, and return the scenes. Raises InvalidValue where it cannot be played."""
    scenes = [scene(simulation)]
    for number, act in enumerate(play.acts):
        scenes.append(_played(simulation, act, f"acts[{number}]", may))
    return scenes


def _played(simulation: Simulation, act: Act, field: str, may: Callable[[AnyEvent], bool]) -> Scene:
    given = [name for name in ("event", "seconds", "effect") if getattr(act, name) is not UNSET]
    if len(given) != 1:
        expected = "one of event, seconds, effect"
        raise InvalidValue("simulation", field=field, expected=expected, received=", ".join(given) or "none")
    try:
        _happen(simulation, act, may)
    except LookupError as error:
        raise InvalidValue("simulation", field=field, expected="what waits", received=str(error)) from error
    except EventRefused as refusal:
        return msgspec.structs.replace(scene(simulation), refused=refusal.text, code=refusal.code)
    return scene(simulation)


def _happen(simulation: Simulation, act: Act, may: Callable[[AnyEvent], bool]) -> None:
    if act.seconds is not UNSET:
        _pass(simulation, timedelta(seconds=act.seconds))
    elif act.effect is not UNSET:
        if act.error is UNSET:
            simulation.complete(act.effect, act.result)
        else:
            simulation.fail(act.effect, act.error)
    elif act.event is not UNSET:
        event = incoming(simulation.machine, Occurrence(act.event, None if act.payload is UNSET else act.payload))
        if not may(event):
            raise EventRefused("not_allowed", f"You may not send {event.type!r} here.", event=event.type)
        simulation.send(event)


def _pass(simulation: Simulation, length: timedelta) -> None:
    """Let time pass, from timer to timer. Raises InvalidValue where too many fire."""
    until, fired = simulation.scene.now + length, 0
    while simulation.scene.timers and simulation.scene.timers[0].due <= until:
        fired += simulation.advance(max(simulation.scene.timers[0].due - simulation.scene.now, timedelta(0)))
        if fired > MOST_TIMERS:
            expected = f"a time in which at most {MOST_TIMERS} timers fire"
            raise InvalidValue("simulation", field="seconds", expected=expected, received=str(length))
    simulation.advance(until - simulation.scene.now)


def scene(simulation: Simulation) -> Scene:
    """Return where a simulation is."""
    now = simulation.scene
    return Scene(
        state=simulation.leaves,
        tags=sorted(simulation.machine.tags_of(simulation.snapshot)),
        now=now.now,
        ended=simulation.snapshot.status == "done",
        timers={timer.name: timer.due for timer in now.timers},
        effects=[effect.name for effect in now.effects],
    )
