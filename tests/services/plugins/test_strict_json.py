from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.plugins.strict_json import COMMAS_MAX, DEPTH_MAX, read_json

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18) + 1, 10**18 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(plain)
def test_what_an_honest_system_writes_is_read_as_it_was_written(value: Any) -> None:
    assert read_json(orjson.dumps(value)) == value


@given(st.binary(max_size=40))
def test_any_bytes_are_json_or_a_value_error_that_does_not_hold_them(body: bytes) -> None:
    said = None
    try:
        read_json(body)
    except ValueError as error:
        said = (str(error), error.__cause__)
    assert said in (None, ("not JSON that can be used", None), ("nested too deep", None))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b'{"a": 1, "a": 1}',
        b'[{"a": {"b": 1, "c": 2, "b": 1}}]',
        b'{"a": 1, "\\u0061": 2}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b"1" + b"0" * 18,
        b"-1" + b"0" * 18,
        b"9" * 5_000,
        b'"\\ud800"',
        b'"\xc3\x28"',
        b'"\xe1\xc4\xc5"',
        b"01",
        b"'a'",
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_two_readers_could_understand_differently_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="not JSON"):
        read_json(body)


@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_the_deepest_is_read_and_one_deeper_is_not(opened: bytes, closed: bytes) -> None:
    def nested(depth: int) -> bytes:
        return opened * depth + b"1" + closed * depth

    read_json(nested(DEPTH_MAX))
    with pytest.raises(ValueError, match="too deep"):
        read_json(nested(DEPTH_MAX + 1))


def test_the_largest_integer_is_exact() -> None:
    assert read_json(b"9" * 18) == 10**18 - 1


@pytest.mark.parametrize(("commas", "taken"), [(COMMAS_MAX, True), (COMMAS_MAX + 1, False)])
@pytest.mark.parametrize("value", [b"1", b"[]", b"{}", b'""'])
def test_more_values_than_anybody_shows_are_not_even_made(value: bytes, commas: int, taken: bool) -> None:
    body = b"[" + b",".join([value] * (commas + 1)) + b"]"
    if taken:
        assert len(read_json(body)) == commas + 1
    else:
        with pytest.raises(ValueError, match="too many"):
            read_json(body)


@pytest.mark.parametrize("digits", [18, 19])
def test_a_text_may_hold_digits_of_any_length(digits: int) -> None:
    body = b'["' + b"9" * 100 + b'", ' + b"9" * digits + b"]"
    if digits == 18:
        assert read_json(body) == ["9" * 100, 10**18 - 1]
    else:
        with pytest.raises(ValueError, match="can be used"):
            read_json(body)
