"""Bills' codes, read by the sandbox bank's decoder and by one of another program, from EMVCo's rules."""

from __future__ import annotations

import binascii
import io
from datetime import datetime

import pytest
import segno
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.clock import BANGKOK
from core.money import Money
from services.pay.fees import qr
from services.pay.fees.references import check_digits, is_sound, new_reference, second_reference
from services.sandbox.bank.bills import NotACode, read_code

BILLER = "099400012345601"
FIRST = "123456789012345653"
SECOND = "20261119100042"
DUE = datetime(2026, 11, 19, 10, 0, tzinfo=BANGKOK)


def code(satang: int = 1_234_50) -> str:
    return qr.payload(biller=BILLER, reference=FIRST, second=SECOND, money=Money(satang))


def test_the_checksum_is_crc_16_ccitt_false() -> None:
    assert qr.crc16(b"123456789") == 0x29B1
    assert (
        qr.crc16(b"00020101021129370016A000000677010111021311120345635625802TH530376463 04".replace(b" ", b""))
        == 0x4ABE
    )


@given(st.binary(max_size=200))
def test_the_checksum_is_that_of_python_s_own_library(data: bytes) -> None:
    assert qr.crc16(data) == binascii.crc_hqx(data, 0xFFFF)


def test_a_code_is_written_as_the_rules_have_it() -> None:
    text = code()
    assert text.startswith("00020101021230790016A000000677010112")
    assert text[:-4].endswith("6304")
    assert read_code(text) == {
        "00": "01",
        "01": "12",
        "30": {"00": "A000000677010112", "01": BILLER, "02": FIRST, "03": SECOND},
        "53": "764",
        "54": "1234.50",
        "58": "TH",
        "62": {"05": FIRST},
        "63": text[-4:],
    }


@given(st.integers(1, 9_999_999_999_99))
def test_every_amount_is_read_as_it_was_written(satang: int) -> None:
    amount = read_code(code(satang))["54"]
    assert int(amount.replace(".", "")) == satang
    assert amount[-3] == "."


@pytest.mark.parametrize("satang", [0, -1, 10_000_000_000_00])
def test_an_amount_that_a_code_cannot_hold_is_refused(satang: int) -> None:
    with pytest.raises(ValueError, match="amount"):
        code(satang)


@pytest.mark.parametrize("biller", ["", "ก" * 15, "1" * 100, "1\n2"])
def test_what_a_code_cannot_hold_is_refused(biller: str) -> None:
    with pytest.raises(ValueError, match="tag"):
        qr.payload(biller=biller, reference=FIRST, second=SECOND, money=Money(1))


@given(st.integers(0, 10_000), st.sampled_from("0123456789ABCDEFT"))
def test_a_changed_character_is_found(at: int, other: str) -> None:
    text = code()
    at %= len(text)
    changed = text[:at] + other + text[at + 1 :]
    if changed != text:
        with pytest.raises(NotACode):
            read_code(changed)


def test_a_phone_reads_the_picture() -> None:
    image = io.BytesIO()
    segno.make(code(), error="m", boost_error=False, micro=False).save(image, kind="png", scale=3, border=4)
    [found] = zxingcpp.read_barcodes(Image.open(image).convert("L"))
    assert found.text == code()
    assert qr.svg(code()).startswith("<svg")


def test_references_hold_nothing_but_digits_and_find_wrong_ones() -> None:
    reference = new_reference()
    assert len(reference) == 18
    assert is_sound(reference)
    for at in range(18):
        wrong = reference[:at] + str((int(reference[at]) + 1) % 10) + reference[at + 1 :]
        assert not is_sound(wrong)


@given(st.integers(10**15, 10**16 - 1), st.integers(0, 16))
def test_two_swapped_digits_are_found(number: int, at: int) -> None:
    digits = f"{number}"
    whole = digits + check_digits(digits)
    swapped = whole[:at] + whole[at + 1] + whole[at] + whole[at + 2 :]
    assert is_sound(whole)
    assert swapped == whole or not is_sound(swapped)


def test_the_second_reference_binds_biller_amount_and_minute() -> None:
    made = second_reference(BILLER, FIRST, 250_00, DUE)
    assert made.startswith("202611191000")
    assert len(made) == 14
    assert made != second_reference(BILLER, FIRST, 250_01, DUE)
    assert made != second_reference("099400012345602", FIRST, 250_00, DUE)
