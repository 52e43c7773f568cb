"""Safe XML: a bounded tree that knows its lines, read only through checks.

No document type, no entities, no external references (defusedxml); at most :data:`BYTES_MAX` bytes, :data:`DEPTH_MAX`
deep and :data:`ELEMENTS_MAX` elements; one namespace throughout; no mixed content that anyone looks at.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID
from xml.sax import SAXException
from xml.sax.handler import ContentHandler, feature_namespaces

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

from core.money import CURRENCY, AmountOutOfRange, Money
from core.text import Text
from services.pay.errors import BankFileRefused

BYTES_MAX: Final = 64 * 1024 * 1024
DEPTH_MAX: Final = 24
ELEMENTS_MAX: Final = 3_000_000

_AMOUNT: Final = re.compile(r"[0-9]{1,16}(?:\.[0-9]{1,2})?", re.ASCII)
_COUNT: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_CODE: Final = re.compile(r"[A-Z0-9]{1,4}", re.ASCII)
_HEX_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)

TOO_LARGE: Final = Text(th="ไฟล์ใหญ่เกินกำหนด", en="it is too large")
TOO_DEEP: Final = Text(th="ซ้อนกันลึกเกินกำหนด", en="it is nested too deeply")
NOT_XML: Final = Text(th="ไม่ใช่ XML ที่ถูกต้อง", en="it is not well-formed XML")
FORBIDDEN: Final = Text(
    th="มี DOCTYPE หรือ entity ซึ่งไม่อนุญาต", en="it has a document type or entities, which are not allowed"
)
WRONG_MESSAGE: Final = Text(th="ไม่ใช่ข้อความ {message}", en="it is not a {message} message")
MISSING: Final = Text(th="ขาดส่วนที่ต้องมี", en="a required element is missing")
REPEATED: Final = Text(th="มีซ้ำเกินหนึ่ง", en="an element occurs more than once")
BAD_VALUE: Final = Text(th="ค่าไม่ถูกต้อง", en="the value does not have the form it must have")
BAD_AMOUNT: Final = Text(th="จำนวนเงินไม่ถูกต้อง", en="the amount is not an exact positive number of satang")
BAD_CURRENCY: Final = Text(th="สกุลเงินไม่ใช่บาท", en="the currency is not THB")
BAD_SUM: Final = Text(th="ยอดรวมไม่ตรงกับรายการ", en="the sum does not match the entries")
BAD_COUNT: Final = Text(th="จำนวนรายการไม่ตรง", en="the count does not match the entries")


@dataclass(slots=True)
class Element:
    """One element: the local name, the line it begins on, its own text, its children."""

    name: str
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    pieces: list[str] = field(default_factory=list)
    children: list[Element] = field(default_factory=list)

    def refused(self, why: Text, *below: str) -> BankFileRefused:
        return BankFileRefused(why, f"line {self.line}, {'/'.join((self.name, *below))}")

    def all(self, name: str) -> Iterator[Element]:
        return (child for child in self.children if child.name == name)

    def find(self, *path: str) -> Element | None:
        """The one element at the path, or None. Raises :class:`BankFileRefused` where there are two."""
        here: Element = self
        for step in path:
            found = list(here.all(step))
            if len(found) > 1:
                raise here.refused(REPEATED, step)
            if not found:
                return None
            here = found[0]
        return here

    def need(self, *path: str) -> Element:
        found = self.find(*path)
        if found is None:
            raise self.refused(MISSING, *path)
        return found

    @property
    def text(self) -> str:
        """The element's text without the white space around it; empty for an element that has children."""
        return "" if self.children else "".join(self.pieces).strip()

    def short_text(self, length_max: int = 35) -> str:
        """A non-empty printable text (ISO 20022 Max35Text by default)."""
        if not 0 < len(self.text) <= length_max or not self.text.isprintable():
            raise self.refused(BAD_VALUE)
        return self.text

    def code(self) -> str:
        return self._matching(_CODE)

    def count(self) -> int:
        return int(self._matching(_COUNT))

    def hex_id(self) -> UUID:
        """An id of ours: a UUID as 32 lower-case hexadecimal digits."""
        return UUID(hex=self._matching(_HEX_ID))

    def decimal(self) -> Money:
        """An exact amount without a currency (a control sum)."""
        if not _AMOUNT.fullmatch(self.text):
            raise self.refused(BAD_AMOUNT)
        whole, _, fraction = self.text.partition(".")
        try:
            return Money(int(whole) * 100 + int(fraction.ljust(2, "0")))
        except AmountOutOfRange:
            raise self.refused(BAD_AMOUNT) from None

    def amount(self) -> Money:
        """A positive amount of baht, exact to the satang: `700`, `700.5`, `700.50`; never `1.005`, never zero."""
        if self.currency() != CURRENCY:
            raise self.refused(BAD_CURRENCY)
        return self.any_amount()

    def any_amount(self) -> Money:
        """A positive amount, in whatever currency :meth:`currency` says."""
        money = self.decimal()
        if money.satang == 0:
            raise self.refused(BAD_AMOUNT)
        return money

    def currency(self) -> str:
        currency = self.attributes.get("Ccy", "")
        if not re.fullmatch(r"[A-Z]{3}", currency, re.ASCII):
            raise self.refused(BAD_CURRENCY)
        return currency

    def day(self) -> date:
        try:
            return date.fromisoformat(self._matching(_DAY))
        except ValueError:
            raise self.refused(BAD_VALUE) from None

    def instant(self) -> datetime:
        """ISO 8601 with an offset; without one nobody knows which instant it is."""
        try:
            at = datetime.fromisoformat(self.text)
        except ValueError:
            raise self.refused(BAD_VALUE) from None
        if at.tzinfo is None:
            raise self.refused(BAD_VALUE)
        return at

    def _matching(self, form: re.Pattern[str]) -> str:
        if not form.fullmatch(self.text):
            raise self.refused(BAD_VALUE)
        return self.text


