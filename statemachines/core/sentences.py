"""Every sentence in which a machine is told, in one place: English templates under a key.

Limits: texts only. What fills them is made by `words`; documents are put together by `explanation` and `differences`.
"""

from __future__ import annotations

SENTENCES = {
    # joining
    "and": "{before} and {last}",
    "or": "{before} or {last}",
    "comma_and": "{before}, and {last}",
    "semicolon_and": "{before}; and {last}",
    # names
    "quoted": "“{name}”",
    "inside": "{name} of {parent}",
    "optional": "optionally {name}",
    # functions
    "does": "does “{what}”",
    "holds": "“{what}” holds",
    "it": "it {what}",
    "not_so": "it is not so that {what}",
    "always_holds": "in any case",
    "never_holds": "never",
    "in_state": "it is in {states}",
    "effect": "{what} (an effect)",
    "raises": "triggers {event}",
    "sends": "sends itself {event}",
    "sends_later": "sends itself {event} {delay}",
    "cancels": "calls off {event}",
    "made_by": "what {what} makes",
    # delays
    "after": "after {delay}",
    "at": "at {delay}",
    "the": "the {name}",
    "as_long_as": "as long as {what}",
    "at_once": "at once",
    # occasions
    "on_event": "when {event} happens",
    "on_any": "when anything else happens",
    "on_prefix": "when any {event} event happens",
    "on_state_done": "when {state} has ended",
    "on_done": "when {effect} has succeeded",
    "on_failed": "when {effect} has failed",
    # outcomes
    "becomes": "becomes {states}",
    "ends_as": "ends as {states}",
    "starts_over": "starts {state} over",
    "begins_again": "goes back to the start of {state}",
    "returns": "goes back to where it was in {state}",
    "together": "{states} at the same time",
    "stays": "stays as it is",
    "ignores": "does nothing",
    "but": "{what}, but {refuses}",
    # a transition
    "occasion_if": "{occasion}, if {guard}",
    "transition": "{occasion}, it {outcome}.",
    "choices": "{occasion}:",
    "first": "if {guard}, it {outcome};",
    "further": "otherwise, if {guard}, it {outcome};",
    "otherwise": "otherwise it {outcome}.",
    "described": "{description}: {sentence}",
    # a machine and its states
    "version": "Version {version}.",
    "starts_as": "It starts as {state}.",
    "ends_in": "It ends as {states}.",
    "never_ends": "It never ends by itself.",
    "parallel": "{states} go on at the same time.",
    "parallel_done": "{states} go on at the same time; it ends when all of them have ended.",
    "end": "Here it ends.",
    "end_of": "Here {state} ends.",
    "result": "Its result: {what}.",
    "result_given": "It has a result.",
    "remembers": "Goes back to the state that was active in {state} when that was last left.",
    "remembers_deep": "Goes back to the states that were active in {state}, and inside them, when it was last left.",
    "remembers_default": "The first time, that is {states}.",
    "remembers_nothing": "The first time, it starts as usual.",
    "tags": "Tags: {tags}.",
    "entering": "on entering",
    "starting": "when it starts by itself",
    "meanwhile": "meanwhile",
    "leaving": "on leaving",
    "doing": "{occasion}, it {what}.",
    "doing_many": "{occasion}, it does this in order:",
    "doing_one": "it {what};",
    "doing_last": "it {what}.",
    "anything": "anything",
    "any_of": "any {event} event",
    "waits_for": "Waits for: {events}.",
    "nobody_time": "If nobody does anything: it {outcomes}.",
    "nobody_effect": "If nobody does anything: it goes on when its effect has ended.",
    "nobody_stays": "If nobody does anything: it stays here, without a time limit.",
    "nobody_dead": "Nothing leads out of here.",
    "nobody_none": "If no condition holds, it stays here, without a time limit.",
    "nobody_at_once": "It does not stay here.",
    "everywhere": "Everywhere",
    "events": "Events",
    "itself": "It may send this to itself.",
    # a refusal
    "refused": "{event} is not possible while it is {states}.",
    "refused_because": "It would need that {guards}.",
    "instead": "It waits for {events}.",
    "nothing_possible": "It takes nothing from outside now.",
    "unchanged": "Nothing has changed.",
    # differences
    "title_differences": "{machine}: from version {old} to version {new}",
    "no_difference": "Both versions are the same.",
    "states": "States",
    "data": "Data",
    "itself_changed": "The machine itself",
    "state_added": "{state} is new.",
    "state_removed": "{state} is gone.",
    "states_moved": "{states} moved into {parent}.",
    "states_moved_out": "{states} moved out of {parent}, to the top.",
    "state_type": "it was {before} and is now {after}.",
    "state_initial": "it starts as {after}, no longer as {before}.",
    "description": "it is described anew: “{after}”",
    "description_removed": "it is no longer described.",
    "tag_added": "it has the tag {name} now.",
    "tag_removed": "it no longer has the tag {name}.",
    "entry_added": "on entering, it now {what}.",
    "entry_removed": "on entering, no longer: it {what}.",
    "exit_added": "on leaving, it now {what}.",
    "exit_removed": "on leaving, no longer: it {what}.",
    "start_added": "when it starts by itself, it now {what}.",
    "start_removed": "when it starts by itself, no longer: it {what}.",
    "invoke_added": "meanwhile, it now {what}.",
    "invoke_removed": "meanwhile, no longer: it {what}.",
    "output_added": "its result is now {name}.",
    "output_removed": "its result is no longer {name}.",
    "transition_added": "new: {sentence}",
    "transition_removed": "no longer: {sentence}",
    "transition_target": "{occasion}, it now {after} (before: {before}).",
    "transition_delay": "{after}, it now {outcome} (before: {before}).",
    "transition_guard": "{occasion}, it now {outcome} only if {after} (before: if {before}).",
    "transition_guarded": "{occasion}, it now {outcome} only if {after}.",
    "transition_unguarded": "{occasion}, it now {outcome} in any case (before: if {before}).",
    "transition_does": "{occasion}, it now also {after}.",
    "transition_does_not": "{occasion}, no longer: it {before}.",
    "transition_does_other": "{occasion}, it now {after} (before: {before}).",
    "transition_order": "what may follow {occasion} is now tried in another order.",
    "event_added": "{event} is new.",
    "event_removed": "{event} is gone.",
    "of_event": "{event}, {what}",
    "field_added": "{name}: new, {type}.",
    "field_added_default": "{name}: new, {type}, by default {default}.",
    "field_removed": "{name}: gone, it was {before}.",
    "field_type": "{name}: {after} now (before: {before}).",
    "field_default": "{name}: by default {after} now (before: {before}).",
    "one_of": "one of {values}",
    "list_of": "list of {type}",
    "by": "{value} by {key}",
}

