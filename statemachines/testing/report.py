"""Machine coverage for people and programs: lines for the terminal, JSON, a page.

Limits: the page stands alone, without scripts or pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

import msgspec

from statemachines.core.coverage import NEVER, Coverage, Item

STYLE = "body{font:16px/1.5 system-ui;max-width:60em;margin:2em auto;padding:0 1em}meter{width:20em}code{color:#555}"

PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Machine coverage</title><style>{style}</style></head>
<body><h1>Machine coverage</h1>
{body}</body>
</html>
"""


def lines(coverage: Coverage) -> Iterator[str]:
    """Yield what the terminal shows of a machine."""
    yield summary(coverage)
    for title, items in missing(coverage):
        yield f"  {title}:"
        yield from (f"    - {told(item)}" for item in items)


def summary(coverage: Coverage) -> str:
    """Say in a line how much was done; less than all is never rounded up to it."""
    count = len(coverage.items)
    done = count - len(coverage.missing)
    return f"{coverage.machine} version {coverage.version}: {percent(coverage)} % ({done} of {count})"


def percent(coverage: Coverage) -> str:
    return f"{int(coverage.percent * 10) / 10:g}"


def missing(coverage: Coverage) -> Iterator[tuple[str, list[Item]]]:
    """Yield the kinds of which something is missing, with that."""
    for kind, title in NEVER.items():
        items = [item for item in coverage.missing if item.kind == kind]
        if items:
            yield title, items


def told(item: Item) -> str:
    return item.text if item.kind == "state" or not item.state else f"in {item.state}: {item.text}"


def as_json(found: Iterable[Coverage]) -> bytes:
    """Return one object: by machine its version, percent, and all that it can do, each with whether it was done."""
    machines = {
        one.machine: {
            "version": one.version,
            "percent": one.percent,
            "items": [
                {**msgspec.to_builtins(item), "done": f"{item.kind}:{item.key}" in one.done} for item in one.items
            ],
        }
        for one in found
    }
    return msgspec.json.format(msgspec.json.encode({"machines": machines}), indent=2) + b"\n"


def as_html(found: Iterable[Coverage]) -> str:
    """Return a page with a chapter for each machine."""
    body = "".join(_chapter(one) for one in found)
    head = f'<meta charset="utf-8"><title>Machine coverage</title><style>{STYLE}</style>'
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body><h1>Machine coverage</h1>\n{body}</body></html>\n'
    )


def _chapter(coverage: Coverage) -> str:
    lists = "".join(
        f"<h3>{escape(title)}</h3>\n<ul>{''.join(map(_entry, items))}</ul>\n" for title, items in missing(coverage)
    )
    bar = f'<meter min="0" max="100" value="{percent(coverage)}"></meter>'
    return f"<h2>{escape(summary(coverage))}</h2>\n{bar}\n{lists or '<p>Nothing is missing.</p>'}\n"


def _entry(item: Item) -> str:
    where = "" if item.kind == "state" else f"<code>{escape(item.state)}</code> "
    return f"<li>{where}{escape(item.text)}</li>"
