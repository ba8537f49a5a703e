"""The little English grammar that sentences about machines need: lists, capitals, the third person, a negation.

Limits: made for ids and for docstrings in the imperative; what it cannot read it says so, by "".
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .sentences import say

_VERBS = """
accept add adopt advance allow announce answer append apply approve archive ask assign attach bill block book build buy
calculate call cancel change charge check choose claim clear close collect complete compute confirm copy count create
credit debit decide delete deliver deny detach discard drop empty end escalate estimate expire fetch find finish fix
flag forget forward free freeze get give grant greet hand hide hold increase increment inform initialize insert invite
invoice issue keep leave link load lock log mail make mark measure merge move note notify offer open order pack pay pick
place post prepare print process publish put queue raise read receive record reduce refund refuse register reject
release remember remind remove rename reopen replace report request reserve reset resolve restart restore resume retry
return revoke save schedule select send set settle ship show sign skip start stop store sum suspend switch take tell
test track transfer trigger unlock update upload use validate verify wait warn withdraw write
"""
_NO_VERBS = """
a all an any at because each every for from how if in it no nothing on one so that the this to what when where whether
which who why with
"""
_AUXILIARIES = "is are was were may can could must should will would"

VERBS = frozenset(_VERBS.split())
"""Words that begin an id as a verb; other ids are quoted, not read as a sentence."""

NO_VERBS = frozenset(_NO_VERBS.split())
"""Words that begin a docstring that is no instruction."""

AUXILIARIES = tuple(_AUXILIARIES.split())
"""What a "not" follows."""

HELPERS = (*AUXILIARIES, "has", "have", "had", "does", "do")
"""What makes a clause of a few words."""


DETERMINERS = ("a", "an", "any", "each", "one", "some", "the")
"""What no "the" is put before."""


def listed(parts: Iterable[str], word: str = "and") -> str:
    """Join parts as a list is read: "a", "a and b", "a, b and c"; `word` is "and" or "or".

    Where a part has commas of its own, semicolons or a comma more separate.
    """
    *before, last = [*parts] or [""]
    if not before:
        return last
    if word == "and" and any("," in part for part in (*before, last)):
        return say("semicolon_and" if before[1:] else "comma_and", before="; ".join(before), last=last)
    return say(word, before=", ".join(before), last=last)


def upper(text: str) -> str:
    """Begin with a capital."""
    return text[:1].upper() + text[1:]


def lower(text: str) -> str:
    """Begin without a capital, unless the first word has more of them: it is a name then."""
    rest = text.split(" ", 1)[0][1:]
    return text[:1].lower() + text[1:] if rest == rest.lower() else text


def third_person(instruction: str) -> str:
    """Turn "Make the next offer" into "makes the next offer"; "" where it does not begin with a verb."""
    first, _, rest = instruction.partition(" ")
    verb = first.rstrip(":,").lower()
    if verb in NO_VERBS or not verb.isalpha():
        return ""
    if verb.endswith("s") and not verb.endswith("ss"):
        return lower(instruction)
    second = re.search(r"(?:^|, )and ([a-z]+)\b", rest)
    if second and second[1] in VERBS:
        rest = f"{rest[: second.start(1)]}{_conjugated(second[1])}{rest[second.end() :]}"
    return f"{_conjugated(verb)}{first[len(verb) :]} {rest}".strip()


def _conjugated(verb: str) -> str:
    irregular = {"have": "has", "be": "is"}
    if verb in irregular:
        return irregular[verb]
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ies"
    return f"{verb}es" if re.search(r"(s|sh|ch|x|z|o)$", verb) else f"{verb}s"


def negated(clause: str) -> str:
    """Turn "it may offer again" into "it may not offer again"; "" where its verb is not found."""
    main = re.split(r" (?:who|that|which|where|when|whose) ", clause, maxsplit=1)[0]
    verb = re.search(rf" ({'|'.join(AUXILIARIES)})(?= |$)", main)
    return f"{clause[: verb.end()]} not{clause[verb.end() :]}" if verb else ""
