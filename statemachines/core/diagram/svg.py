"""The SVG: a graph at its places, with an overlay on it.

Each state is `<g id="s-PATH" class="state KIND …">`, each transition's label `<g id="t-ID" class="trigger …">`. Colours
are presentation attributes, so that a strict Content-Security-Policy has nothing to forbid, a file on its own looks
right, and a stylesheet can still change them. Limits: writes what it is given, measures nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from html import escape
from urllib.parse import quote

from . import palette
from .graph import WHEN, Arrow, Box, Graph, Line, Role, Trigger
from .icons import FILLED, ICONS
from .layout import Layout, Rect
from .measure import CHIP_GAP, LABELS, PAD, TEXT, TITLE, Content, Text, bold, chip, content, icon, tag_width
from .overlay import NOTHING, Overlay
from .paths import curve, head, rounded
from .widths import width

FONT = "Arial, 'Liberation Sans', Helvetica, 'DejaVu Sans', sans-serif"
LEGEND_ROW = 22
LEGEND: dict[Role, str] = {
    "event": "an event comes from outside",
    "after": "time has passed",
    "always": "at once, without an event",
    "done": "something has ended",
    "failed": "something has failed",
    "guard": "only if this holds",
    "do": "is done",
    "effect": "is done outside, by a worker",
}
Attribute = str | float


def svg(graph: Graph, layout: Layout, overlay: Overlay = NOTHING) -> str:
    """Write the picture of a machine, or of an instance or a count of instances where the overlay says so."""
    return Writer(graph, layout, overlay).document()


def state_id(path: str) -> str:
    """Return the id of a state's element."""
    return f"s-{quote(path, safe='.')}"


def document(title: str, told: str, engine: str, wide: float, height: float, *inside: str, role: str = "img") -> str:
    """Write a whole picture."""
    attributes: dict[str, Attribute] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {wide:.0f} {height:.0f}",
        "width": round(wide),
        "height": round(height),
        "class": "statechart",
        "role": role,
        "font-family": FONT,
        "font-size": TEXT,
        "data-engine": engine,
    }
    page = element("rect", {"class": "page", "width": "100%", "height": "100%", "fill": palette.PAGE})
    return element("svg", attributes, words("title", title), words("desc", told), page, *inside)


def element(name: str, attributes: dict[str, Attribute], *inside: str) -> str:
    """Write an element; attributes are escaped, empty ones left out, what is inside is markup already."""
    kept = {key: value for key, value in attributes.items() if value != "" or key.startswith("data-")}
    given = "".join(f' {key}="{escape(_number(value))}"' for key, value in kept.items())
    return f"<{name}{given}>{''.join(inside)}</{name}>" if inside else f"<{name}{given}/>"


def _number(value: Attribute) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")


def words(name: str, text: str) -> str:
    """Write an element that holds text."""
    return f"<{name}>{escape(text)}</{name}>"


def text(x: float, y: float, content: str, **given: Attribute) -> str:
    """Write a line of text; `_` in a name stands for "-"."""
    attributes = {key.strip("_").replace("_", "-"): value for key, value in given.items()}
    return element("text", {"x": x, "y": y, **attributes}, escape(content))


def box(rect: Rect, radius: float, fill: str, stroke: str, stroke_width: float = 1.2, **given: Attribute) -> str:
    """Write a rounded rectangle."""
    attributes = {key.strip("_").replace("_", "-"): value for key, value in given.items()}
    place = {"x": rect.x, "y": rect.y, "width": rect.width, "height": rect.height, "rx": radius}
    return element("rect", {**place, "fill": fill, "stroke": stroke, "stroke-width": stroke_width, **attributes})


def sign(name: str, x: float, y: float, colour: str, kind: str = "") -> str:
    """Write an icon whose top left corner is at a place."""
    drawn = {"fill": "currentColor"} if name in FILLED else {"fill": "none", "stroke": "currentColor"}
    classes = " ".join(filter(None, ("sign", "filled" if name in FILLED else "", kind)))
    place = {"class": classes, "d": ICONS[name], "transform": f"translate({x:.1f} {y:.1f})"}
    joined = {"stroke-width": "1.3", "stroke-linecap": "round", "stroke-linejoin": "round"}
    return element("path", {**place, "color": colour, **drawn, **({} if name in FILLED else joined)})


