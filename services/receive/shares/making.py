"""Making a share: what it takes is asked before the transaction, and written in it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.envelope import DataKey, SubjectKeys
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.text import Text
from services.receive.credentials.errors import CredentialNotOffered
from services.receive.credentials.jws import SigningKey
from services.receive.credentials.models import WalletCredential
from services.receive.credentials.needs import Offered
from services.receive.credentials.service import Credentials
from services.receive.credentials.statuses import Place
from services.receive.papers.errors import PaperNotGenuine
from services.receive.papers.service import Papers
from services.receive.shares import repository
from services.receive.shares.choosing import Choice, choices_of, chosen, titles_as_json
from services.receive.shares.claims import signed_for_share
from services.receive.shares.errors import NotShareable, ShareChosen, ShareNotFound, TooManyShares
from services.receive.shares.kept import About, content_of, sealed_content, sealed_secret
from services.receive.shares.models import Share
from services.receive.shares.needs import Documents, IssuedPaper, Keepers, Registers
from services.receive.shares.states import Kind, State, state_of
from services.receive.shares.wording import checked_name

CODE_BYTES: Final = 24
LASTS_MAX: Final = timedelta(days=90)
OPENINGS_MAX: Final = 5
SHARES_MAX: Final = 20
"""Of one citizen that are open at a time."""
CODE_DOMAIN: Final = "share.code"
_UNTIL: Final = Text(th="วันสิ้นสุดต้องอยู่ในอนาคต ไม่เกิน 90 วัน", en="it ends in the future, in 90 days at most")
_OPENINGS: Final = Text(th="เปิดได้ 1 ถึง 5 ครั้ง", en="it is opened 1 to 5 times")
_ONE: Final = Text(th="ระบุ document หรือ prepared อย่างใดอย่างหนึ่ง", en="name a `document`, or what was `prepared`")
_WHOLE: Final = Text(th="เอกสาร PDF แบ่งปันทั้งฉบับ เลือกเป็นส่วนไม่ได้", en="a PDF is shared whole: nothing of it is chosen")
_VERIFIER: Final = Text(
    th="ระบุ verifier หรือ verifierNumber อย่างใดอย่างหนึ่ง", en="name the `verifier`, or its `verifierNumber`"
)
_NOT_REGISTERED: Final = Text(
    th="ไม่มีนิติบุคคลเลขนี้ในทะเบียนของหน่วยงานเจ้าของเอกสาร",
    en="the agency whose document it is has no juristic person of that number in its register",
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a citizen shares, with whom, until when, how often."""

    document: UUID | None
    prepared: UUID | None
    disclose: Sequence[str]
    """JSON pointers."""
    verifier: str | None
    verifier_number: str | None
    sharer: str | None
    until: datetime
    openings: int


@dataclass(frozen=True, slots=True)
class Verifier:
    name: str
    number: str | None = None


@dataclass(frozen=True, slots=True)
class OfPaper:
    """A share of a paper that can be made: all that is far away was asked."""

    wish: Wish
    verifier: Verifier
    paper: IssuedPaper


@dataclass(frozen=True, slots=True)
class OfClaims:
    """The same of claims."""

    wish: Wish
    verifier: Verifier
    offered: Offered
    key: SigningKey


