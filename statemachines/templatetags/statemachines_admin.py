"""`{% load statemachines_admin %}`: what the admin's own pages need to show values.

Limits: values come masked; what is shown is escaped.
"""

from __future__ import annotations

import json
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from statemachines.core.words import phrase

register = template.Library()


# Django imports this module in every host, also where its admin is not installed: the pages' words are imported late.


@register.filter
def effect_words(name: str) -> str:
    """Name an effect by its stored name."""
    from statemachines.admin.words import effect_in_words

    return effect_in_words(name)


@register.filter
def event_words(name: str) -> str:
    """Name an event of the history or of a timer."""
    from statemachines.admin.words import event_in_words

    return event_in_words(name)


@register.filter
def state_words(state: str) -> str:
    """Name active leaves."""
    from statemachines.admin.words import states_in_words

    return states_in_words(state)


@register.filter
def words_of(name: str) -> str:
    """Read a field's name as words."""
    return capfirst(phrase(name)) if name else _("Value")


@register.filter
def value(given: Any) -> SafeString:
    """Show a plain value: text and numbers as they are, what has parts as JSON."""
    if given is None or given == "":
        return format_html('<span class="sm-none">{}</span>', _("empty") if given == "" else _("none"))
    if isinstance(given, bool):
        return format_html("{}", _("yes") if given else _("no"))
    if isinstance(given, dict | list):
        if not given:
            return format_html('<span class="sm-none">{}</span>', _("empty"))
        short = json.dumps(given, ensure_ascii=False)
        if len(short) <= 60:
            return format_html("<code>{}</code>", short)
        return format_html(
            '<pre class="sm-json" tabindex="0">{}</pre>', json.dumps(given, indent=2, ensure_ascii=False)
        )
    return format_html("{}", str(given))  # not localized: it is what the machine has


@register.filter
def is_dict(given: Any) -> bool:
    return isinstance(given, dict)
