"""`make vendor`: elkjs is taken from npm's archive only where it is the known file."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from project import vendor


def archive(path: Path, script: bytes) -> Path:
    with tarfile.open(path, "w:gz") as made:
        for name, content in (("package/lib/elk-worker.min.js", script), ("package/LICENSE.md", b"EPL")):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return path


def test_another_file_is_refused(tmp_path: Path) -> None:
    """A wrong checksum ends with a sentence, and nothing is written."""
    with pytest.raises(SystemExit, match="another file than the one known here"):
        vendor.unpack(archive(tmp_path / "elkjs.tgz", b"evil"), tmp_path / "elkjs")
    assert not (tmp_path / "elkjs").exists()


def test_the_known_file_comes_with_its_licence_and_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the script stand its licence and a pointer to its source."""
    monkeypatch.setattr(vendor, "SHA256", hashlib.sha256(b"known").hexdigest())
    vendor.unpack(archive(tmp_path / "elkjs.tgz", b"known"), tmp_path / "elkjs")
    assert {file.name for file in (tmp_path / "elkjs").iterdir()} == {"elk-worker.min.js", "LICENSE.md", "SOURCE.txt"}
    assert "github.com/kieler/elkjs" in (tmp_path / "elkjs" / "SOURCE.txt").read_text()


def test_without_npm_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """npm is named where it is missing; where elkjs is there already, nothing is asked."""
    monkeypatch.setattr(vendor, "TARGET", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match=r"npm is not on the PATH; install Node\.js"):
        vendor.main()
    monkeypatch.setattr(vendor, "there", lambda file: True)
    vendor.main()
