"""`manage.py diff_machine`: two versions in words, and the way between them."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from .conftest import Publish, forget
from .journey import UPGRADE, V1, V2


def run(*versions: str) -> str:
    out = StringIO()
    call_command("diff_machine", "journey", *versions, stdout=out)
    return out.getvalue()


def test_what_changed_and_where_each_state_leads(publishing: Publish) -> None:
    """The difference is told in words, also from the file of a version without code, then each state's image."""
    old = publishing(V1)
    new = publishing(V2)
    (new.directory / "0001_to_0002.py").write_text(UPGRADE)
    forget(old)
    told = run("1", "2")
    assert "# Journey" in told
    assert "*channel*" in told
    assert "| wait | pause |" in told
    assert "| greet | greet |" in told


def test_where_no_way_leads_it_says_so(publishing: Publish) -> None:
    """Without an upgrade the difference is told all the same; an unknown version is an error."""
    publishing(V1)
    publishing(V2)
    assert "makeupgrade begins one" in run("1", "2")
    with pytest.raises(CommandError, match="no version 7"):
        run("1", "7")


def test_the_difference_as_a_picture(publishing: Publish, tmp_path: Path) -> None:
    """`-f svg` draws both versions with what each state becomes, to a file where one is named."""
    old = publishing(V1)
    new = publishing(V2)
    (new.directory / "0001_to_0002.py").write_text(UPGRADE)
    forget(old)
    drawn = tmp_path / "journey.svg"
    assert run("1", "2", "-f", "svg", "-o", str(drawn)) == ""
    assert drawn.read_text() == run("1", "2", "--format", "svg").strip()
    assert '<g data-source="wait" data-target="pause">' in drawn.read_text()
    with pytest.raises(CommandError, match="cannot be written"):
        run("1", "2", "-o", str(tmp_path / "none" / "journey.svg"))
