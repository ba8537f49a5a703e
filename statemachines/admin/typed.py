"""Forms made from types: a field for each field of a structure, by its type; what has no widget of its own is JSON.

A form gives back plain data, which the core checks as it checks an API's: what that says is put at the field.
Limits: one level; what is inside a field is edited as JSON. Sensitive values are masked, and stay unless overwritten.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget, AdminTextInputWidget
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from msgspec import inspect

from statemachines.core.english import upper
from statemachines.core.privacy import MASK, mask
from statemachines.core.shapes import type_in_words
from statemachines.core.words import phrase
from statemachines.exceptions import InvalidValue

WHOLE = "value"
"""The one field of a type without fields of its own."""

LONG = 200
"""A text that may be longer gets several lines."""

Structure = inspect.StructType | inspect.DataclassType


class JSONField(forms.CharField):
    """Any JSON value, shown indented."""

    widget = AdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false", "class": "vLargeTextField sm-code"})

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)

    def lines(self, value: Any) -> int:
        """Return how many lines a value should have to be read."""
        return min(20, max(3, 1 + str(self.prepare_value(value)).count("\n")))

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values:
            return None
        try:
            return json.loads(value)
        except ValueError as error:
            raise forms.ValidationError(_("This is no JSON: %(problem)s.") % {"problem": error}) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(json.loads(data or "null") != initial)
        except ValueError:
            return True

    def run_validators(self, value: Any) -> None:
        pass  # those of text

    def validate(self, value: Any) -> None:
        if self.required and value is None:
            raise forms.ValidationError(self.error_messages["required"], code="required")


class MomentInput(forms.DateTimeInput):
    """The browser's own picker of a point in time."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__({"step": "1"}, "%Y-%m-%dT%H:%M:%S")


class TypedForm(forms.Form):
    """A form for a type; `initial` is plain data, which is shown masked and of which unchanged fields are kept."""

    def __init__(self, type: Any, data: Any = None, *, initial: Any = None, **kwargs: Any) -> None:
        self.type = type
        self.whole = not is_structure(type)
        self.before = initial
        shown = mask(type, initial)
        given = None if initial is None else ({WHOLE: shown} if self.whole else dict(shown))
        super().__init__(data, initial=given, **kwargs)
        self.fields.update(fields_of(type, editing=initial is not None))
        for name, field in self.fields.items():
            if isinstance(field, JSONField):
                field.widget.attrs["rows"] = field.lines(self.initial.get(name))
            if isinstance(field, forms.DateTimeField) and isinstance(self.initial.get(name), str):
                self.initial[name] = datetime.fromisoformat(self.initial[name])

    @property
    def plain(self) -> Any:
        """What was given, as plain data; of what was there before, what was not changed."""
        names = self.changed_data if self.before is not None else list(self.fields)
        given = {name: self._plain(name) for name in names if self._given(name)}
        if self.whole:
            return given.get(WHOLE, self.before)
        kept = {} if self.before is None else {name: one for name, one in self.before.items() if name not in names}
        return kept | given

    def _given(self, name: str) -> bool:
        """Say whether a field has a value: without one the type's default holds."""
        return self.cleaned_data.get(name) is not None or getattr(self.fields[name], "nullable", False)

    def _plain(self, name: str) -> Any:
        value = msgspec.to_builtins(self.cleaned_data[name], builtin_types=(datetime,))
        if isinstance(value, datetime):
            return value.astimezone(timezone.get_default_timezone()).isoformat()
        if self.before is None:
            return value
        before = self.before if self.whole else self.before.get(name)
        return unmasked(value, self.get_initial_for_field(self.fields[name], name), before)

    def put(self, error: InvalidValue) -> None:
        """Put what the core says at its field, or above all where it names none of them."""
        text = _("Expected %(expected)s, received %(received)s.") % {
            "expected": error.expected,
            "received": error.received,
        }
        field, inside = error.field.replace("[", ".", 1).partition(".")[::2]
        if field in self.fields:
            self.add_error(field, f"{error.field}: {text}" if inside else text)
        elif error.field or self.whole:
            self.add_error(WHOLE if self.whole else None, f"{error.field}: {text}" if error.field else text)
        else:
            self.add_error(None, text)


def in_order(type: Any, plain: Any) -> Any:
    """Return a structure's plain fields in the order of its type, which the database does not keep."""
    if not (isinstance(plain, dict) and is_structure(type)):
        return plain
    names = (field.encode_name for field in msgspec.structs.fields(type)) if hasattr(type, "__struct_fields__") else ()
    return {name: plain[name] for name in names if name in plain} | plain


def is_structure(type: Any) -> bool:
    return isinstance(inspect.type_info(type), inspect.StructType | inspect.DataclassType)


def fields_of(type: Any, *, editing: bool = False) -> dict[str, forms.Field]:
    """Return form fields for a type. `editing`: there is a value already, so that nothing must be given."""
    info = inspect.type_info(type)
    if not isinstance(info, inspect.StructType | inspect.DataclassType):
        bare, sensitive, meta = _bare(info)
        options = {"required": False, "label": _("Value"), "help_text": ""}
        return {WHOLE: _made(bare, meta, options, sensitive=sensitive, nullable=_nullable(info))}
    return {field.encode_name: _field(field, editing=editing) for field in info.fields}


