"""Checks an application form: JSON Schema 2020-12, each property known to the state or the citizen's alone to say."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

import jsonschema_rs

from services.plugins.contract import Fault, Manifest, Rule

FILE: Final = "form.json"
ATTRIBUTE: Final = "x-attribute"
CITIZEN_ONLY: Final = "x-citizen-only"
"""A property that no agency holds; its value is the reason, in Thai and English."""


def check_form(form: dict[str, Any], manifest: Manifest, attributes: Collection[str]) -> Iterator[Fault]:
    try:
        jsonschema_rs.meta.validate(form)
    except jsonschema_rs.ValidationError as error:
        yield Fault(
            Rule.FORM,
            error.message,
            "Write it as JSON Schema 2020-12",
            FILE,
            field=".".join(map(str, error.instance_path)),
        )
        return
    if form.get("type") != "object" or not isinstance(form.get("properties"), dict):
        yield Fault(Rule.FORM, "a form is an object with properties", 'Give it "type": "object" and "properties"', FILE)
        return
    needed = {need.attribute for need in manifest.needs}
    for name, schema in form["properties"].items():
        yield from _check_property(name, schema, needed, attributes)


def _check_property(name: str, schema: Any, needed: Collection[str], attributes: Collection[str]) -> Iterator[Fault]:
    def fault(why: str, remedy: str) -> Fault:
        return Fault(Rule.FORM, why, remedy, FILE, field=f"properties.{name}")

    attribute = schema.get(ATTRIBUTE) if isinstance(schema, dict) else None
    reason = schema.get(CITIZEN_ONLY) if isinstance(schema, dict) else None
    if (attribute is None) == (reason is None):
        why = f"`{name}` carries neither or both of `{ATTRIBUTE}` and `{CITIZEN_ONLY}`"
        yield fault(why, "No form may ask what the state knows: give one of the two")
    elif attribute is not None and attribute not in attributes:
        yield fault(f"the catalogue has no attribute `{attribute}`", "Take one from the catalogue")
    elif attribute is not None and attribute not in needed:
        yield fault(f"`{attribute}` is not among the needs", "Add it to [[needs]] with its purpose and basis")
    elif reason is not None and not (
        isinstance(reason, dict) and all(reason.get(language) for language in ("th", "en"))
    ):
        yield fault(f"`{CITIZEN_ONLY}` holds no reason in Thai and English", 'Write {"th": "…", "en": "…"}')
