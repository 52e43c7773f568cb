"""Codes as people read and type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.counter.codes import ALPHABET, new_code, normalised


def test_a_code_is_two_groups_of_five() -> None:
    code = new_code()
    first, _, second = code.partition("-")
    assert (len(first), len(second)) == (5, 5)
    assert normalised(code) == first + second


def test_no_two_codes_are_alike() -> None:
    assert len({new_code() for _ in range(1_000)}) == 1_000


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("7k3qx-9fz2m", "7K3QX9FZ2M"),
        (" 7K3QX 9FZ2M ", "7K3QX9FZ2M"),
        ("OIL00-11111", "0110011111"),
        ("oil00–11111", "0110011111"),
    ],
)
def test_what_looks_alike_is_alike(typed: str, meant: str) -> None:
    assert normalised(typed) == meant


@pytest.mark.parametrize("typed", ["", "7K3QX", "7K3QX-9FZ2MM", "UUUUU-UUUUU", "7K3QX_9FZ2M", "๗" * 10, "7" * 41])
def test_what_is_no_code_is_none(typed: str) -> None:
    assert normalised(typed) is None


@given(st.text(max_size=60))
def test_whatever_is_typed_is_a_code_or_none(typed: str) -> None:
    found = normalised(typed)
    assert found is None or (len(found) == 10 and set(found) <= set(ALPHABET))
