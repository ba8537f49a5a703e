"""The app's translations."""

from __future__ import annotations

import ast
import gettext
import re
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path

import pytest

import statemachines

FILES = sorted(Path(statemachines.__file__).parent.glob("locale/*/LC_MESSAGES/django.po"))

MARKS = {"_", "gettext", "gettext_lazy", "ngettext"}


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


def marked(tree: ast.AST) -> Iterator[str]:
    """Yield the texts that Python code marks for translation."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            text = node.args[0]
            if node.func.id in MARKS and isinstance(text, ast.Constant):
                yield text.value


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parts[-3])
def test_the_admin_is_translated_wholly(file: Path) -> None:
    """Each text that the admin's pages mark is in each language."""
    app = Path(statemachines.__file__).parent
    texts = {one for code in app.glob("admin/*.py") for one in marked(ast.parse(code.read_text()))}
    for template in app.glob("templates/admin/**/*.html"):
        texts.update(re.findall(r'{% translate "([^"]+)"', template.read_text()))
    written = {literal_eval(text) for text in re.findall(r'^msgid (".+")$', file.read_text(), re.MULTILINE)}
    assert len(texts) > 150
    assert texts <= written
