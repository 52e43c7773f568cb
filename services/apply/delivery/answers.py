"""Answers to an agency's form: made harmless first, then held to the form (services/apply/form_rules.py).

The form is a stranger's JSON Schema (2020-12). It is read offline, its patterns with a bound on their backtracking, and
what it says of an answer becomes words of ours: its own messages would repeat the answer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, TypeAlias

import jsonschema_rs
import orjson

from core.errors import BadInput
from core.text import Text

SIZE_BYTES_MAX: Final = 65_536
DEPTH_MAX: Final = 10
VALUES_MAX: Final = 2_000
BACKTRACKS_MAX: Final = 10_000
Path: TypeAlias = tuple[str, ...]
"""Names of properties from the top; `[]` for an element of a list."""

_NOT_AN_OBJECT: Final = Text(th="คำตอบต้องเป็น JSON object", en="answers must be a JSON object")
_TOO_MUCH: Final = Text(th="คำตอบมาก ยาว หรือซ้อนกันลึกเกินไป", en="too many answers, too long, or nested too deep")
_NOT_TEXT: Final = Text(th="มีอักขระที่ใช้ไม่ได้", en="it holds a character that cannot be kept")
_HELD: Final = Text(
    th="รัฐมีข้อมูลรายการนี้อยู่แล้ว หากไม่ถูกต้องโปรดขอแก้ไขกับหน่วยงานเจ้าของข้อมูล",
    en="the state holds this already; if it is wrong, ask its owner to correct it",
)
NOT_ASKED: Final = Text(th="แบบคำขอไม่ได้ถามข้อนี้", en="the form does not ask this")
MISSING: Final = Text(th="ยังไม่ได้ตอบ", en="it is not answered")
_UNFIT: Final = Text(th="คำตอบไม่เป็นไปตามแบบคำขอ", en="the answer is not as the form asks")
_BY_KEYWORD: Final = {
    "additionalProperties": NOT_ASKED,
    "unevaluatedProperties": NOT_ASKED,
    "type": Text(th="คำตอบผิดชนิด", en="the answer is of a wrong type"),
    "enum": Text(th="ไม่อยู่ในตัวเลือก", en="it is none of the choices"),
    "const": Text(th="ไม่อยู่ในตัวเลือก", en="it is none of the choices"),
    "pattern": Text(th="รูปแบบไม่ถูกต้อง", en="it does not have the form it must have"),
    "format": Text(th="รูปแบบไม่ถูกต้อง", en="it does not have the form it must have"),
    "minLength": Text(th="สั้นเกินไป", en="it is too short"),
    "maxLength": Text(th="ยาวเกินไป", en="it is too long"),
    "minimum": Text(th="น้อยเกินไป", en="it is too small"),
    "maximum": Text(th="มากเกินไป", en="it is too large"),
    "minItems": Text(th="มีน้อยเกินไป", en="there are too few"),
    "maxItems": Text(th="มีมากเกินไป", en="there are too many"),
}


class UnusableForm(Exception):
    """The form is no JSON Schema that stands by itself, which the registry should have seen."""


def harmless(answers: object) -> dict[str, Any]:
    """The answers as an object that can be kept and passed on; none is an empty one. Raises :class:`BadInput`."""
    if answers is None:
        return {}
    if not isinstance(answers, Mapping):
        raise BadInput(_NOT_AN_OBJECT, path=("answers",))
    if sum(1 for _ in _values(answers, 0)) > VALUES_MAX:
        raise BadInput(_TOO_MUCH, path=("answers",))
    try:
        written = orjson.dumps(answers)
    except (TypeError, ValueError):  # half a letter, or a number beyond 64 bits
        raise BadInput(_NOT_TEXT, path=("answers",)) from None
    if len(written) > SIZE_BYTES_MAX:
        raise BadInput(_TOO_MUCH, path=("answers",))
    return orjson.loads(written)  # type: ignore[no-any-return]  # an object, as above


def paths_of(names: Collection[str]) -> frozenset[Path]:
    """Paths of a form's fields: `car.plate`, `cars.[].plate`."""
    return frozenset(tuple(name.split(".")) for name in names)


def refuse_held(answers: Mapping[str, Any], held: Collection[Path]) -> None:
    """An answer never takes the place of what the state says. Raises :class:`BadInput`."""
    for path in sorted(held):
        if any(True for _ in _at(answers, path)):
            raise BadInput(_HELD, path=("answers", *path))


def validator_of(schema: Any) -> jsonschema_rs.Draft202012Validator:
    """Of a schema that stands by itself. Raises ValidationError, ReferencingError, ValueError."""
    return jsonschema_rs.Draft202012Validator(
        schema,
        validate_formats=True,
        offline=True,
        pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKS_MAX),
    )


def words_of(keyword: str) -> Text:
    """Why an answer is not as the form asks, by the keyword of the schema that says so."""
    return _BY_KEYWORD.get(keyword, _UNFIT)


def _at(value: Any, path: Path) -> Iterator[Any]:
    if not path:
        yield value
    elif path[0] == "[]":
        for item in value if isinstance(value, list) else ():
            yield from _at(item, path[1:])
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


_UNKEPT: Final = re.compile("[\x00\ud800-\udfff]")


def _values(value: Any, depth: int) -> Iterator[None]:
    """Each value. Raises :class:`BadInput` for what cannot be kept."""
    yield None
    if depth > DEPTH_MAX:
        raise BadInput(_TOO_MUCH, path=("answers",))
    if isinstance(value, str):
        if _UNKEPT.search(value):
            raise BadInput(_NOT_TEXT, path=("answers",))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _values(key, depth + 1)
            yield from _values(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _values(inner, depth + 1)