class Writer:
    """Writes a machine's picture; `prefix` begins each id, where two machines are in one picture."""

    def __init__(self, graph: Graph, layout: Layout, overlay: Overlay, prefix: str = "") -> None:
        self.graph = graph
        self.layout = layout
        self.overlay = overlay
        self.prefix = prefix
        leaves = {found.path for found in graph.root.walk() if not found.children}
        self.most = max((count.number for path, count in overlay.counts.items() if path in leaves), default=0)
        self.used = {"effect" if line.effect else line.role for line in self._lines()}

    def _lines(self) -> Iterator[Line]:
        for found in self.graph.root.walk():
            yield from found.lines
        for arrow in self.graph.arrows:
            for trigger in arrow.triggers:
                yield from trigger.lines

    def document(self) -> str:
        layout = self.layout
        legend, wide, height = legend_below(self.used, layout.width, layout.height)
        linked = any(count.href for count in self.overlay.counts.values())
        told = " ".join(part for part in (self.graph.told, self.overlay.told) if part)
        role = "group" if linked else "img"
        title = f"{self.graph.root.title}: statechart"
        return document(title, told, layout.engine, wide, height, *self.frames(), *self.inside(), *legend, role=role)

    def frames(self) -> Iterator[str]:
        """Yield the states that hold states."""
        yield from (self._state(found, depth) for found, depth in self._depths(self.graph.root, 0) if found.children)

    def inside(self) -> Iterator[str]:
        """Yield what stands in those."""
        yield from (self._state(found, 0) for found in self.graph.root.walk() if not found.children)
        yield from (self._line(arrow) for arrow in self.graph.arrows)
        yield from (label for arrow in self.graph.arrows for label in self._labels(arrow))
        yield from (badge for found in self.graph.root.walk() for badge in self._badges(found))

    def _depths(self, found: Box, depth: int) -> Iterator[tuple[Box, int]]:
        yield found, depth
        for child in found.children:
            yield from self._depths(child, depth + 1)

    # states

    def _state(self, found: Box, depth: int) -> str:
        rect = self.layout.boxes[found.path]
        if found.kind == "initial":
            x, y = rect.x + rect.width / 2, rect.y + rect.height / 2
            return element("circle", {"class": "initial", "cx": x, "cy": y, "r": rect.width / 2, "fill": palette.INK})
        classes = ["state", found.kind, *self._standing(found)]
        if found.children:
            classes.append(f"depth-{depth % len(palette.NESTED)}")
        tip = words("title", ". ".join(part for part in (found.title, found.about) if part))
        inside = self._history(found, rect) if found.kind == "history" else self._shape(found, rect, depth)
        attributes: dict[str, Attribute] = {"id": self.prefix + state_id(found.path), "class": " ".join(classes)}
        return element("g", {**attributes, "data-state": found.path}, tip, *inside)

    def _standing(self, found: Box) -> Iterator[str]:
        """Yield the classes that say how things stand with a state."""
        if found.region:
            yield "region"
        if found.path in self.overlay.active or (found.path == "" and self.overlay.active):
            yield "active"
        elif found.path in self.overlay.passed:
            yield "passed"
        if self.overlay.failed.get(found.path):
            yield "failed"
        if found.path in self.overlay.tints:
            yield self.overlay.tints[found.path]

    def _colours(self, found: Box, depth: int) -> tuple[str, str, float]:
        standing = set(self._standing(found))
        nested = palette.NESTED[depth % len(palette.NESTED)]
        fill, border = (nested, palette.HOLDER_BORDER) if found.children else palette.STATE
        if tint := self.overlay.tints.get(found.path):
            return *palette.TINTS[tint], 1.6
        if "active" in standing:
            return fill if found.children else palette.ACTIVE[0], palette.ACTIVE[1], 2.2
        if "passed" in standing:
            return fill if found.children else palette.PASSED[0], palette.PASSED[1], 1.4
        return fill, border, 1.2

    def _shape(self, found: Box, rect: Rect, depth: int) -> Iterator[str]:
        fill, border, thick = self._colours(found, depth)
        dashes = "5 4" if found.region else ""
        radius = 10 if found.children else 8
        yield box(rect, radius, fill, border, thick, class_="box", stroke_dasharray=dashes)
        if found.kind == "final":
            inner = Rect(rect.x + 3.5, rect.y + 3.5, rect.width - 7, rect.height - 7)
            yield box(inner, radius - 2.5, "none", border, class_="box inner")
        count = self.overlay.counts.get(found.path)
        if count and not found.children:
            heat = 0.06 + 0.34 * count.number / self.most if self.most else 0
            yield box(rect, radius, palette.ACCENT, "none", class_="heat", fill_opacity=f"{heat:.2f}")
        size = content(found)
        if size.rule:
            yield self._rule(rect, rect.y + size.rule, border)
        elif found.children:
            yield self._rule(rect, rect.y + size.height - 2, border)
        yield from self._texts(found, rect, size)

    def _rule(self, rect: Rect, y: float, border: str) -> str:
        way = f"M{_number(rect.x)} {_number(y)} H{_number(rect.right)}"
        return element("path", {"class": "rule", "d": way, "stroke": border, "stroke-opacity": "0.5", "fill": "none"})

    def _texts(self, found: Box, rect: Rect, size: Content) -> Iterator[str]:
        active = "active" in set(self._standing(found))
        lift = 2 if found.kind == "final" else 0
        left, label = rect.x + PAD, ""
        middle: dict[str, Attribute] = {} if found.children else {"text_anchor": "middle"}
        x = left if found.children else rect.x + rect.width / 2
        for one in size.texts:
            y = rect.y + one.y + lift
            if one.role == "title":
                ink = palette.ACTIVE[1] if active and found.children else palette.INK
                yield text(x, y, one.text, class_="title", font_size=TITLE, font_weight="bold", fill=ink, **middle)
            elif one.role == "about":
                yield text(x, y, one.text, class_="about", fill=palette.MUTED, **middle)
            elif one.role == "tag":
                yield from self._tag(left + one.x, y, one.text)
            else:
                assert one.line is not None
                named = LABELS.get(one.line.role, "")
                if named and named != label:
                    yield text(left, y, named, class_="muted label", fill=palette.LINE)
                label = named
                yield from self._row(found, rect.x, y, one)
        if found.path == "":
            yield text(
                rect.right - PAD,
                rect.y + size.texts[0].y,
                f"version {self.graph.version}",
                class_="muted",
                text_anchor="end",
                fill=palette.MUTED,
            )
        if found.kind == "parallel":
            beside = left + width(size.texts[0].text, TITLE, bold=True) + 10
            note = {"class_": "muted", "fill": palette.MUTED}
            yield text(beside, rect.y + size.texts[0].y, "all at the same time", **note)

    def _tag(self, x: float, y: float, tag: str) -> Iterator[str]:
        yield box(Rect(x, y - 11, tag_width(tag), 15), 7.5, palette.TAG[0], "none", class_="tag")
        yield text(x + 6, y, tag, class_="muted", font_size=TEXT - 1, fill=palette.TAG[1])

    def _row(self, found: Box, x: float, y: float, one: Text) -> Iterator[str]:
        """Write a row of what a state does: its icon and its text."""
        line = one.line
        assert line is not None
        failed = bool(line.effect) and line.effect in self.overlay.failed.get(found.path, ())
        kind = "failed" if failed else "strong" if bold(line.role) else "muted"
        ink = palette.ALARM if failed else palette.INK if bold(line.role) else palette.MUTED
        if one.first and icon(line):
            yield sign("cross" if failed else icon(line), x + one.x - 13, y - 9, ink, kind)
        weight = "bold" if bold(line.role) else ""
        yield text(x + one.x, y, one.text, class_=f"line {kind}", font_weight=weight, fill=ink)

    def _history(self, found: Box, rect: Rect) -> Iterator[str]:
        x, y = rect.x + rect.width / 2, rect.y + rect.height / 2
        fill, border = palette.STATE
        circle: dict[str, Attribute] = {"class": "box", "cx": x, "cy": y, "r": rect.width / 2 - 1}
        yield element("circle", {**circle, "fill": fill, "stroke": border, "stroke-width": "1.2"})
        mark = "H*" if found.deep else "H"
        yield text(x, y + 4.5, mark, class_="title", font_weight="bold", text_anchor="middle", fill=palette.INK)

    # arrows

    def _line(self, arrow: Arrow) -> str:
        route = self.layout.routes.get(arrow.id)
        if route is None:
            return ""
        last = any(trigger.id in self.overlay.last for trigger in arrow.triggers)
        ink, thick = (palette.ACCENT, 2.2) if last else (palette.LINE, 1.3)
        shape = curve if route.curved else rounded
        drawn = " ".join(shape(line) for line in route.lines)
        way: dict[str, Attribute] = {"class": "way", "d": drawn, "fill": "none", "stroke": ink, "stroke-width": thick}
        tip: dict[str, Attribute] = {"class": "head", "d": head(route.lines[-1], 1.2 if last else 1.0), "fill": ink}
        attributes: dict[str, Attribute] = {"class": "transition last" if last else "transition"}
        ends: dict[str, Attribute] = {"data-source": arrow.source, "data-target": arrow.target}
        return element("g", {**attributes, **ends}, element("path", way), element("path", tip))

    def _labels(self, arrow: Arrow) -> Iterator[str]:
        route = self.layout.routes.get(arrow.id)
        if route is None or route.labels is None:
            return
        y = route.labels.y
        for trigger in arrow.triggers:
            size = chip(trigger)
            yield self._chip(trigger, arrow, Rect(route.labels.x, y, route.labels.width, size.height))
            y += size.height + CHIP_GAP

    def _chip(self, trigger: Trigger, arrow: Arrow, rect: Rect) -> str:
        role = trigger.lines[0].role
        last = trigger.id in self.overlay.last
        fill, border, ink = palette.CHIPS[role]
        tint = self.overlay.tints.get(trigger.id, "")
        rim, thick = (palette.ACCENT, 2.2) if last else (palette.TINTS[tint][1], 2) if tint else (border, 1)
        name = f"{self.prefix}t-{quote(trigger.id, safe='.')}-{quote(arrow.target, safe='.')}"
        classes = " ".join(filter(None, ("trigger", role, "last" if last else "", tint)))
        attributes: dict[str, Attribute] = {"id": name, "class": classes}
        return element(
            "g",
            {**attributes, "data-transition": trigger.id},
            words("title", trigger.told),
            box(rect, 6, fill, rim, thick, class_="chip"),
            *(part for one in chip(trigger).texts for part in _chip_row(rect, one, ink)),
        )

    # what is laid over

    def _badges(self, found: Box) -> Iterator[str]:
        rect = self.layout.boxes[found.path]
        if timer := self.overlay.timers.get(found.path):
            wide = _badge_width(timer, "clock")
            x = max(rect.right + 10 - wide, rect.x + rect.width / 2 + 12)
            yield self._badge("timer", x, rect.y - 13, timer, palette.CLOCK, "clock")
        known = {line.effect for line in found.lines}
        for at, name in enumerate(one for one in self.overlay.failed.get(found.path, ()) if one not in known):
            told = f"{name.replace('_', ' ')} failed"
            yield self._badge("failed", rect.x - 6, rect.bottom - 5 + 20 * at, told, palette.ALARM, "cross")
        if count := self.overlay.counts.get(found.path):
            shown = f"{count.number:,}".replace(",", "\u202f")
            badge = self._badge("count", rect.right + 8 - _badge_width(shown), rect.y - 9, shown, palette.ACCENT)
            yield element("a", {"href": count.href}, badge) if count.href else badge

    def _badge(self, kind: str, x: float, y: float, told: str, colour: str, icon: str = "") -> str:
        rect = Rect(x, y, _badge_width(told, icon), 18)
        return element(
            "g",
            {"class": f"badge {kind}"},
            box(rect, 9, colour, palette.PAGE, 1.5, class_="chip"),
            sign(icon, x + 8, y + 4, palette.PAGE) if icon else "",
            text(rect.right - 8, y + 13, told, font_weight="bold", text_anchor="end", fill=palette.PAGE),
        )


