"""Makes a citizen's statement when they ask for it. Nothing is stored; each look stands in their access log."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any, Final
from uuid import UUID

import orjson

from core.assurance import Assurance
from core.attestation.service import Attestor
from core.clock import Clock
from core.crypto import KeyRing, SealBroken
from core.database import Database
from core.errors import ServiceUnavailable
from core.ids import NationalId, new_id
from core.paper import font_families, printed
from core.text import Text
from services.exchange.facts import OWN_VIEW, Asker, AskerKind, Assured, Gate
from services.receive.service import svg_of
from services.receive.statements.contents import (
    ATTACHED,
    STATEMENT_TYPE,
    read,
    shown,
    signed_file,
    statement_claims,
)
from services.receive.statements.errors import StatementLinkOver
from services.receive.statements.years import Calendar, Year, year_of
from services.receive.wording import TitleOf, day_in_words

PATH: Final = "/statements"
LINKS: Final = f"{PATH}/link"
VERIFY_PATH: Final = "/verify/statement"
LINK_KEPT: Final = timedelta(minutes=2)
"""As long as Tang Rat's own tokens for mini apps: a link is followed at once, or asked for again."""
KEEPER: Final = "dga"
"""Under whose name the look is logged: what was paid is kept by Sitthi, which DGA operates."""
RECORDS: Final = f"{KEEPER}:statement"
AT_ONCE: Final = 2
"""So many are laid out at the same time by one process: each takes a core for a moment."""
_LINK: Final = "statement.link"
_YOU: Final = Text(th="คุณ", en="You")
_NO_FONT: Final = Text(th="ระบบจัดทำเอกสาร (ไม่มีแบบอักษรไทย)", en="The maker of documents (there is no Thai font)")


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose statement of which year, and how sure their sign-in is."""

    person: UUID
    year: int
    """Of the Buddhist era or the common one, as it was asked for."""
    calendar: Calendar
    acr: str

    @property
    def file_name(self) -> str:
        return f"sitthi-statement-{self.calendar.value.lower()}-{self.year}.pdf"


@dataclass(frozen=True, slots=True)
class Link:
    """An address that opens one statement, for whoever has it, for two minutes."""

    url: str
    expires_at: datetime


class Statements:
    """An edge: it opens its own transactions, as the gate that it asks must not be asked inside one."""

    def __init__(
        self, db: Database, clock: Clock, keys: KeyRing, attestor: Attestor, gate: Gate, titles: TitleOf, issuer: str
    ) -> None:
        """`issuer`: the base of public addresses, without a trailing slash."""
        self._db, self._clock, self._keys, self._attestor = db, clock, keys, attestor
        self._gate, self._titles, self._issuer = gate, titles, issuer
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def pdf(self, wish: Wish) -> bytes:
        """The statement, for the citizen themselves. PDF/A-3a, with what is signed attached to it.

        Raises BadInput, YearNotBegun, LookRefused; ServiceUnavailable on a machine without a Thai font.
        """
        person = wish.person
        wanted = year_of(wish.year, wish.calendar, self._clock.today())
        fonts = font_families()
        if not fonts:
            raise ServiceUnavailable(_NO_FONT)
        asker = Asker(
            AskerKind.CITIZEN,
            person.hex,
            None,
            _YOU,
            request=new_id(),
            assurance=Assured(Assurance.of(wish.acr)),
        )

        async def look(national_id: NationalId) -> dict[str, Any]:
            return await self._data(person, wanted, _masked(national_id))

        data = await self._gate.look(person, RECORDS, KEEPER, look, asker=asker, purpose=OWN_VIEW)
        source = files(__package__).joinpath("statement.typ").read_bytes()
        async with self._turn:
            return await printed(source, {**data, "fonts": fonts}, self._clock.now(), standard="a-3a")

    def link(self, wish: Wish) -> Link:
        """Raises BadInput, YearNotBegun."""
        year_of(wish.year, wish.calendar, self._clock.today())
        until = self._clock.now() + LINK_KEPT
        said = [wish.person.hex, wish.year, wish.calendar.value, wish.acr, int(until.timestamp())]
        ticket = base64.urlsafe_b64encode(self._keys.seal(orjson.dumps(said), bound_to=_LINK)).decode().rstrip("=")
        return Link(f"{self._issuer}{LINKS}/{ticket}", until.replace(microsecond=0))

    def wish_of(self, ticket: str) -> Wish:
        """What a link was made for. Raises StatementLinkOver."""
        try:
            sealed = base64.b64decode(ticket + "=" * (-len(ticket) % 4), altchars=b"-_", validate=True)
            person, year, calendar, acr, until = orjson.loads(self._keys.open(sealed, bound_to=_LINK))
        except (ValueError, SealBroken):
            raise StatementLinkOver from None
        if self._clock.now().timestamp() >= until:
            raise StatementLinkOver
        return Wish(UUID(hex=person), year, Calendar(calendar), acr)

    async def _data(self, person: UUID, year: Year, masked_id: str) -> dict[str, Any]:
        async with self._db.read() as session:
            statement = await read(session, person, year, self._clock.today())
        attached = signed_file(statement, masked_id)
        proof = await self._attestor.sign(statement_claims(statement, attached, self._keys, person), typ=STATEMENT_TYPE)
        verify = f"{self._issuer}{VERIFY_PATH}"
        made = day_in_words(self._clock.today())
        return {
            **shown(statement, self._titles),
            "holder": masked_id,
            "issuer": self._issuer,
            "footer": f"{self._issuer} · {made.th} · {made.en}",
            "attached": attached.decode(),
            "attached_name": ATTACHED,
            "qr": await asyncio.to_thread(svg_of, f"{verify}#{proof}"),
            "verify": verify,
        }


def _masked(national_id: NationalId) -> str:
    """`X-XXXX-XXX62-05-1`: enough for whoever sees the card beside it, and no number to be copied off a paper."""
    digits = national_id.digits
    return f"X-XXXX-XXX{digits[8:10]}-{digits[10:12]}-{digits[12]}"
