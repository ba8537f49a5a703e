"""`manage.py makeupgrade`: what it finds, asks, and writes."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from statemachines import Machine, State, registry
from statemachines.core.errors import UpgradeError
from statemachines.core.upgrade import Held
from statemachines.upgrades import upgrades, way

from .conftest import Publish, forget
from .journey import V1, V2, Journey2, greet


def run(*options: str, machine: str | None = "journey", code: int = 0) -> str:
    out = StringIO()
    given = [machine] if machine else []
    if code:
        with pytest.raises(SystemExit) as exited:
            call_command("makeupgrade", *given, *options, stdout=out)
        assert exited.value.code == code
    else:
        call_command("makeupgrade", *given, *options, stdout=out)
    return out.getvalue()


def answering(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Answer questions one after another; return what was asked."""
    asked: list[str] = []
    left = iter(answers)

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return next(left)

    monkeypatch.setattr("builtins.input", answer)
    return asked


def test_what_is_published_as_it_is_needs_nothing(publishing: Publish) -> None:
    """An unchanged machine is fine, and so is one that has only other words now."""
    forget(publishing(V1))
    publishing(Machine("journey", *V1.rows, data=V1.data_type, description="Other words."), file=False)
    assert "Every machine is as it was published." in run("--check")


def test_a_change_without_a_version_is_found(publishing: Publish) -> None:
    """`--check` exits with 1, tells what changed in words and what to write, and writes nothing."""
    registered = publishing(V1)
    forget(registered)
    publishing(Machine("journey", *V1.rows, State("later"), data=V1.data_type), file=False)
    told = run("--check", code=1)
    assert "New: *later*" in told or "later" in told
    assert "examples.journey: write version=2 in the machine." in told
    assert [path.name for path in registered.directory.iterdir()] == ["0001.json"]
    told = run("--noinput")
    assert "Wrote" in told
    assert sorted(path.name for path in registered.directory.iterdir()) == ["0001.json", "0001_to_0002.py", "0002.json"]
    assert "its structure is that of version 2; write version=2 in the machine." in run("--check", code=1)


def test_a_renamed_state_is_asked(publishing: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state that looks like one that is gone is offered; with a yes its image is decided, what waits is not."""
    publishing(V1)
    publishing(V2, file=False)
    asked = answering(monkeypatch, "y")
    told = run()
    assert asked == ["Does 'pause' of version 2 take the place of 'wait'? [y/N] "]
    assert "1 left to decide" in told  # the delayed poke
    file = registry.find("examples.journey").directory / "0001_to_0002.py"
    file.write_text(file.read_text().replace('"poke": ...', '"poke": None'))
    (crossing,) = way("examples.journey", 1, 2)
    assert crossing.upgrade.states == {"wait": "pause"}
    held = crossing.take(Held(("wait",), {"user": "a", "file": ""}))
    assert (held.configuration, held.data["channel"]) == (("pause",), "unknown")


def test_nothing_is_guessed_silently(publishing: Publish) -> None:
    """Without an answer the state stays open, with what looks alike beside it, and the upgrade does not load."""
    registered = publishing(V1)
    publishing(V2, file=False)
    run("--noinput")
    text = (registered.directory / "0001_to_0002.py").read_text()
    assert '"wait": ...,  # alike: pause' in text
    assert '"poke": ...,  # what becomes of one that waits?' in text
    assert '"channel": "unknown",  # text, new' in text
    with pytest.raises(UpgradeError, match="'wait' has no image in version 2; name one"):
        upgrades("examples.journey")


def test_what_changed_is_told(publishing: Publish) -> None:
    """`--dry-run` prints the difference in words and the files, and writes nothing."""
    registered = publishing(V1)
    publishing(V2, file=False)
    told = run("--dry-run")
    assert "examples.journey: this makes version 2, after 1." in told
    assert "Would write" in told
    assert "*channel*" in told
    assert [path.name for path in registered.directory.iterdir()] == ["0001.json"]


def test_an_upgrade_that_is_there_is_kept(publishing: Publish) -> None:
    """What somebody has written by hand is not written over."""
    registered = publishing(V1)
    publishing(V2, file=False)
    (registered.directory / "0001_to_0002.py").write_text("# mine")
    run("--noinput")
    assert (registered.directory / "0001_to_0002.py").read_text() == "# mine"


def test_fields_that_went_or_changed_are_left_to_decide(publishing: Publish) -> None:
    """Fields that are gone are dropped, a changed type is marked, and an effect that is gone too."""
    registered = publishing(V1)

    class Other(Journey2, frozen=True):
        file: int = 0  # type: ignore[assignment]

    publishing(
        Machine("journey", State("greet"), State("wait"), State("remind"), *V1.rows[3:], data=Other, version=2),
        file=False,
    )
    run("--noinput")
    text = (registered.directory / "0001_to_0002.py").read_text()
    assert '"file": ...,  # whole number, was text: old["file"]' in text
    assert f'"{greet.id}": ...,  # what becomes of an open one?' in text
    compile(text, "upgrade", "exec")


def test_a_machine_that_was_never_published_begins(publishing: Publish, tmp_path: Any) -> None:
    """A first version is published without an upgrade; without its name it is left alone, as an app without files."""
    registered = publishing(V1, file=False)
    registered.directory.rmdir()
    registered.directory.parent.rmdir()
    assert "examples.journey" not in run("--check", machine=None)
    assert "version 1 is not published" in run("--check", code=1)
    run()
    assert [path.name for path in registered.directory.iterdir()] == ["0001.json"]
    assert "Every machine is as it was published." in run("--check")
