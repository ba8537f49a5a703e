"""Play a machine by hand in a terminal: choose what happens, see what comes of it, go back, keep it as a test.

Limits: a simulation, so nothing is written but the test's file; sensitive fields are masked on the screen alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from statemachines.core.border import incoming
from statemachines.core.errors import EventRefused, InvalidValue, MachineError
from statemachines.core.events import AnyEvent, Occurrence
from statemachines.core.examples import example, returned
from statemachines.core.journey import journey, timer_names
from statemachines.core.machine import Machine
from statemachines.core.moves import Model
from statemachines.core.privacy import mask
from statemachines.core.scenes import PlainScene, resume
from statemachines.core.simulation import Simulation
from statemachines.core.words import duration_in_words, event_in_words, phrase
from statemachines.registry import Registered
from statemachines.testing import recording

from .console import KEEP, Console, spelled

Option = tuple[str, Callable[[], None]]

HELP = """\
Choose by number what happens next. Events that are refused now say why. A payload, a result and a fact are asked for
with their type; write text, numbers, or JSON for lists and structures. Letters:
  e  send any event, also one that is not listed    w  wait for a while (20m, 1h 30m, 2 days)
  u  take back the last step                        d  show all data
  j  tell the journey so far                        s  save the run as a test
  q  quit (Ctrl-D and Ctrl-C too)"""


class Simulator:
    """One run by hand. `acts` are the lines of the test that does the same, per step that undo takes back."""

    def __init__(self, registered: Registered, console: Console) -> None:
        self.registered = registered
        self.machine: Machine[Any] = registered.machine
        self.console = console
        self.simulation = Simulation(self.machine, facts=self._fact)
        self.acts: list[list[str]] = []
        self.facts: dict[str, Any] = {}
        self.asked: dict[str, Any] = {}

    def begin(self) -> None:
        """Start an instance, whose data are asked for. Tries again where the machine refuses them."""
        while self.simulation.scene.snapshot is None:
            self._start(self._input())

    def _start(self, data: Any) -> None:
        self._act(lambda: self.simulation.start(data), lambda: recording.started(data, self.asked))

    def go_on_from(self, scene: PlainScene) -> None:
        """Begin where an instance is."""
        self.simulation = resume(self.machine, scene, facts=self._fact)
        self.acts.append([recording.resumed(scene)])
        self._show()

    def run(self) -> None:
        """Show and ask until somebody quits."""
        letters = {
            "e": self._any_event,
            "w": self._wait,
            "u": self._undo,
            "d": self._data,
            "j": self._journey,
            "s": self._save,
        }
        while True:
            options = self._options()
            self.console.write("What happens? (number, or e w u d j s q, ? for help)")
            for number, (text, _) in enumerate(options, 1):
                self.console.write(f"  {number}. {text}")
            answer = self.console.ask(">").lower()
            if answer in ("q", "quit", "exit"):
                return
            if answer in ("?", "h", "help"):
                self.console.write(HELP)
            elif answer in letters:
                letters[answer]()
            elif answer.isdecimal() and 1 <= int(answer) <= len(options):
                options[int(answer) - 1][1]()
            else:
                self.console.write(f"{answer!r} is none of them; give a number, a letter, or ? for help.")

    def _options(self) -> list[Option]:
        found: list[Option] = []
        for one in self.simulation.possible():
            text = event_in_words(one.event_type, self.machine.events.get(one.event_type))
            refused = f" – refused now: {', '.join(one.guards)} says no" if one.verdict == "refused" else ""
            found.append((text + refused, partial(self._send, one.event_type)))
        for timer, left in list(timer_names(self.simulation).items())[:1]:
            text = f"{duration_in_words(left)} pass, until {phrase(timer)}" if left else f"{phrase(timer)} is due"
            found.append((text, partial(self._advance, left)))
        for name in dict.fromkeys(one.name for one in self.simulation.scene.effects):
            found.append((f"{phrase(name)} succeeds", partial(self._complete, name)))
            found.append((f"{phrase(name)} fails", partial(self._fail, name)))
        return found

    def _show(self) -> None:
        simulation = self.simulation
        scene, write = simulation.scene, self.console.write
        passed = scene.now - simulation.scenes[0].now
        since = f", {duration_in_words(passed)} after the beginning" if passed else ""
        ended = " It has ended." if simulation.snapshot.status == "done" else ""
        write(f"\n{', '.join(simulation.leaves)} ({scene.now:%Y-%m-%d %H:%M:%S}{since}).{ended}")
        for line in self._changes():
            write(f"  {line}")
        if scene.effects:
            write(f"  effects that wait: {', '.join(one.name for one in scene.effects)}")
        for timer, left in timer_names(simulation).items():
            write(f"  timer: {phrase(timer)}, in {duration_in_words(left)}")

    def _changes(self) -> list[str]:
        """Tell the data that are other than before the last step."""
        scenes = self.simulation.scenes
        before = self._shown(scenes[-2].snapshot if len(scenes) > 1 else None)
        now = self._shown(scenes[-1].snapshot)
        return [
            f"{name}: {spelled(value)}" for name, value in now.items() if name not in before or before[name] != value
        ]

    def _shown(self, snapshot: Any) -> dict[str, Any]:
        """Return data as they may be seen, by field."""
        if snapshot is None:
            return {}
        plain = mask(self.machine.data_type, msgspec.to_builtins(snapshot.data))
        return plain if isinstance(plain, dict) else {"data": plain}

    def _data(self) -> None:
        for name, value in self._shown(self.simulation.snapshot).items():
            self.console.write(f"  {name}: {spelled(value)}")

    def _act(self, act: Callable[[], Any], line: Callable[[], str], event: AnyEvent | None = None) -> None:
        """Do something and show what came of it; what is refused or breaks is told, and changes nothing."""
        self.asked = {}
        started = bool(self.acts)
        try:
            act()
        except EventRefused as refusal:
            self.console.write(f"Refused ({refusal.code}): {refusal.text}")
            if event is not None:
                self.acts[-1] += [*self._given(), recording.refused(event, refusal.code)]
        except (InvalidValue, MachineError) as error:
            self.console.write(f"That does not work: {error}")
        else:
            self.acts.append([*(self._given() if started else ()), line()])
            self._show()

    def _given(self) -> list[str]:
        return [recording.given(name, value) for name, value in self.asked.items()]

    def _input(self) -> Any:
        kind = self.machine.input_type
        if not _has_fields(kind):
            return self.console.value(f"data of {self.machine.name}", kind, None, "as the machine makes it")
        try:
            made = msgspec.to_builtins(Model(self.machine).starts[0])
        except TypeError:
            return self.console.fields(kind)
        shown = "its defaults" if made is None else spelled(made)
        way = self.console.choose("The data to start with:", [f"an example: {shown}", "field by field"])
        return self.console.fields(kind) if way else made

    def _send(self, name: str) -> None:
        known = self.machine.events.get(name)
        if known is not None:
            payload = self.console.fields(known)
        else:
            payload = self.console.value(f"payload of {name}", Any, None, "none")
        try:
            event = incoming(self.machine, Occurrence(name, msgspec.to_builtins(payload) or None))
        except InvalidValue as error:
            self.console.write(f"That does not fit: {error}")
            return
        self._act(lambda: self.simulation.send(event), lambda: recording.sent(event), event)

    def _any_event(self) -> None:
        names = Model(self.machine, starts=[]).event_names()
        if not names:
            self.console.write("This machine takes no events.")
            return
        told = [event_in_words(name, self.machine.events.get(name)) for name in names]
        self._send(names[self.console.choose("Which event?", told)])

    def _wait(self) -> None:
        self._advance(self.console.duration("How long? (20m, 1h 30m, 2 days)"))

    def _advance(self, by: timedelta) -> None:
        self._act(lambda: self.simulation.advance(by), lambda: recording.passed(by))

    def _complete(self, name: str) -> None:
        kind = returned(self.machine.names.effects[name].function)
        result = None
        if kind is not type(None):
            result = self.console.value(f"result of {name}", kind, *_example(kind))
        self._act(lambda: self.simulation.complete(name, result), lambda: recording.completed(name, result))

    def _fail(self, name: str) -> None:
        error = self.console.ask("With which error? (Enter: it failed)") or "it failed"
        self._act(lambda: self.simulation.fail(name, error), lambda: recording.failed(name, error))

    def _undo(self) -> None:
        if (len(self.simulation.scenes) <= 2 and self.simulation.scenes[0].snapshot is None) or len(self.acts) < 2:
            self.console.write("There is nothing to take back.")
            return
        self.simulation.undo()
        self.acts.pop()
        self._show()

    def _journey(self) -> None:
        self.console.write(journey(self.simulation))

    def _save(self) -> None:
        usual = f"test_{re.sub(r'[^a-z0-9]+', '_', self.machine.name.lower())}_simulated.py"
        path = Path(self.console.ask(f"File (Enter: {usual}):") or usual)
        if path.exists():
            self.console.write(f"{path} is there already; give another name.")
            return
        name = re.sub(r"\W+", "_", path.stem.lower())
        name = name if name.startswith("test_") else f"test_{name}"
        acts = [line for step in self.acts for line in step]
        state = ", ".join(self.simulation.leaves)
        try:
            path.write_text(recording.as_test(self.registered.name, self.registered.version, name, acts, state))
        except OSError as error:
            self.console.write(f"It cannot be written: {error}.")
            return
        self.console.write(f"Written to {path}; pytest runs it.")

    def _fact(self, name: str, data: Any) -> Any:
        """Ask for a fact when a function of the machine looks at it; the last answer is the default."""
        kind = returned(self.machine.names.facts[name].function)
        known = self.facts.get(name, KEEP)
        self.facts[name] = self.asked[name] = msgspec.to_builtins(
            self.console.value(f"The fact {phrase(name)}", kind, known)
        )
        return self.facts[name]


def _example(kind: Any) -> tuple[Any, ...]:
    try:
        return (example(kind),)
    except TypeError:
        return ()


def _has_fields(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
