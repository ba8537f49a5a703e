"""Make packages absent in this process: as if they were not installed.

Limits: call it before anything has imported them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


def hide(packages: Sequence[str]) -> None:
    """Let the import system, `find_spec` included, not find the packages."""
    loaded = [name for name in packages if name in sys.modules]
    if loaded:
        raise RuntimeError(f"Too late: {', '.join(loaded)} is imported already.")

    class Without(PathFinder):
        @classmethod
        def find_spec(
            cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
        ) -> ModuleSpec | None:
            if fullname.partition(".")[0] in packages:
                return None
            return super().find_spec(fullname, path, target)

    sys.meta_path[sys.meta_path.index(PathFinder)] = Without