def legend_below(used: Collection[str], wide: float, top: float) -> tuple[list[str], float, float]:
    """Return the legend of the roles that are used, and how wide and high the picture is with it."""
    entries = [(width(told, TEXT) + 40, Line(role, told)) for role, told in LEGEND.items() if role in used]
    wide = max(wide, 16 + max((each for each, _ in entries), default=0))
    placed = list(_in_rows(entries, top, wide))
    height = placed[-1][1] + LEGEND_ROW + 6 if placed else top
    drawn = [element("g", {"class": f"legend {line.role}"}, *_legend_entry(line, x, y)) for x, y, line in placed]
    return drawn, wide, height


def _in_rows(legend: list[tuple[float, Line]], top: float, limit: float) -> Iterator[tuple[float, float, Line]]:
    """Place the entries of the legend, in as many rows as they need."""
    x, y = 16.0, top
    for wide, line in legend:
        if x > 16 and x + wide > limit:
            x, y = 16.0, y + LEGEND_ROW
        yield x, y, line
        x += wide


def _legend_entry(line: Line, x: float, y: float) -> Iterator[str]:
    if line.role in WHEN:
        fill, border, ink = palette.CHIPS[line.role]
        yield box(Rect(x, y + 3, 18, 16), 5, fill, border, 1, class_="chip")
        if icon(line):
            yield sign(icon(line), x + 4, y + 6, ink)
    else:
        yield sign(icon(line), x + 6, y + 6, palette.MUTED, "muted")
    yield text(x + 23, y + 15, line.text, class_="muted", fill=palette.MUTED)


def _chip_row(rect: Rect, one: Text, ink: str) -> Iterator[str]:
    line = one.line
    assert line is not None
    x, y = rect.x + one.x, rect.y + one.y
    if one.first and icon(line):
        yield sign(icon(line), x - 13, y - 9, ink)
    weight = "bold" if bold(line.role) else ""
    yield text(x, y, one.text, class_="line", font_weight=weight, fill=ink)


def _badge_width(told: str, icon: str = "") -> float:
    return width(told, TEXT, bold=True) + (30 if icon else 16)
