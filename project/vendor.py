"""Fetch elkjs, which lays diagrams out, and what the tests make a TypeScript client with: `make vendor`.

elkjs is third-party (EPL-2.0), so it is not committed: npm fetches it, its checksum is verified, and it is shipped
unmodified with its licence. The tests' packages are pinned, hashes included, by `package-lock.json`, and stay in its
folder. Limits: needs npm and its registry.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "0.10.2"
"""No other: later versions crash on half of all charts."""
SHA256 = "dcf0d14eb86fe86636a2df413b401fe3cf5dde8f8fcd9c285070ce0c5e376e12"
TARGET = Path(__file__).resolve().parent.parent / "statemachines" / "vendor" / "elkjs"
FILES = {"package/lib/elk-worker.min.js": "elk-worker.min.js", "package/LICENSE.md": "LICENSE.md"}
SOURCE = f"""elkjs {VERSION}, unmodified: lib/elk-worker.min.js of the npm package elkjs@{VERSION}.

Licence: Eclipse Public License 2.0, see LICENSE.md.
Source: https://github.com/kieler/elkjs, tag {VERSION}.
"""


TYPESCRIPT = Path(__file__).resolve().parent.parent / "tests" / "clients" / "typescript"


def main() -> None:
    """Fetch elkjs, unless it is there. Exits with a sentence where that fails."""
    if there(TARGET / "elk-worker.min.js"):
        return
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is not on the PATH; install Node.js with npm, then run make vendor again.")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [npm, "pack", f"elkjs@{VERSION}", "--json"], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"npm could not fetch elkjs {VERSION}:\n{done.stderr.strip()[-1000:]}")
        unpack(Path(folder) / json.loads(done.stdout)[0]["filename"], TARGET)
    print(f"elkjs {VERSION} is in {TARGET}.")


def there(file: Path) -> bool:
    """Say whether a file is the one that is wanted."""
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == SHA256


def tools() -> None:
    """Fetch the tests' packages, unless those of the lock are there. Exits with a sentence where that fails."""
    if tools_there():
        return
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=TYPESCRIPT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"npm could not fetch the packages of {TYPESCRIPT}:\n{done.stderr.strip()[-1000:]}")
    print(f"What makes a TypeScript client is in {TYPESCRIPT}.")


def tools_there() -> bool:
    """Say whether the tests' packages are as the lock has them."""
    installed, lock = TYPESCRIPT / "node_modules" / ".package-lock.json", TYPESCRIPT / "package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime


def unpack(archive: Path, target: Path) -> None:
    """Take what is needed out of npm's archive. Exits where the checksum is another."""
    with tarfile.open(archive) as opened:
        contents = {name: opened.extractfile(member) for member, name in FILES.items()}
        found = {name: file.read() for name, file in contents.items() if file is not None}
    if hashlib.sha256(found["elk-worker.min.js"]).hexdigest() != SHA256:
        sys.exit(f"What npm has as elkjs {VERSION} is another file than the one known here; nothing was changed.")
    target.mkdir(parents=True, exist_ok=True)
    for name, content in {**found, "SOURCE.txt": SOURCE.encode()}.items():
        (target / name).write_bytes(content)


if __name__ == "__main__":
    main()
    tools()