class Making:
    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        credentials: Credentials,
        papers: Papers,
        documents: Documents,
        registers: Registers,
        keepers: Keepers,
    ) -> None:
        self._db, self._clock, self._keys, self._subjects = db, clock, keys, SubjectKeys(keys)
        self._credentials, self._papers, self._documents = credentials, papers, documents
        self._registers, self._keepers = registers, keepers

    async def plan(self, person: UUID, wish: Wish) -> OfPaper | OfClaims:
        """To be called in no transaction. Raises BadInput, NotFound, :class:`ShareNotFound`, :class:`ShareChosen`,
        :class:`NotShareable`, :class:`TooManyShares`, `CredentialNotOffered`, `MalformedJuristicNumber`."""
        now = self._clock.now()
        if wish.until.tzinfo is None or not now < wish.until <= now + LASTS_MAX:
            raise BadInput(_UNTIL, path=("until",))
        if not 1 <= wish.openings <= OPENINGS_MAX:
            raise BadInput(_OPENINGS, path=("openings",))
        if (wish.document is None) == (wish.prepared is None):
            raise BadInput(_ONE, path=("document",))
        if wish.sharer is not None:
            checked_name(wish.sharer, "sharer")
        async with self._db.read() as session:
            if await repository.count(session, person, now, prepared=False) >= SHARES_MAX:
                raise TooManyShares(most=SHARES_MAX)
        if wish.prepared is not None:
            offered = await self._chosen_from(person, wish.prepared, wish.disclose)
            key = await self._credentials.issuers.signing(offered.agency)
            return OfClaims(wish, await self._verifier(wish, offered.agency), offered, key)
        assert wish.document is not None
        paper = await self._paper(person, wish.document)
        if wish.disclose:
            raise BadInput(_WHOLE, path=("disclose",))
        return OfPaper(wish, await self._verifier(wish, paper.agency), paper)

    async def make(self, session: AsyncSession, person: UUID, plan: OfPaper | OfClaims) -> Share:
        """`session` is that of the mutation's transaction. Raises :class:`ShareChosen`, NotFound."""
        await self._keepers.must_be_there(session, person, self._clock.now())
        key = await self._subjects.for_sealing(session, person)
        shown: list[Choice] = []
        if isinstance(plan, OfClaims):
            row, shown = await self._of_claims(session, person, plan, key)
            title = plan.offered.spec.title.text
        else:
            row, title = self._of_paper(person, plan), plan.paper.title
        secret, wish = secrets.token_urlsafe(CODE_BYTES), plan.wish
        row.code = self._keys.blind_index(secret, domain=CODE_DOMAIN)
        row.openings_max = wish.openings
        about = About(
            title,
            None,
            plan.verifier.name,
            plan.verifier.number,
            None if wish.sharer is None else checked_name(wish.sharer, "sharer"),
            [(one.pointer, one.title) for one in shown],
        )
        row.about_sealed, row.secret_sealed = about.sealed(row, key), sealed_secret(row, key, secret)
        session.add(row)
        await session.flush()
        return row

    async def _verifier(self, wish: Wish, agency: str) -> Verifier:
        if (wish.verifier is None) == (wish.verifier_number is None):
            raise BadInput(_VERIFIER, path=("verifier",))
        if wish.verifier is not None:
            return Verifier(checked_name(wish.verifier, "verifier"))
        assert wish.verifier_number is not None
        found = await self._registers.find(agency, wish.verifier_number)
        if found is None:
            raise BadInput(_NOT_REGISTERED, path=("verifierNumber",))
        return Verifier(found.title.th, found.number)

    async def _paper(self, person: UUID, document: UUID) -> IssuedPaper:
        paper = await self._documents.find(person, document)
        if paper is None:
            raise NotFound(path=("document",))
        try:
            await self._papers.checked(paper.content)
        except PaperNotGenuine:
            raise NotShareable(path=("document",)) from None
        return paper

    async def _chosen_from(self, person: UUID, prepared: UUID, disclose: Sequence[str]) -> Offered:
        """The credential that it was prepared from, once what is chosen was found in it."""
        async with self._db.read() as session:
            row = await repository.own(session, person, prepared)
            key = await self._subjects.find(session, person)
        if row is None or key is None:
            raise ShareNotFound(path=("prepared",))
        content = content_of(row, key)
        if state_of(row, self._clock.now()) is not State.PREPARED or content is None:
            raise ShareChosen(path=("prepared",))
        offered = offered_by(self._credentials, row.agency, About.of(row, key).configuration)
        if offered is None:
            raise CredentialNotOffered(path=("prepared",))
        chosen(choices_of(content["claims"], offered.spec), disclose)
        return offered

    def _of_paper(self, person: UUID, plan: OfPaper) -> Share:
        paper, now = plan.paper, self._clock.now()
        return Share(
            person=person,
            id=new_id(),
            kind=Kind.PAPER.value,
            agency=paper.agency,
            what=f"{paper.agency}:{paper.operation}",
            assurance=paper.demand.assurance.ial.value,
            document=plan.wish.document,
            about_sealed=b"",
            created_at=now,
            expires_at=min(plan.wish.until, paper.expires_at),
        )

    async def _of_claims(
        self, session: AsyncSession, person: UUID, plan: OfClaims, key: DataKey
    ) -> tuple[Share, list[Choice]]:
        """The row that was prepared, with what was chosen of it and nothing else."""
        offered, wish, now = plan.offered, plan.wish, self._clock.now()
        assert wish.prepared is not None
        row = await repository.own(session, person, wish.prepared, lock=True)
        content = None if row is None else content_of(row, key)
        if row is None or content is None or state_of(row, now) is not State.PREPARED:
            raise ShareChosen(path=("prepared",))
        shown = chosen(choices_of(content["claims"], offered.spec), wish.disclose)
        ends = min(wish.until, now + timedelta(days=offered.spec.days))
        if content["valid_until"] is not None:
            ends = min(ends, datetime.fromisoformat(content["valid_until"]))
        lists = self._credentials.lists
        [place] = await lists.give(session, offered.agency, 1)
        made = signed_for_share(
            content["claims"],
            offered,
            [one.pointer for one in shown],
            issuer=self._credentials.issuers.issuer_of(offered.agency),
            kept=await self._credentials.types.keep_with(session, offered),
            key=plan.key,
            status={"idx": place.place, "uri": lists.uri(offered.agency, place.list)},
            now=now,
            until=ends,
        )
        row.list, row.place, row.created_at, row.expires_at = place.list, place.place, now, ends
        session.add(as_issued(row, offered.configuration, place))  # its agency can take it back as it can a wallet's
        row.content_sealed = sealed_content(row, key, {**made.as_json(), "titles": titles_as_json(offered.spec)})
        return row, shown


def as_issued(row: Share, configuration: str, place: Place) -> WalletCredential:
    """What is shared of claims, as the room of credentials knows what agencies issued."""
    return WalletCredential(
        person=row.person,
        id=new_id(),
        offer=row.id,
        agency=row.agency,
        configuration=configuration,
        list=place.list,
        place=place.place,
        issued_at=row.created_at,
        expires_at=row.expires_at,
    )


def offered_by(credentials: Credentials, agency: str, configuration: str | None) -> Offered | None:
    """The credential, if a service of the agency gives it still."""
    offered = credentials.offerings.of(agency)
    return next((one for one in offered if one.configuration == configuration), None)