def _field(field: inspect.Field, *, editing: bool) -> forms.Field:
    info, sensitive, meta = _bare(field.type)
    nullable = info is not field.type and _nullable(field.type)
    options: dict[str, Any] = {
        "required": field.required and not nullable,
        "label": capfirst(phrase(field.name)),
        "help_text": "" if field.required else _("May be left empty."),
    }
    if not editing and field.default not in (msgspec.NODEFAULT, None, ""):
        options["initial"] = msgspec.to_builtins(field.default)
    if isinstance(info, inspect.StrType) and editing:
        options["required"] = False  # an empty text is one
    made = _made(info, meta, options, sensitive=sensitive, nullable=nullable)
    made.nullable = nullable and editing  # type: ignore[attr-defined]
    return made


def _bare(info: inspect.Type) -> tuple[inspect.Type, bool, dict[str, Any]]:
    """Return a type without what is said around it: whether it is sensitive, and the limits of a value."""
    sensitive, meta = False, {}
    while True:
        if isinstance(info, inspect.Metadata):
            sensitive = sensitive or bool((info.extra or {}).get("sensitive"))
            info = info.type
        elif isinstance(info, inspect.UnionType) and _nullable(info) and len(info.types) == 2:
            info = next(one for one in info.types if not isinstance(one, inspect.NoneType))
        else:
            break
    for name in ("ge", "le", "gt", "lt", "min_length", "max_length"):
        value = getattr(info, name, None)
        if value is not None:
            meta[name] = value
    return info, sensitive, meta


def _nullable(info: inspect.Type) -> bool:
    if isinstance(info, inspect.Metadata):
        return _nullable(info.type)
    return isinstance(info, inspect.UnionType) and info.includes_none


def _made(
    info: inspect.Type, meta: Mapping[str, Any], options: dict[str, Any], *, sensitive: bool, nullable: bool
) -> forms.Field:
    if isinstance(info, inspect.StrType):
        long = meta.get("max_length", 0) > LONG
        widget = AdminTextareaWidget() if long else AdminTextInputWidget()
        limits: dict[str, Any] = {"max_length": meta.get("max_length"), "min_length": meta.get("min_length")}
        made: forms.Field = forms.CharField(widget=widget, strip=False, **limits, **options)
        if nullable or not options["required"]:
            made.empty_value = None if nullable else ""  # type: ignore[attr-defined]
        return made
    if not sensitive:
        for kind, make in MAKERS.items():
            if isinstance(info, kind):
                return make(info, meta, options, nullable)
    options["help_text"] = " ".join(filter(None, (f"JSON: {upper(type_in_words(info))}.", options["help_text"])))
    return JSONField(**options)


def _number(field: Any) -> Callable[..., forms.Field]:
    def make(info: Any, meta: Mapping[str, Any], options: dict[str, Any], nullable: bool) -> forms.Field:
        made: forms.Field = field(min_value=meta.get("ge"), max_value=meta.get("le"), **options)
        return made

    return make


def _decimal(info: Any, meta: Mapping[str, Any], options: dict[str, Any], nullable: bool) -> forms.Field:
    return forms.DecimalField(**options)


def _bool(info: Any, meta: Mapping[str, Any], options: dict[str, Any], nullable: bool) -> forms.Field:
    if nullable:
        return forms.NullBooleanField(**options)
    return forms.BooleanField(**options | {"required": False, "help_text": ""})


def _moment(info: Any, meta: Mapping[str, Any], options: dict[str, Any], nullable: bool) -> forms.Field:
    zone = _("Time zone: %(zone)s.") % {"zone": timezone.get_current_timezone_name()}
    options["help_text"] = " ".join(filter(None, (zone, options["help_text"])))
    return forms.DateTimeField(widget=MomentInput(), **options)


def _date(info: Any, meta: Mapping[str, Any], options: dict[str, Any], nullable: bool) -> forms.Field:
    return forms.DateField(widget=forms.DateInput({"type": "date"}, "%Y-%m-%d"), **options)


def _choices(info: Any, meta: Mapping[str, Any], options: dict[str, Any], nullable: bool) -> forms.Field:
    values = [one.value for one in info.cls] if isinstance(info, inspect.EnumType) else list(info.values)
    by_text = {str(value): value for value in values}
    choices = [(text, capfirst(phrase(text))) for text in by_text]
    if not options["required"]:
        choices.insert(0, ("", "—"))
    return forms.TypedChoiceField(choices=choices, coerce=by_text.__getitem__, empty_value=None, **options)


MAKERS: dict[Any, Callable[..., forms.Field]] = {
    inspect.BoolType: _bool,
    inspect.IntType: _number(forms.IntegerField),
    inspect.FloatType: _number(forms.FloatField),
    inspect.DecimalType: _decimal,
    inspect.DateTimeType: _moment,
    inspect.DateType: _date,
    inspect.EnumType: _choices,
    inspect.LiteralType: _choices,
}
"""What makes a field, by the type in msgspec's words."""


def unmasked(given: Any, shown: Any, before: Any) -> Any:
    """Return a value that was edited, with what was left masked in it as it was before."""
    if given == shown:
        return before
    if isinstance(given, dict) and isinstance(shown, dict) and isinstance(before, dict):
        return {name: unmasked(one, shown.get(name), before.get(name)) for name, one in given.items()}
    if isinstance(given, list) and isinstance(shown, list) and isinstance(before, list):
        pairs = zip(shown, before, strict=True)
        kept = [*pairs, *[(None, None)] * (len(given) - len(shown))]
        return [unmasked(one, *was) for one, was in zip(given, kept, strict=False)]
    return before if given == MASK else given
