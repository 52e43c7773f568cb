"""The form that answers must have before anyone looks at what they say.

Which answers a programme asks for is the decider's to check; here they are made harmless to store and to pass on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

from core.errors import BadInput
from core.text import Text

ANSWERS_MAX: Final = 50
PARTS_MAX: Final = 10
TEXT_LENGTH_MAX: Final = 2_000
SIZE_BYTES_MAX: Final = 16_384
_ATTRIBUTE: Final = re.compile(r"(child\.)?[a-z][a-z0-9_]{0,63}")
_INT64: Final = range(-(2**63), 2**63)

_NOT_AN_OBJECT: Final = Text(th="คำตอบต้องเป็น JSON object", en="answers must be a JSON object")
_TOO_MANY: Final = Text(th="คำตอบมากหรือยาวเกินไป", en="too many answers, or too long")
_NO_SUCH: Final = Text(th="ไม่รู้จักชื่อข้อมูลนี้", en="there is no attribute of that name")
_NOT_PLAIN: Final = Text(
    th="คำตอบต้องเป็นข้อความ จำนวนเต็ม ใช่/ไม่ใช่ หรือ object ของค่าเหล่านี้",
    en="an answer is a text, a whole number, true or false, or an object of such values",
)


def checked(answers: object) -> dict[str, Any]:
    """The answers as an object of short values, or of small objects (money, an address); none at all is an empty one.

    Raises :class:`BadInput` whose path is `answers` and, if it has the form of an attribute's name, the key.
    """
    if answers is None:
        return {}
    if not isinstance(answers, Mapping):
        raise BadInput(_NOT_AN_OBJECT, path=("answers",))
    if len(answers) > ANSWERS_MAX:
        raise BadInput(_TOO_MANY, path=("answers",))
    for key, value in answers.items():
        if not isinstance(key, str) or not _ATTRIBUTE.fullmatch(key):
            raise BadInput(_NO_SUCH, path=("answers",))
        _check_value(key, value)
    if len(orjson.dumps(answers)) > SIZE_BYTES_MAX:
        raise BadInput(_TOO_MANY, path=("answers",))
    return dict(answers)


def clean_text(text: str, *, path: str) -> str:
    """Free text of a citizen, without the surrounding white space. Raises :class:`BadInput`."""
    stripped = text.strip()
    if not stripped or not _storable(stripped):
        raise BadInput(
            Text(th=f"ต้องเป็นข้อความ 1–{TEXT_LENGTH_MAX} ตัวอักษร", en=f"a text of 1–{TEXT_LENGTH_MAX} characters"),
            path=(path,),
        )
    return stripped


def _check_value(key: str, value: Any) -> None:
    if isinstance(value, Mapping) and len(value) <= PARTS_MAX:
        plain = all(isinstance(part, str) and _ATTRIBUTE.fullmatch(part) for part in value)
        plain = plain and all(_is_plain(part) for part in value.values())
    else:
        plain = _is_plain(value)
    if not plain:
        raise BadInput(_NOT_PLAIN, path=("answers", key))


def _is_plain(value: Any) -> bool:
    if isinstance(value, bool | int):
        return value in _INT64
    return isinstance(value, str) and _storable(value)


def _storable(text: str) -> bool:
    """PostgreSQL stores no NUL, and UTF-8 no lone surrogate."""
    return len(text) <= TEXT_LENGTH_MAX and "\x00" not in text and not re.search(r"[\ud800-\udfff]", text)