def read(document: bytes, message: str, root: str) -> Element:
    """The `root` element of an ISO 20022 document, e.g. `read(…, "camt.054.001.08", "BkToCstmrDbtCdtNtfctn")`.

    Raises :class:`BankFileRefused`.
    """
    if len(document) > BYTES_MAX:
        raise BankFileRefused(TOO_LARGE, "file")
    handler = _Tree(f"urn:iso:std:iso:20022:tech:xsd:{message}", WRONG_MESSAGE.filled(message=message))
    parser = make_parser()
    parser.forbid_dtd = True
    parser.setFeature(feature_namespaces, True)  # noqa: FBT003 - SAX's own signature
    parser.setContentHandler(handler)
    try:
        parser.parse(io.BytesIO(document))
    except DefusedXmlException:
        raise BankFileRefused(FORBIDDEN, f"line {handler.line}") from None
    except (SAXException, ValueError, LookupError):  # LookupError: an encoding that does not exist
        raise BankFileRefused(NOT_XML, f"line {handler.line}") from None
    if handler.root is None or handler.root.name != "Document":
        raise BankFileRefused(WRONG_MESSAGE.filled(message=message), "Document")
    return handler.root.need(root)


class _Tree(ContentHandler):
    def __init__(self, namespace: str, wrong: Text) -> None:
        super().__init__()
        self.root: Element | None = None
        self._namespace, self._wrong = namespace, wrong
        self._open: list[Element] = []
        self._elements = 0
        self._locator: Any = None

    def setDocumentLocator(self, locator: Any) -> None:  # noqa: N802 - SAX's name
        self._locator = locator

    @property
    def line(self) -> int:
        return self._locator.getLineNumber() or 1 if self._locator is not None else 1

    def startElementNS(self, name: tuple[str | None, str], _qname: str | None, attrs: Any) -> None:  # noqa: N802
        namespace, local = name
        if namespace != self._namespace:
            raise BankFileRefused(self._wrong, f"line {self.line}")
        self._elements += 1
        if len(self._open) >= DEPTH_MAX:
            raise BankFileRefused(TOO_DEEP, f"line {self.line}")
        if self._elements > ELEMENTS_MAX:
            raise BankFileRefused(TOO_LARGE, f"line {self.line}")
        element = Element(local[:64], self.line, {key[1]: value for key, value in attrs.items()})
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def endElementNS(self, _name: tuple[str | None, str], _qname: str | None) -> None:  # noqa: N802
        self._open.pop()

    def characters(self, content: str) -> None:
        if self._open:
            self._open[-1].pieces.append(content)
