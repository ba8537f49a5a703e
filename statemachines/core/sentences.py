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
    "transition": "{occasion}, it {outcome}.",
    "transition_if": "{occasion}, if {guard}, it {outcome}.",
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
    "in": "In {state}:",
    "states": "States",
    "data": "Data",
    "itself_changed": "The machine itself",
    "state_added": "{state} is new.",
    "state_removed": "{state} is gone.",
    "state_moved": "{state} is now {new}.",
    "state_type": "it was {before} and is now {after}.",
    "state_start": "it starts as {after}, no longer as {before}.",
    "description": "it is described anew: “{after}”",
    "description_removed": "it is no longer described.",
    "tag_added": "it has the tag {name}.",
    "tag_removed": "it no longer has the tag {name}.",
    "entry_added": "on entering, it now {what}.",
    "entry_removed": "on entering, it no longer {what}.",
    "exit_added": "on leaving, it now {what}.",
    "exit_removed": "on leaving, it no longer {what}.",
    "start_added": "when it starts by itself, it now {what}.",
    "start_removed": "when it starts by itself, it no longer {what}.",
    "invoke_added": "meanwhile, it now {what}.",
    "invoke_removed": "meanwhile, it no longer {what}.",
    "transition_added": "new: {sentence}",
    "transition_removed": "no longer: {sentence}",
    "transition_target": "{occasion}, it now {after}; before, it {before}.",
    "transition_delay": "it {outcome} {after} now; before, {before}.",
    "transition_guard": "{occasion}, it {outcome} only if {after} now; before, only if {before}.",
    "transition_guarded": "{occasion}, it {outcome} only if {after} now.",
    "transition_unguarded": "{occasion}, it {outcome} in any case now; before, only if {before}.",
    "transition_actions": "{occasion}, it {after} now; before, it {before}.",
    "order": "what may happen {occasion} is tried in another order.",
    "event_added": "The event {event} is new.",
    "event_removed": "The event {event} is gone.",
    "event_changed": "The event {before} is now {after}.",
    "field_added": "{name} is new: {type}.",
    "field_added_default": "{name} is new: {type}, by default {default}.",
    "field_removed": "{name} is gone.",
    "field_changed": "{name} was {before} and is now {after}.",
    "field_default": "{name} is by default {after}, no longer {before}.",
    "required": "given in any case",
}

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


def say(key: str, **parts: object) -> str:
    """Fill a template. Raises KeyError for a key, or a part, that is none."""
    return SENTENCES[key].format(**parts)
