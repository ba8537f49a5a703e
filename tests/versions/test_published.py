"""Published versions: files, what `migrate` records of them, and code that does not mean the same."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import ERROR, WARNING
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from statemachines import Final, Machine, On, State
from statemachines.checks import check_versions
from statemachines.core.published import publish
from statemachines.engine import create, send
from statemachines.engine.versions import record
from statemachines.exceptions import UnknownVersion
from statemachines.models import MachineInstance, MachineVersion
from statemachines.versions import definition, file_of, published

from .conftest import Publish, forget


def lamp(*rows: Any, version: int = 1) -> Machine[Any]:
    return Machine("lamp", State("off", On("go", "on")), State("on", On("go", "off"), *rows), version=version)


def told() -> list[Any]:
    return [message for message in check_versions(None) if "examples.lamp" in message.msg or "lamp/" in message.msg]


@pytest.mark.django_db
def test_migrate_records_what_is_published() -> None:
    """After `migrate` the database has the published versions of all machines, with their fingerprints and texts."""
    call_command("migrate", verbosity=0)
    row = MachineVersion.objects.get(machine="orders.order", version=3)
    assert "restaurant_driven" in row.definition
    assert len(row.fingerprint) == 32


@pytest.mark.django_db
def test_migrate_refuses_another_fingerprint(publishing: Publish) -> None:
    """A version that was recorded with another structure stops `migrate`, and what is recorded stays."""
    registered = publishing(lamp())
    record("default")
    before = MachineVersion.objects.get(machine="examples.lamp").fingerprint
    forget(registered)
    publishing(lamp(On("break", "off")))
    with pytest.raises(ImproperlyConfigured, match=r"0001\.json .* never changes"):
        record("default")
    assert MachineVersion.objects.get(machine="examples.lamp").fingerprint == before


@pytest.mark.django_db(transaction=True)
def test_code_that_means_something_else_leaves_instances_alone(publishing: Publish) -> None:
    """Where a version was recorded with another fingerprint, this code neither creates nor drives its instances."""
    registered = publishing(lamp())
    record("default")
    instance = create("examples.lamp", system=True)
    forget(registered)
    publishing(lamp(On("break", "off")), file=False)
    with pytest.raises(UnknownVersion, match="means something else by"):
        send(instance, "go", system=True)
    with pytest.raises(UnknownVersion):
        create("examples.lamp", system=True)
    assert MachineInstance.objects.get(pk=instance.pk).state == "off"


@pytest.mark.django_db(transaction=True)
def test_the_fingerprint_is_asked_for_once(publishing: Publish) -> None:
    """A process looks up a recorded fingerprint at the first event, and never again."""
    publishing(lamp())
    record("default")
    instance = create("examples.lamp", system=True)
    with CaptureQueriesContext(connection) as seen:
        send(instance, "go", system=True)
    assert not any("machineversion" in query["sql"] for query in seen.captured_queries)


def test_an_edited_file_is_found(publishing: Publish) -> None:
    """A file whose content does not have its fingerprint is an error of the check, and of whoever reads it."""
    registered = publishing(lamp())
    path = file_of(registered, 1)
    path.write_text(path.read_text().replace('"break"', '"mend"').replace('"off"', '"out"'))
    with pytest.raises(ImproperlyConfigured, match="was edited"):
        published(registered)
    assert [(one.id, one.level) for one in told()] == [("statemachines.E006", ERROR)]
    path.write_text("{")
    assert [one.id for one in told()] == ["statemachines.E006"]


def test_the_check_sees_a_change_without_a_version(publishing: Publish) -> None:
    """A changed structure under a published version is a warning that names the machine and what to run."""
    registered = publishing(lamp())
    assert told() == []
    forget(registered)
    publishing(lamp(State("deep")), file=False)
    (warning,) = told()
    assert (warning.id, warning.level) == ("statemachines.W114", WARNING)
    assert warning.msg == "The structure of examples.lamp changed, and it still is version 1."
    assert "makeupgrade" in warning.hint


def test_the_check_sees_versions_that_are_not_published(publishing: Publish) -> None:
    """A new version without a file is told; so is a machine whose structure is that of another version."""
    publishing(lamp())
    newer = publishing(lamp(Final("gone"), version=2), file=False)
    assert [one.msg for one in told()] == ["examples.lamp version 2 is not published."]
    forget(newer)
    publishing(lamp(version=2), file=False)
    assert [one.hint for one in told()] == ["Run manage.py makeupgrade."]


def test_a_version_that_code_has_not_is_shown_from_its_file(publishing: Publish) -> None:
    """The definition of an older version comes from its file where the code has dropped it."""
    old = publishing(lamp(On("break", "off")))
    publishing(lamp(version=2))
    forget(old)
    assert "break" in definition("examples.lamp", 1).chart.by_path["on"].edges
    with pytest.raises(UnknownVersion, match="Nor has it a published file"):
        definition("examples.lamp", 9)


def test_the_check_sees_an_upgrade_that_does_not_fit(publishing: Publish) -> None:
    """A state without an image is an error of the check, with the file's machine and what to write."""
    registered = publishing(lamp())
    publishing(Machine("lamp", State("off", On("go", "lit")), State("lit"), version=2))
    (registered.directory / "0001_to_0002.py").write_text(
        "from statemachines import Upgrade\nupgrade = Upgrade('lamp', 1, 2)\n"
    )
    (error,) = [one for one in check_versions(None) if one.obj == "examples.lamp"]
    assert (error.id, error.level) == ("statemachines.E008", ERROR)
    assert "'on' has no image in version 2; name one in states={'on': …}" in error.msg


def test_code_that_has_moved_on_is_compared_by_what_was_published(publishing: Publish) -> None:
    """Between `makeupgrade` and `version=2` in the code, version 1 is what was published as it."""
    registered = publishing(lamp(Final("gone")))
    file_of(registered, 1).write_bytes(publish(lamp()).encode())
    assert "gone" not in definition("examples.lamp", 1).chart.by_path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("upgrade = (", "cannot be loaded: SyntaxError"),
        ("x = 1", "holds no Upgrade"),
        (
            "from statemachines import Upgrade\nupgrade = Upgrade('lamp', 1, 2, events={'ping': ...})",
            "events={'ping': …} is still to be decided",
        ),
        (
            "from statemachines import Upgrade\nupgrade = Upgrade('lamp', 1, 2, data=lambda old: {**old, 'n': ...})",
            "data= still has three dots",
        ),
    ],
)
def test_the_check_sees_an_upgrade_that_is_not_finished(publishing: Publish, text: str, told: str) -> None:
    """A file that is no upgrade, or one with an open blank, is an error of the check, not a traceback."""
    registered = publishing(lamp())
    publishing(lamp(Final("gone"), version=2))
    (registered.directory / "0001_to_0002.py").write_text(text + "\n")
    (error,) = [one for one in check_versions(None) if one.obj == "examples.lamp"]
    assert (error.id, error.level) == ("statemachines.E008", ERROR)
    assert told in error.msg