PLAIN_TYPES = {
    "AnyType": "anything",
    "BoolType": "yes or no",
    "BytesType": "bytes",
    "DateTimeType": "point in time",
    "DateType": "date",
    "DecimalType": "decimal number",
    "FloatType": "number",
    "IntType": "whole number",
    "NoneType": "nothing",
    "StrType": "text",
    "TimeDeltaType": "duration",
    "TimeType": "time of day",
    "UUIDType": "UUID",
}
"""What a field's type is called, by its name in msgspec."""

DEFAULTS = {
    "None": "nothing",
    "''": "empty",
    "()": "empty",
    "[]": "empty",
    "{}": "empty",
    "": "nothing, it must be given",
}
"""What a field's default is called; others are told as Python writes them."""

TYPES = {
    "atomic": "a plain state",
    "compound": "a state with states inside",
    "parallel": "a state whose parts go on at the same time",
    "final": "an end",
    "history": "a memory",
}
"""What a state's type is called."""

REFUSES = "refuses "
"""What an assign or an action does whose docstring begins with "Refuse"."""

UNITS = ("day", "hour", "minute", "second", "millisecond")
"""Of a duration, the longest first."""


def say(key: str, /, **parts: object) -> str:
    """Fill a template. Raises KeyError for a key, or a part, that is none."""
    return SENTENCES[key].format(**parts)
