"""Opening a share, by whoever has its link. Looking at the page is no opening: programs that show a preview do that."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.envelope import DataKey, SubjectKeys
from core.errors import BadInput
from core.ids import new_id
from core.text import Text
from identity.inbox.service import Inbox
from services.exchange.errors import LookRefused
from services.exchange.handing.giving import SHARE, Handed, Handing
from services.receive.credentials.errors import CredentialRefused
from services.receive.credentials.keys import IssuerKeys
from services.receive.papers.errors import PaperNotGenuine
from services.receive.papers.service import Papers
from services.receive.shares import repository
from services.receive.shares.choosing import rows_of, titles_of_json
from services.receive.shares.claims import Presentable, Shown, shown_to
from services.receive.shares.errors import ShareNotThere, ShareTakenBack
from services.receive.shares.kept import About, content_of
from services.receive.shares.making import CODE_DOMAIN
from services.receive.shares.messages import MESSAGES
from services.receive.shares.models import Share
from services.receive.shares.needs import Documents
from services.receive.shares.states import Kind
from services.receive.shares.wording import REGISTERED, UNVERIFIED

OPENED: Final = MESSAGES["shares.opened"]
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)
_NONCE: Final = re.compile(r"[\x21-\x7e]{8,128}", re.ASCII)
_BAD_NONCE: Final = Text(th="nonce: ต้องมี 8 ถึง 128 ตัวอักษร ASCII", en="nonce: 8 to 128 visible ASCII characters")


@dataclass(frozen=True, slots=True)
class Front:
    """What is told of a share before it is opened."""

    kind: Kind
    agency: str
    about: About
    until: datetime
    left: int


@dataclass(frozen=True, slots=True)
class Opened:
    """What whoever opened it gets: of claims a presentation, of a paper its bytes."""

    kind: Kind
    agency: str
    about: About
    at: datetime
    left: int
    until: datetime
    rows: Sequence[tuple[Text, str]] = ()
    """Titles and values of the claims that were chosen."""
    presentation: Shown | None = None
    paper: bytes | None = None


@dataclass(frozen=True, slots=True)
class _Ready:
    """What can be shown, before its opening is counted."""

    rows: Sequence[tuple[Text, str]] = ()
    presentation: Shown | None = None
    paper: bytes | None = None


class Openings:
    """One per process. An edge: it opens its own transactions."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        handing: Handing,
        issuers: IssuerKeys,
        papers: Papers,
        documents: Documents,
        inbox: Inbox,
        issuer: str,
    ) -> None:
        self._db, self._clock, self._keys, self._subjects = db, clock, keys, SubjectKeys(keys)
        self._handing, self._issuers, self._papers, self._documents = handing, issuers, papers, documents
        self._inbox, self._issuer = inbox, issuer

    async def front(self, code: str) -> Front:
        """Counts nothing. Raises :class:`ShareNotThere`."""
        row, key = await self._standing(code)
        return Front(Kind(row.kind), row.agency, About.of(row, key), row.expires_at, row.openings_max - row.opened)

    async def open(self, code: str, nonce: str | None = None) -> Opened:
        """Counts one opening, and shows. The nonce is the opener's own, or one of ours.

        Raises :class:`ShareNotThere`, :class:`ShareTakenBack`, BadInput; then nothing was counted.
        """
        if nonce is not None and not _NONCE.fullmatch(nonce):
            raise BadInput(_BAD_NONCE, path=("nonce",))
        row, key = await self._standing(code)
        about = About.of(row, key)
        number = about.verifier_number
        to = (UNVERIFIED if number is None else REGISTERED).filled(name=about.verifier, number=number)

        async def give() -> Opened:
            ready = await self._ready(row, key, about, nonce or secrets.token_urlsafe(24))
            return await self._counted(code, about, ready)

        try:
            return await self._handing.hand(Handed(row.person, row.what, to, row.id, SHARE), give)
        except LookRefused:  # the citizen has had the use of their data stopped: nobody else is told so
            raise ShareNotThere from None

    async def _standing(self, code: str) -> tuple[Share, DataKey]:
        if not _CODE.fullmatch(code):
            raise ShareNotThere
        async with self._db.read() as session:
            row = await repository.by_code(session, self._hashed(code), self._clock.now())
            key = None if row is None else await self._subjects.find(session, row.person)
        if row is None or key is None:
            raise ShareNotThere
        return row, key

    async def _ready(self, row: Share, key: DataKey, about: About, nonce: str) -> _Ready:
        if row.kind == Kind.PAPER:
            return await self._paper(row)
        async with self._db.read() as session:
            if await repository.taken_back(session, row):
                # Perhaps by its citizen, at this moment, with the share.
                stands = await repository.by_code(session, row.code or b"", self._clock.now())
                raise ShareNotThere if stands is None else ShareTakenBack
        content = content_of(row, key)
        if content is None:
            raise ShareNotThere
        await self._issuers.follow()
        to = about.verifier if about.verifier_number is None else about.verifier_number
        kept, now = Presentable.of_json(content), self._clock.now()
        try:
            shown = shown_to(kept, self._issuers, issuer=self._issuer, verifier=to, nonce=nonce, now=now)
        except CredentialRefused:
            raise ShareTakenBack from None
        return _Ready(rows_of(shown.told.claims, titles_of_json(content["titles"])), shown)

    async def _paper(self, row: Share) -> _Ready:
        paper = None if row.document is None else await self._documents.find(row.person, row.document)
        if paper is None:
            raise ShareNotThere
        try:
            await self._papers.checked(paper.content)
        except PaperNotGenuine:
            raise ShareTakenBack from None
        return _Ready(paper=paper.content)

    async def _counted(self, code: str, about: About, ready: _Ready) -> Opened:
        """Of openings at the same moment each is counted, and none is above what the citizen allowed."""
        now = self._clock.now()
        async with self._db.write() as session:
            row = await repository.take_opening(session, self._hashed(code), now, new_id())
            if row is None:
                raise ShareNotThere
            left = row.openings_max - row.opened
            await self._inbox.send(session, row.person, OPENED, title=about.title, verifier=about.verifier, left=left)
            kind, agency, until = Kind(row.kind), row.agency, row.expires_at
        return Opened(kind, agency, about, now, left, until, ready.rows, ready.presentation, ready.paper)

    def _hashed(self, code: str) -> bytes:
        return self._keys.blind_index(code, domain=CODE_DOMAIN)
