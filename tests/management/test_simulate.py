"""`manage.py simulate`: a run by hand, driven through standard input, told on standard output."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from django.core.management import CommandError, call_command

from orders.data import Line, OrderData
from orders.events import RestaurantAccepted
from statemachines import After, Event, Final, Invoke, Machine, Moment, On, State, effect, fact, registry
from statemachines.core.privacy import Sensitive
from statemachines.engine import create, send
from statemachines.management.console import duration, parsed
from statemachines.models import HistoryEntry, MachineInstance
from statemachines.testing.travel import Clock

ROOT = Path(__file__).resolve().parent.parent.parent
Simulate = Callable[..., str]


class Loan(msgspec.Struct, frozen=True):
    name: str
    secret: Annotated[str, Sensitive] = "hidden"
    rating: int = 0


class Granted(Event):
    amount: Decimal
    urgent: bool
    notes: list[str] = []


@effect
def rate(data: Loan) -> int:
    raise AssertionError("nothing is run in a simulation")


@fact
def budget(data: Loan) -> int:
    raise AssertionError("nothing is read in a simulation")


def rated(data: Loan, result: int) -> Loan:
    return msgspec.structs.replace(data, rating=result)


def affordable(data: Loan, event: Granted, moment: Moment) -> bool:
    return event.amount <= moment.get(budget)


def broken(data: Loan) -> Loan:
    raise ZeroDivisionError


loan = Machine(
    "loan",
    State("new", Invoke(rate, "rated", do=rated, error="unrated"), On("withdrawn", "gone")),
    State(
        "rated",
        On(Granted, "paid", when=affordable, facts=[budget]),
        On("break", "gone", do=broken),
        After(timedelta(days=2), "gone"),
    ),
    State("unrated", On("again", "new")),
    Final("paid"),
    Final("gone"),
    data=Loan,
)


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Simulate:
    """Play a machine by these answers, in a folder of its own; return all that was told."""
    monkeypatch.setattr(registry, "_machines", {**registry._machines})
    registry.register(loan, app_label="bank")
    monkeypatch.chdir(tmp_path)

    def run(*answers: str, machine: str = "bank.loan", **options: Any) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{answer}\n" for answer in answers)))
        call_command("simulate", machine, **options)
        return capsys.readouterr().out

    return run


def saved(path: str) -> None:
    """Run a saved test here, where the machine is registered."""
    space: dict[str, Any] = {}
    exec(compile(Path(path).read_text(), path, "exec"), space)
    tests = [made for name, made in space.items() if name.startswith("test_")]
    assert len(tests) == 1
    tests[0]()


def test_a_run_by_hand(simulate: Simulate) -> None:
    """Data, outcomes of effects, payloads and facts are asked for with their types; what came of each is shown."""
    told = simulate("2", "Ann", "", "", "2", "7", "1", "80.50", "yes", "", "100", "q")
    assert "bank.loan version 1. Nothing is written to the database." in told
    assert "name (text): Ann" in told
    assert 'secret (text, Enter: "hidden"):' in told
    assert (
        '\nnew (2030-01-01 12:00:00).\n  name: "Ann"\n  secret: "•••"\n  rating: 0\n  effects that wait: rate\n' in told
    )
    assert "  1. withdrawn\n  2. rate succeeds\n  3. rate fails\n" in told
    assert "result of rate (whole number, Enter: 1): 7" in told
    assert "\nrated (2030-01-01 12:00:00).\n  rating: 7\n  timer: 2 days, in 2 days\n" in told
    assert "  1. granted (amount, urgent, optionally notes)\n" in told
    assert "amount (decimal number): 80.50" in told
    assert "urgent (yes or no): yes" in told
    assert "The fact budget (whole number): 100" in told
    assert "paid (2030-01-01 12:00:00). It has ended." in told
    assert told.endswith("Goodbye.\n")


def test_what_does_not_fit_is_asked_again(simulate: Simulate) -> None:
    """A wrong number, a value of another type and a duration in no known words are told, and asked for again."""
    told = simulate("7", "1", "x", "2", "seven", "7", "w", "soon", "1h 30m", "?", "q")
    assert "'7' is none of them; give a number from 1 to 2." in told
    assert "'x' is none of them; give a number, a letter, or ? for help." in told
    assert "That is no whole number: Expected `int`, got `str`." in told
    assert "'soon' is no duration; write for example 20m, 1h 30m or 2 days." in told
    assert "rated (2030-01-01 13:30:00, 1 hour and 30 minutes after the beginning).\n  timer: 2 days, in 1 day" in told
    assert "u  take back the last step" in told


def test_refused_events_say_why(simulate: Simulate) -> None:
    """An event that the state does not take, or a guard refuses, is told with the reason, and changes nothing."""
    told = simulate("1", "e", "3", "1000", "no", "", "2", "7", "1", "1000", "no", "", "100", "q")
    assert "Refused (not_possible): loan in new does not take 'granted'. It would take: withdrawn." in told
    assert "Refused (not_possible): loan in rated does not take 'granted' (affordable said no)." in told
    assert "paid (" not in told


def test_time_passes_to_the_next_timer(simulate: Simulate) -> None:
    """The next timer can be waited for by one choice."""
    told = simulate("1", "2", "7", "3", "q")
    assert "  3. 2 days pass, until 2 days\n" in told
    assert "gone (2030-01-03 12:00:00, 2 days after the beginning). It has ended." in told


def test_an_error_of_the_machine_is_told(simulate: Simulate) -> None:
    """Where a function of the machine raises, that is told with its name, and nothing has changed."""
    told = simulate("1", "2", "7", "2", "", "j", "q")
    assert "That does not work: Machine 'loan', state 'rated'" in told
    assert "Now it is in rated." in told


def test_steps_are_taken_back(simulate: Simulate) -> None:
    """Undo takes back the last step, and says where nothing is left to take back."""
    told = simulate("1", "3", "no line", "u", "u", "d", "q")
    assert told.count("\nnew (2030") == 2
    assert "unrated (" in told
    assert "There is nothing to take back." in told
    assert '  secret: "•••"\n' in told


@pytest.mark.parametrize("answers", [[], ["1"], ["1", "1"], ["1", "2"], ["1", "2", "7", "1", "5", "no", ""]])
def test_the_end_of_the_input_is_polite(simulate: Simulate, answers: list[str]) -> None:
    """Wherever the input ends, also inside a question of a fact, the command ends well."""
    assert simulate(*answers).endswith("\nGoodbye.\n")


def test_ctrl_c_is_polite(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt ends the command as the end of the input does."""

    def interrupted(prompt: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", interrupted)
    assert simulate().endswith("\nGoodbye.\n")


def test_a_run_is_saved_as_a_test(simulate: Simulate) -> None:
    """What was done and refused is written as a test that passes; what was taken back is not in it."""
    refused = ["1", "1000", "no", '["a", "b"]', "100"]
    again = ["3", "", "u", "2", "7", "w", "20m"]
    told = simulate("2", "Ann", "", "", *again, *refused, "1", "5", "yes", "", "", "s", "", "s", "", "q")
    assert "Written to test_loan_simulated.py; pytest runs it." in told
    assert "test_loan_simulated.py is there already; give another name." in told
    saved("test_loan_simulated.py")
    text = Path("test_loan_simulated.py").read_text()
    assert "run.fail" not in text
    assert "run.advance(timedelta(seconds=1200))" in text
    assert "run.refuses(Occurrence('granted', {'amount': '1000', 'urgent': False, 'notes': ['a', 'b']})" in text
    assert text.endswith("    assert run.state == 'paid'\n")


def test_a_failed_effect_is_saved(simulate: Simulate) -> None:
    """The outcome of an effect, by error or with a given name, is part of the saved test."""
    simulate("1", "3", "too slow", "1", "", "s", "down.py", "q")
    saved("down.py")
    assert "run.fail('rate', 'too slow')" in Path("down.py").read_text()


def test_what_is_not_there_is_told(simulate: Simulate, db: None) -> None:
    """An unknown machine and an unknown key are errors that say so."""
    with pytest.raises(CommandError, match="'ship' is not registered"):
        simulate(machine="ship")
    with pytest.raises(CommandError, match=r"no instance '9' of bank\.loan"):
        simulate(instance="9")


@pytest.mark.django_db
def test_an_instance_is_gone_on_from(simulate: Simulate, machines: Clock) -> None:
    """With --instance the run begins where that is, with its timers and effects, and the database stays as it is."""
    line = Line("Phở bò", Decimal("13.00"), 2)
    data = OrderData(7, "standard", "Selam", "Meent 12", 3, "Pho 79", (line,), Decimal("26.00"))
    one = create("orders.order", "7", data=data, system=True)
    send(one, RestaurantAccepted(prep_minutes=20), system=True)
    machines.advance(minutes=5)
    before = list(MachineInstance.objects.values()), list(HistoryEntry.objects.values())
    courier = '{"id": 1, "user": "1", "name": "Ines", "email": "ines@couriers.example"}'
    told = simulate("2", courier, "1", "1", "s", "", "q", machine="orders.order", instance="7")
    assert "\nstandard.order_accepted (" in told
    assert "  timer: prep time, in 15 minutes" in told
    assert "effects that wait: offer_to_restaurant" in told
    assert "standard.courier_on_the_way" in told
    assert (list(MachineInstance.objects.values()), list(HistoryEntry.objects.values())) == before
    saved("test_order_simulated.py")


def test_the_whole_in_processes_of_its_own(tmp_path: Path) -> None:
    """The command runs in a pipe, and pytest runs what it saved."""
    path = tmp_path / "test_by_hand.py"
    courier = '{"id": 1, "user": "1", "name": "Ines", "email": "ines@couriers.example"}'
    answers = ["1", courier, "1", "1", "e", "5", "20", "s", str(path)]
    command = [sys.executable, str(ROOT / "manage.py"), "simulate", "order"]
    environment = os.environ | {"DATABASE_URL": "sqlite://:memory:"}
    text = "".join(f"{answer}\n" for answer in answers)
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("> \nGoodbye.\n")
    pytest_command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*pytest_command, str(path)], capture_output=True, text=True, env=environment, cwd=ROOT, check=False
    )
    assert (ran.returncode, "1 passed" in ran.stdout) == (0, True), path.read_text() + ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("20m", 20),
        ("20 min", 20),
        ("1h 30m", 90),
        ("1d", 1440),
        ("2 days and 1 minute", 2881),
        ("90s", 1.5),
        ("1w", 10080),
    ],
)
def test_durations_in_words(text: str, minutes: float) -> None:
    """A duration is read as people write it."""
    assert duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "20", "m", "20 moons", "-5m", "20m!"])
def test_what_is_no_duration(text: str) -> None:
    """What cannot be read is an error with examples."""
    with pytest.raises(ValueError, match="write for example 20m"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "type", "value"),
    [
        ("20", int, 20),
        ("no", bool, False),
        ("20", str, "20"),
        ("[1]", str, "[1]"),
        ("[1, 2]", list[int], [1, 2]),
        ('{"a": 1}', dict[str, int], {"a": 1}),
        ("null", int | None, None),
        ("1.10", Decimal, Decimal("1.10")),
        ('{"a": 1}', Any, {"a": 1}),
        ("hello", Any, "hello"),
    ],
)
def test_values_are_read_by_their_type(text: str, type: Any, value: Any) -> None:
    """Text is taken as it is for a text, else read as the type says; structures are JSON."""
    assert parsed(text, type) == value
