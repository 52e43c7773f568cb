"""The form of what goes to an agency and of what comes back: plain arguments, and names that deceive nobody."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final
from urllib.parse import quote

import orjson

from core.errors import BadInput
from core.text import Text

ARGUMENTS_BYTES_MAX: Final = 16_000
DEPTH_MAX: Final = 8
WHOLE_MAX: Final = 2**53 - 1
"""RFC 7493 (I-JSON) §2.2: no system reads a larger number as it was written."""
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,59}")
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_RESERVED: Final = re.compile(r'[<>:"/\\|?*%]')
_PLAIN: Final = "!#$&+-.^_`|~"
"""RFC 8187 §3.2.1: what `attr-char` holds besides letters and digits."""
NAMELESS: Final = "document"


_BEGINS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "application/pdf": (b"%PDF-",),  # ISO 32000-2 §7.5.2
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "application/zip": (b"PK\x03\x04", b"PK\x05\x06"),
}
_PROGRAMS: Final = (b"MZ", b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
"""How programs begin (Windows, Linux, scripts, macOS, Java): no agency issues one as a document."""


def is_what_it_says(media_type: str, content: bytes) -> bool:
    """Whether the content begins as its media type does, where that can be told; never of a program."""
    begins = _BEGINS.get(media_type)
    if content.startswith(_PROGRAMS):
        return False
    return begins is None or content.startswith(begins)


def read_arguments(given: Any) -> Mapping[str, Any]:
    """What the citizen asks for, by the plugin's own words: an object of plain JSON, or nothing. Raises BadInput."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise _bad(("arguments",), "ต้องเป็น object", "it must be an object")
    _check(given, ("arguments",))
    if len(orjson.dumps(given)) > ARGUMENTS_BYTES_MAX:
        raise _bad(("arguments",), "ยาวเกินไป", "it is too long")
    return given


def _check(value: Any, path: tuple[str | int, ...]) -> None:
    if len(path) > DEPTH_MAX:
        raise _bad(("arguments",), "ซ้อนกันลึกเกินไป", "it is nested too deep")
    if isinstance(value, dict):
        for name, inner in value.items():
            if not _NAME.fullmatch(name):
                raise _bad(path, "ชื่อของค่าไม่ถูกต้อง", "a name in it is not one")
            _check(inner, (*path, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check(inner, (*path, number))
    elif isinstance(value, str):
        if "\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
            raise _bad(path, "มีอักขระที่ใช้ไม่ได้", "it holds what is no letter")
    elif isinstance(value, float):
        if not isfinite(value):
            raise _bad(path, "ไม่ใช่ตัวเลข", "it is no number")
    elif isinstance(value, int) and abs(value) > WHOLE_MAX:
        raise _bad(path, "ตัวเลขใหญ่เกินไป", "the number is too large")


def _bad(path: tuple[str | int, ...], th: str, en: str) -> BadInput:
    return BadInput(Text(th=th, en=en), path=path)


def safe_name(told: str) -> str:
    """A file name as its letters read: nothing in it turns the direction of writing, hides, or means something to a
    file system."""
    seen = "".join(sign for sign in unicodedata.normalize("NFC", told) if unicodedata.category(sign) not in _UNSEEN)
    return _RESERVED.sub("_", seen).strip(" .") or NAMELESS


def disposition(name: str) -> str:
    """`Content-Disposition` of a download (RFC 6266 §4), the name in UTF-8 (RFC 8187) and for old programs without."""
    plain = "".join(sign if " " <= sign <= "~" else "_" for sign in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_PLAIN)}"
