"""Makes an agency's paper, and says of a PDF whether it is one. Nothing of either is stored here."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog

from core.attestation.service import Attestor
from core.clock import Clock
from core.errors import ServiceUnavailable
from core.ids import new_id
from core.paper import font_families
from core.text import Text
from services.receive.papers.authority import Authority
from services.receive.papers.checking import PDF_BYTES_MAX, Genuine, check
from services.receive.papers.laying_out import Enclosed, laid_out
from services.receive.papers.needs import Register
from services.receive.papers.press import Press
from services.receive.papers.signing import signed
from services.receive.proof import VERSION
from services.receive.service import svg_of
from services.receive.wording import TitleOf, day_in_words

PAPER_TYPE: Final = "sitthi-paper+jwt"
UPLOAD_PATH: Final = "/verify/"
PROOF_PATH: Final = "/verify/paper"
AT_ONCE: Final = 2
"""So many are laid out at the same time by one process: each takes a core for a moment."""
SECONDS_MAX: Final = 20.0
"""For which a citizen waits, those before included. A press ends what takes longer; a thread goes on, and keeps its
turn until it ends."""
SOURCE: Final = "source"
_MAKER: Final = Text(th="ระบบจัดทำเอกสาร", en="The maker of documents")
_NO_FONT: Final = Text(th="ระบบจัดทำเอกสาร (ไม่มีแบบอักษรไทย)", en="The maker of documents (there is no Thai font)")
_REASON: Final = Text(th="รับรองเอกสาร", en="Certified as issued")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Order:
    """What a plugin asks for: a template of its folder, what it shows, and the files within the PDF."""

    agency: str
    title: Text
    template: str
    """Typst."""
    data: Mapping[str, Any]
    enclosed: Sequence[Enclosed]


class Papers:
    """`issuer` is the base of public addresses, without a trailing slash. Without a `register` no paper is known again,
    and so none can be taken back."""

    def __init__(
        self,
        clock: Clock,
        authority: Authority,
        attestor: Attestor,
        titles: TitleOf,
        issuer: str,
        register: Register | None = None,
        press: Press | None = None,
    ) -> None:
        self._register, self._press = register, press
        self._clock, self._authority, self._attestor = clock, authority, attestor
        self._titles, self._issuer = titles, issuer
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def made(self, order: Order) -> bytes:
        """The PDF, signed for the agency. To be called in no transaction.

        Raises ServiceUnavailable: without a Thai font, for a template that fails, and for one that takes too long.
        """
        fonts = font_families()
        if not fonts:
            raise ServiceUnavailable(_NO_FONT)
        now, title = self._clock.now(), self._titles(order.agency)
        signatory = await self._authority.signatory(order.agency)
        id_ = new_id()
        host = await self._host_of(order, fonts, id_)
        work = asyncio.ensure_future(self._laid_out(order, host))
        try:
            pdf = await asyncio.wait_for(asyncio.shield(work), SECONDS_MAX)
        except TimeoutError:
            work.add_done_callback(_forgotten)
            log.error("papers.too_slow", agency=order.agency)  # noqa: TRY400 - a trace of waiting tells nothing
            raise ServiceUnavailable(_MAKER) from None
        except (RuntimeError, ValueError) as error:  # typst's is a RuntimeError
            # typst's words quote the template and what it was given: of them, nothing is logged
            log.error("papers.not_laid_out", agency=order.agency, error=type(error).__name__)  # noqa: TRY400 - see above
            raise ServiceUnavailable(_MAKER) from None
        reason = f"{_REASON.th} · {_REASON.en}"
        made = await asyncio.to_thread(signed, pdf, signatory, f"{title.th} · {title.en}", reason, now)
        if self._register is not None:
            await self._register.printed(id_, order.agency, hashlib.sha256(made).digest(), now)
        return made

    async def checked(self, pdf: bytes) -> Genuine:
        """Raises a :class:`PaperNotGenuine` that says why not."""
        assert len(pdf) <= PDF_BYTES_MAX, "whoever reads it bounds it"
        known = await self._authority.known()
        found = await asyncio.to_thread(check, pdf, known.get, self._clock.now())
        if self._register is not None:
            await self._register.must_stand(bytes.fromhex(found.sha256))
        return found

    async def must_stand(self, claims: Mapping[str, Any]) -> None:
        """Of a genuine QR code: raises :class:`PaperNotGenuine` for a paper that was taken back or suspended."""
        given = claims.get("id")
        if self._register is not None and isinstance(given, str):
            await self._register.must_stand_by_id(UUID(hex=given))

    async def _laid_out(self, order: Order, host: Mapping[str, Any]) -> bytes:
        async with self._turn:
            now = self._clock.now()
            return await laid_out(order.template, order.data, host, order.enclosed, now, self._press)

    async def _host_of(self, order: Order, fonts: Sequence[str], id_: UUID) -> dict[str, Any]:
        title, made = self._titles(order.agency), day_in_words(self._clock.today())
        verify = self._issuer + PROOF_PATH
        source = next((one for one in order.enclosed if one.relationship == SOURCE), None)
        claims = {
            "v": VERSION,
            "id": id_.hex,
            "agency": order.agency,
            "title": {"th": order.title.th, "en": order.title.en},
            "file": None if source is None else source.name,
            "sha256": None if source is None else hashlib.sha256(source.content).hexdigest(),
        }
        proof = await self._attestor.sign(claims, typ=PAPER_TYPE)
        return {
            "fonts": fonts,
            "title": {"th": order.title.th, "en": order.title.en},
            "agency": {"th": title.th, "en": title.en},
            "made": {"th": made.th, "en": made.en},
            "issuer": self._issuer,
            "verify": verify,
            "upload": self._issuer + UPLOAD_PATH,
            "source": claims["file"],
            "qr": await asyncio.to_thread(svg_of, f"{verify}#{proof}"),
        }


def _forgotten(work: asyncio.Future[bytes]) -> None:
    """Takes what a late thread says, so that nothing complains that nobody did."""
    if not work.cancelled():
        work.exception()
