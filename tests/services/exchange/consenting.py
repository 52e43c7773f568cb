"""Consents in tests: words in versions, a service that signs, and what a citizen does with it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, Final
from uuid import UUID

from core.attestation.service import Attestor
from core.database import Database
from core.text import Text
from services.exchange.consent.models import Consent
from services.exchange.consent.receipts import ConsentReceipts, SignedReceipt
from services.exchange.consent.repository import ConsentRepository
from services.exchange.consent.service import ConsentService
from services.exchange.consent.terms import Giver
from services.exchange.consent.texts import ConsentTexts, Words, load_texts, words_hash
from services.exchange.facts import Asker, AskerKind, Assured, Facts
from services.exchange.gate import ExchangeGate
from tests.services.exchange.fakes import CATALOGUE, KEYS, Exchange, purpose

ISSUER: Final = "https://sitthi.test"
SCREENING: Final = purpose("student-loan-screening")
ATTRIBUTES: Final = ("annual_income", "birth_date", "name", "nationality")
WORDS: Final = "2569-1"


def words(version: str, since: date, asks_again: Collection[str] | None = None) -> Words:
    text = Text(th=f"ข้าพเจ้ายินยอม ฉบับ {version}", en=f"I agree, version {version}")
    again = frozenset(asks_again) if asks_again is not None else None
    return Words(version, since, text, words_hash(text), again)


def texts(*versions: Words) -> ConsentTexts:
    return ConsentTexts({SCREENING.id: versions})


class Citizen:
    """Somebody with consents, in one process: `database` is that process's own way to what all share."""

    def __init__(
        self,
        exchange: Exchange,
        who: str = "mother",
        *,
        database: Database | None = None,
        texts: ConsentTexts | None = None,
        gate: ExchangeGate | None = None,
    ) -> None:
        self.exchange, self.person = exchange, exchange.keys[who]
        self.database, self.clock = database or exchange.database, exchange.clock
        self.texts = texts or load_texts()
        self.attestor = Attestor(self.database, KEYS, self.clock, ISSUER)
        self.receipts = ConsentReceipts(CATALOGUE, self.texts, KEYS, self.attestor)
        self.service = ConsentService(CATALOGUE, self.clock, self.receipts, texts=self.texts)
        self.gate = gate or exchange.gate

    async def grant(
        self,
        attributes: Collection[str] | None = None,
        version: str = WORDS,
        why: str = SCREENING.id,
        giver: Giver | None = None,
    ) -> Consent:
        prepared = await self.service.prepare_grant(
            self.database, self.person, purpose=why, text_version=version, attributes=attributes, giver=giver
        )
        async with self.database.write() as session:
            return await self.service.grant(session, prepared)

    async def withdraw(
        self, consent: UUID, attributes: Collection[str] | None = None, giver: Giver | None = None
    ) -> Consent:
        prepared = await self.service.prepare_withdrawal(self.database, self.person, consent, attributes, giver)
        async with self.database.write() as session:
            return await self.service.withdraw(session, prepared)

    async def all(self) -> list[Consent]:
        """Oldest first."""
        async with self.database.read() as session:
            rows = await ConsentRepository(session).page(self.person, size=1000, before=None)
        return list(reversed(rows))

    async def signed(self, *consents: UUID) -> list[SignedReceipt]:
        """In the order of the consents, each one's oldest first."""
        async with self.database.read() as session:
            found = await self.service.receipts_of(session, self.person, consents)
        return [one for key in consents for one in found.get(key, ())]

    async def claims(self, consent: UUID) -> list[dict[str, Any]]:
        return [await self.receipts.verify(one.token) for one in await self.signed(consent)]

    async def asked_by_agency(self, *names: str, agency: str = "slf") -> Facts:
        """What the agency's system is told of them."""
        asker = Asker(
            AskerKind.SYSTEM,
            "loans:batch",
            agency,
            CATALOGUE.agency_title(agency),
            client="loans",
            agent="batch",
            assurance=Assured(bound_key=True),
        )
        wanted = names or ("annual_income",)
        return await self.gate.facts(self.person, wanted, asker=asker, purpose=SCREENING)
