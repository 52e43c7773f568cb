"""What goes to an agency is plain; what comes back bears a name that deceives nobody."""

from __future__ import annotations

import unicodedata
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from services.plugins.documents.forms import (
    ARGUMENTS_BYTES_MAX,
    DEPTH_MAX,
    WHOLE_MAX,
    disposition,
    read_arguments,
    safe_name,
)


def nested(depth: int) -> dict[str, Any]:
    return {"a": nested(depth - 1)} if depth > 1 else {"a": 1}


@pytest.mark.parametrize(
    "plain",
    [
        None,
        {},
        {"year": 2569, "copies": [1, 2.5, True, None], "to": {"name": "สมหญิง"}},
        {"n": WHOLE_MAX, "m": -WHOLE_MAX},
        nested(DEPTH_MAX - 1),
        {"text": "x" * (ARGUMENTS_BYTES_MAX - len('{"text":""}'))},
    ],
)
def test_plain_json_goes_as_it_is(plain: Any) -> None:
    assert read_arguments(plain) == (plain or {})


@pytest.mark.parametrize(
    ("given_", "path"),
    [
        ([], ("arguments",)),
        ("x", ("arguments",)),
        ({"": 1}, ("arguments",)),
        ({"__proto__": 1}, ("arguments",)),
        ({"x" * 61: 1}, ("arguments",)),
        ({"a": [{"b": "\x00"}]}, ("arguments", "a", 0, "b")),
        ({"a": "\ud800"}, ("arguments", "a")),
        ({"a": WHOLE_MAX + 1}, ("arguments", "a")),
        ({"a": float("inf")}, ("arguments", "a")),
        (nested(DEPTH_MAX), ("arguments",)),
        (nested(900), ("arguments",)),
        ({"text": "x" * (ARGUMENTS_BYTES_MAX - len('{"text":""}') + 1)}, ("arguments",)),
    ],
)
def test_what_is_not_plain_is_refused_and_the_place_is_named(given_: Any, path: tuple[str | int, ...]) -> None:
    with pytest.raises(BadInput) as refused:
        read_arguments(given_)
    assert refused.value.path == path


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("ใบรับรอง 2569.pdf", "ใบรับรอง 2569.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\u200bb\u2028c\x7f.txt", "abc.txt"),
        ('x"; filename=evil.exe', "x_; filename=evil.exe"),
        ("CON:stream|x?.pdf", "CON_stream_x_.pdf"),
        ("..", "document"),
        (" .hidden. ", "hidden"),
        ("\u202e", "document"),
    ],
)
def test_a_name_is_as_its_letters_read(told: str, kept: str) -> None:
    assert safe_name(told) == kept


@given(st.text(max_size=120))
def test_whatever_an_agency_calls_it_the_header_holds_one_name_and_no_line_more(told: str) -> None:
    name = safe_name(told)
    assert name
    assert not {"/", "\\", '"', "\r", "\n", "\x00"} & set(name)
    assert all(unicodedata.category(sign) not in ("Cc", "Cf") for sign in name)
    header = disposition(name)
    assert header.isascii()
    assert header.isprintable()
    message = EmailMessage()
    message["Content-Disposition"] = header.partition("; filename*=")[0]
    assert message.get_content_disposition() == "attachment"
    assert unquote(header.partition("; filename*=UTF-8''")[2]) == name
