"""Our files, the sandbox's, and what is refused: each bound of the message definitions, from both sides.

The bounds are not listed here: they are read out of the definitions, and each is tried on a document that holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from uuid import UUID
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import Money
from services.pay.accounts import BankAccount, CreditorAccount, Mobile
from services.pay.errors import BankFileRefused
from services.pay.iso20022 import pain001
from services.pay.iso20022.camt054 import read_entries
from services.pay.iso20022.forms import Choice, Form, Holds, Part, Sequence, check
from services.pay.iso20022.pain001 import Product
from services.pay.iso20022.pain002 import read_answer
from services.pay.iso20022.schema import ROOTS, check_message
from services.pay.iso20022.xml import Element, read
from services.pay.rails.contract import Order, Payer, Transfer
from services.sandbox.bank import statements
from services.sandbox.bank.faults import Faults
from services.sandbox.bank.messages import Told, read_instruction, write_answer, write_notification
from tests.services.pay.town import national_id

AT = datetime(2026, 11, 16, 3, 0, tzinfo=UTC)
ENTRIES = [("SB1", -70_000), ("B2", 80_050)]
PAYER = Payer("dla", "เทศบาล <หนึ่ง> & สอง", "TREASURY-DLA", "SANDBOX")


def order(payer: Payer = PAYER, remittance: str = "old-age 2026-11", satang: int = 70_000) -> Order:
    payees: tuple[CreditorAccount, ...] = (national_id(1), Mobile("+66812345678"), BankAccount("006", "1234567890"))
    transfers = tuple(
        Transfer(UUID(int=10 + n), payee, Money(satang), date(2026, 11, 10 + n), remittance)
        for n, payee in enumerate(payees)
    )
    return Order(UUID(int=1), AT, payer, transfers)


def documents() -> dict[str, bytes]:
    written = pain001.write(order())
    instruction = read_instruction(written)
    rejected = {instruction.payments[0].end_to_end: "AC01"}
    told = [
        Told("SB1", "a" * 32, 70_000, returned=False, booked_at=AT),
        Told("SB2", "b" * 32, 80_050, returned=True, booked_at=AT),
    ]
    return {
        "pain.001.001.09": written,
        "pain.002.001.10": write_answer(instruction, rejected, AT, answer="A1", reason=""),
        "camt.053.001.08": statements.write("TREASURY-DLA", date(2026, 11, 15), -5, ENTRIES, AT, Faults()),
        "camt.054.001.08": write_notification("N1", told, AT),
    }


def tree(message: str) -> Element:
    return read(documents()[message], message, ROOTS[message][0])


@dataclass(frozen=True)
class Spot:
    """One element of a document that holds, by the way to it, and what its definition asks."""

    path: tuple[int, ...]
    names: str
    part: Part


def spots(element: Element, holds: Holds, path: tuple[int, ...] = (), names: str = "") -> Iterator[Spot]:
    if not isinstance(holds, Sequence | Choice):
        return
    by_name = {part.name: part for part in holds.parts}
    for number, child in enumerate(element.children):
        part, way = by_name[child.name], f"{names}/{child.name}"
        yield Spot((*path, number), way, part)
        yield from spots(child, part.holds, (*path, number), way)


def at(root: Element, path: tuple[int, ...]) -> Element:
    for number in path:
        root = root.children[number]
    return root


def cases() -> Iterator[tuple[str, Spot]]:
    for message, (_, holds) in ROOTS.items():
        seen: set[str] = set()
        for spot in spots(tree(message), holds):
            if spot.names not in seen:
                seen.add(spot.names)
                yield message, spot


CASES = list(cases())
IDS = [f"{message}{spot.names}" for message, spot in CASES]


def refused(root: Element, message: str) -> bool:
    try:
        check_message(root, message)
    except BankFileRefused:
        return True
    return False


@pytest.mark.parametrize("message", ROOTS)
def test_what_we_and_the_sandbox_write_holds(message: str) -> None:
    check_message(tree(message), message)


@pytest.mark.parametrize("product", Product)
def test_each_product_of_the_bank_makes_a_file_that_holds(product: Product) -> None:
    root = read(pain001.write(order(), product), "pain.001.001.09", "CstmrCdtTrfInitn")
    check_message(root, "pain.001.001.09")
    for block in root.all("PmtInf"):
        assert block.need("PmtTpInf", "LclInstrm", "Prtry").text == product.value
        assert block.need("PmtTpInf", "CtgyPurp", "Cd").text == "GOVT"


@pytest.mark.parametrize(("message", "spot"), CASES, ids=IDS)
def test_a_text_is_as_long_as_it_may_be_and_no_longer(message: str, spot: Spot) -> None:
    holds = spot.part.holds
    if not isinstance(holds, Form) or holds.length_max is None:
        return
    for length, is_refused in ((0, True), (1, False), (holds.length_max, False), (holds.length_max + 1, True)):
        root = tree(message)
        at(root, spot.path).pieces = ["1" * length]
        assert refused(root, message) is is_refused


@pytest.mark.parametrize(("message", "spot"), CASES, ids=IDS)
def test_what_has_to_be_there_cannot_be_left_out(message: str, spot: Spot) -> None:
    root = tree(message)
    above = at(root, spot.path[:-1])
    name = above.children[spot.path[-1]].name
    above.children = [child for child in above.children if child.name != name]
    assert refused(root, message) is (spot.part.least > 0)


@pytest.mark.parametrize(("message", "spot"), CASES, ids=IDS)
def test_what_may_be_there_once_cannot_be_there_twice(message: str, spot: Spot) -> None:
    root = tree(message)
    above, number = at(root, spot.path[:-1]), spot.path[-1]
    above.children.insert(number, deepcopy(above.children[number]))
    assert refused(root, message) is (spot.part.most == 1)


@pytest.mark.parametrize(("message", "spot"), CASES, ids=IDS)
def test_what_stands_in_another_place_is_refused(message: str, spot: Spot) -> None:
    root = tree(message)
    above, number = at(root, spot.path[:-1]), spot.path[-1]
    if number + 1 >= len(above.children) or above.children[number].name == above.children[number + 1].name:
        return
    above.children[number : number + 2] = above.children[number : number + 2][::-1]
    assert refused(root, message)


@pytest.mark.parametrize(("message", "spot"), CASES, ids=IDS)
def test_what_the_definition_does_not_know_is_refused(message: str, spot: Spot) -> None:
    root = tree(message)
    above = at(root, spot.path[:-1])
    above.children.insert(spot.path[-1], Element("Stranger", 1))
    assert refused(root, message)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        *[("0", True), ("9" * 18, True), ("9" * 19, False), ("1.00000", True), ("1.000000", False), ("", False)],
        *[("9" * 13 + ".99999", True), ("9" * 14 + ".99999", False), ("-1", False), ("1.", False), (".5", False)],
    ],
)
def test_an_amount_has_eighteen_digits_and_five_of_them_after_the_point(text: str, holds: bool) -> None:
    root = tree("pain.001.001.09")
    next(root.all("PmtInf")).need("CdtTrfTxInf", "Amt", "InstdAmt").pieces = [text]
    assert refused(root, "pain.001.001.09") is not holds


@pytest.mark.parametrize("currency", ["", "TH", "THBB", "thb", "๑๒๓"])
def test_an_amount_has_a_currency_of_three_letters(currency: str) -> None:
    root = tree("pain.001.001.09")
    next(root.all("PmtInf")).need("CdtTrfTxInf", "Amt", "InstdAmt").attributes["Ccy"] = currency
    assert refused(root, "pain.001.001.09")


@pytest.mark.parametrize("text", ["2026-11-16", "16:00", "2026-11-16T10:00", "2026-11-16 10:00:00", "now"])
def test_an_instant_is_written_out(text: str) -> None:
    root = tree("pain.002.001.10")
    root.need("GrpHdr", "CreDtTm").pieces = [text]
    assert refused(root, "pain.002.001.10")


def test_a_choice_is_of_one() -> None:
    either = Choice((Part("A"), Part("B")))
    check(Element("X", 1, children=[Element("B", 1)]), either)
    for children in ([], [Element("C", 1)], [Element("A", 1), Element("B", 1)]):
        with pytest.raises(BankFileRefused):
            check(Element("X", 1, children=children), either)


def test_a_banks_file_in_another_order_changes_nothing() -> None:
    notification = documents()["camt.054.001.08"].decode()
    assert len(read_entries(notification.encode())) == 2
    turned = notification.replace("<Sts><Cd>BOOK</Cd></Sts>", "", 1).replace(
        "<BkTxCd>", "<Sts><Cd>BOOK</Cd></Sts><BkTxCd>", 1
    )
    with pytest.raises(BankFileRefused):
        read_entries(turned.encode())
    answer = documents()["pain.002.001.10"].decode()
    assert read_answer(answer.encode(), UUID(int=1)).rejected
    with pytest.raises(BankFileRefused):
        read_answer(answer.replace("<OrgnlMsgId>", "<Stranger/><OrgnlMsgId>").encode(), UUID(int=1))


@pytest.mark.parametrize(
    ("changed", "is_written"),
    [
        ({"name": "x" * 140}, True),
        ({"name": "x" * 141}, False),
        ({"name": ""}, False),
        ({"name": "ก" * 140}, True),
        ({"name": "a\nb"}, False),
        ({"account": "1" * 34}, True),
        ({"account": "1" * 35}, False),
        ({"account": "บัญชี"}, False),
        ({"account": "/1"}, False),
        ({"account": "1/"}, False),
        ({"account": "1//2"}, False),
        ({"account": "1/2"}, True),
        ({"account": "a_b"}, False),
        ({"bank": "B" * 35}, True),
        ({"bank": "B" * 36}, False),
    ],
)
def test_the_payer_fits_the_message_or_nothing_is_written(changed: dict[str, str], is_written: bool) -> None:
    made = order(replace(PAYER, **changed))
    if not is_written:
        with pytest.raises(ValueError, match=r"text|identifier"):
            pain001.write(made)
        return
    check_message(read(pain001.write(made), "pain.001.001.09", "CstmrCdtTrfInitn"), "pain.001.001.09")


@pytest.mark.parametrize(("length", "is_written"), [(0, False), (1, True), (140, True), (141, False)])
def test_a_remittance_is_of_140_characters_at_most(length: int, is_written: bool) -> None:
    if is_written:
        assert escape("x" * length).encode() in pain001.write(order(remittance="x" * length))
        return
    with pytest.raises(ValueError, match="text"):
        pain001.write(order(remittance="x" * length))


def test_nothing_is_not_ordered() -> None:
    with pytest.raises(ValueError, match="nothing"):
        pain001.write(order(satang=0))
    with pytest.raises(ValueError, match="no transfers"):
        pain001.write(replace(order(), transfers=()))


@given(name=st.text(min_size=1, max_size=140), remittance=st.text(min_size=1, max_size=140))
def test_whatever_is_written_holds_and_is_read_back(name: str, remittance: str) -> None:
    made = order(replace(PAYER, name=name), remittance)
    try:
        written = pain001.write(made)
    except ValueError:
        return
    root = read(written, "pain.001.001.09", "CstmrCdtTrfInitn")
    check_message(root, "pain.001.001.09")
    assert next(root.all("PmtInf")).need("CdtTrfTxInf", "RmtInf", "Ustrd").text == remittance
    assert read_instruction(written).sums_hold
