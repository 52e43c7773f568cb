"""Payment codes as others read and write them: a library that is not ours agrees with what we write and read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from core.money import Money
from services.pay.fees import qr
from services.pay.fees.references import new_reference, second_reference
from services.sandbox.bank.bills import read_code
from tests.services.pay.fees.test_qr import BILLER, DUE
from tests.support import node

NATIONAL_ID: Final = "1112034563562"
PERSON_CODE: Final = "00020101021129370016A000000677010111021311120345635625802TH530376463044ABE"
"""Of a person's PromptPay (tag 29), computed by hand from the standard."""


@pytest.fixture
async def library() -> AsyncIterator[node.Program]:
    async with node.program("promptpay.mjs") as running:
        yield running


def bill(satang: int) -> tuple[str, dict[str, Any]]:
    first = new_reference()
    second = second_reference(BILLER, first, satang, DUE)
    text = qr.payload(biller=BILLER, reference=first, second=second, money=Money(satang))
    merchant = {"00": qr.BILL_PAYMENT, "01": BILLER, "02": first, "03": second}
    return text, {"30": merchant, "54": Money(satang).decimal(), "62": {"05": first}}


async def test_a_bill_is_read_elsewhere_as_we_wrote_it(library: node.Program) -> None:
    for satang in (1, 99, 1_00, 1_234_50, 9_999_999_999_99):
        text, meant = bill(satang)
        read = await library.ask("read", text=text)
        assert {tag: read[tag] for tag in ("00", "01", "53", "58")} == {"00": "01", "01": "12", "53": "764", "58": "TH"}
        assert {tag: read[tag] for tag in ("30", "54")} == {"30": meant["30"], "54": meant["54"]}
        assert read["63"] == text[-4:]


async def test_every_tag_of_a_bill_is_where_elsewhere_expects_it(library: node.Program) -> None:
    text, _ = bill(250_00)
    theirs = await library.ask("read", text=text)
    ours = read_code(text)
    assert set(theirs) == set(ours)


async def test_a_bill_that_was_changed_on_the_way_is_refused_elsewhere_too(library: node.Program) -> None:
    text, _ = bill(250_00)
    for at in (20, 45, 80, len(text) - 1):
        changed = text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]
        with pytest.raises(node.Refused):
            await library.ask("read", text=changed)


async def test_a_persons_code_is_read_alike_here_and_elsewhere(library: node.Program) -> None:
    read = await library.ask("read", text=PERSON_CODE)
    assert read["29"] == {"00": "A000000677010111", "02": NATIONAL_ID}
    assert read_code(PERSON_CODE) == read
    written = await library.ask("person", type="NATID", target=NATIONAL_ID, amount=700.5)
    ours = read_code(written)
    assert (ours["29"], ours["54"]) == ({"00": "A000000677010111", "02": NATIONAL_ID}, "700.50")


async def test_a_bill_that_was_written_elsewhere_is_read_by_the_bank(library: node.Program) -> None:
    _, meant = bill(1_234_50)
    merchant = meant["30"]
    given = {"biller": BILLER, "amount": 1234.5, "first": merchant["02"], "second": merchant["03"]}
    read = read_code(await library.ask("bill", **given))
    assert (read["30"], read["54"]) == (merchant, "1234.50")
