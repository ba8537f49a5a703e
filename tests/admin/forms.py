"""What a browser does with a form: read its fields from the page, and send them back with some filled in."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class Form(HTMLParser):
    """The fields of the form on a page that goes to an address, or whose address ends so; by default the page's own."""

    def __init__(self, page: Any, action: str = "") -> None:
        super().__init__()
        self.action, self.inside = action, False
        self.fields: dict[str, Any] = {}
        self.area = ""
        self.feed(page.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "form":
            to, classes = given.get("action") or "", given.get("class") or ""
            self.inside = to.endswith(self.action) if self.action else "sm-form" in classes and not to
        elif self.inside and tag == "input" and given.get("type") in ("checkbox", "radio"):
            if "checked" in given:
                self.fields[name] = given.get("value", "on")
        elif self.inside and tag == "input":
            self.fields[name] = given.get("value") or ""
        elif self.inside and tag == "textarea":
            self.area = name
            self.fields[name] = ""
        elif self.inside and tag == "select":
            self.fields[name] = ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.fields[self.area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.fields[self.area] = self.fields[self.area].removeprefix("\n")
            self.area = ""
        elif tag == "form":
            self.inside = False
