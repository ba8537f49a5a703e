"""The app's translations."""

from __future__ import annotations

import gettext
import re
from ast import literal_eval
from pathlib import Path

import pytest

import statemachines

FILES = sorted(Path(statemachines.__file__).parent.glob("locale/*/LC_MESSAGES/django.po"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parts[-3])
def test_what_is_compiled_is_what_is_written(file: Path) -> None:
    """Each language's django.mo is made of its django.po (`django-admin compilemessages`), and no text is left open."""
    pairs = re.findall(r'^msgid (".+")\nmsgstr (".*")$', file.read_text(), re.MULTILINE)
    written = {literal_eval(text): literal_eval(translated) for text, translated in pairs}
    with file.with_suffix(".mo").open("rb") as compiled:
        catalogue = gettext.GNUTranslations(compiled)
    assert len(written) > 50
    assert "" not in written.values()
    assert {text: catalogue.gettext(text) for text in written} == written
