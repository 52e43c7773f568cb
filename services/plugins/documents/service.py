"""Asks an agency for a document, keeps it sealed, and gives it to its citizen.

The agency is asked inside a look of the gate, in no transaction (docs/adr/0008). The key of its call is made of who
asks and of their idempotency key, so that whoever asks again after a crash makes the same call, and the agency answers
what it answered before. What is asked for is claimed under their key before the agency is asked, so that nothing else
is ever asked for under it. What came is written in the one transaction of the mutation.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from core.assurance import Aal, Assurance, Demand, Ial, StepUpRequired
from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.envelope import DataKey, SubjectKeys
from core.errors import IdempotencyConflict, NotFound
from core.ids import NationalId, new_id
from core.sealed import bound_to
from core.text import Text
from core.viewer import Viewer
from identity.people import PeopleRegister
from services.exchange.errors import SourceSilent, SubjectGone
from services.exchange.facts import Asker, Gate, Purpose
from services.plugins.contract import Access, Document, Manifest, OperationKind, Paper
from services.plugins.contract.manifest import DOCUMENT_BYTES_MAX
from services.plugins.contract.wire import KEY_REMEMBERED_DAYS
from services.plugins.documents import repository
from services.plugins.documents.errors import NotIssuedHere, TooManyDocuments
from services.plugins.documents.forms import is_what_it_says, safe_name
from services.plugins.documents.models import IssuedContent, IssuedDocument
from services.plugins.plugin import Plugin
from services.plugins.runner.errors import Trouble
from services.plugins.runner.runner import Runner
from services.plugins.standing import must_be_open

KEPT: Final = timedelta(days=90)
WISH_KEPT: Final = timedelta(days=KEY_REMEMBERED_DAYS)
"""As long as an agency remembers the key of its call."""
DOCUMENTS_MAX: Final = 40
"""Of one citizen at a time: each may be of 5 MB. Those who ask at the same moment may be a few more."""
AGENT: Final = "sitthi-documents"
"""The AgentID under which agencies are asked for documents; in whose name it was is in the access log."""
PATH: Final = "/documents"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for, by whom."""

    plugin: Plugin
    operation: str
    arguments: Mapping[str, Any]
    key: str
    """The idempotency key that the client gave."""
    at: datetime
    """When it was asked for."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A document as its citizen sees it in a list."""

    row: IssuedDocument
    name: str
    media_type: str
    title: Text

    @property
    def demand(self) -> Demand:
        return demand_of(self.row)


class Keepers(Protocol):
    """What other rooms know of how long a person's documents are kept; `api/house.py` hands it in."""

    async def held(self, session: AsyncSession) -> Collection[UUID | None]:
        """Whose documents a legal hold keeps now; None stands for everybody's."""
        ...

    async def has_left(self, session: AsyncSession, person: UUID, since: datetime) -> bool:
        """Whether what there was of the person was erased since then, or is being erased."""
        ...


class Printer(Protocol):
    """What the room that receives does for a :class:`Paper`; `api/receiving.py` hands it in."""

    async def __call__(self, plugin: Plugin, template: str, paper: Paper) -> bytes:
        """The PDF, signed for the agency. `template` is typst. Raises ServiceUnavailable."""
        ...


class DocumentDesk:
    """`plugins` are those in force; `service_id` is what the catalogue of services calls `service:<slug>`."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        gate: Gate,
        runner: Runner,
        plugins: Callable[[], Sequence[Plugin]],
        service_id: Callable[[str], UUID],
        issuer: str,
    ) -> None:
        self._db, self._clock, self._keys, self._subjects = db, clock, keys, SubjectKeys(keys)
        self._gate, self._runner, self._plugins = gate, runner, plugins
        self._service_id, self._issuer = service_id, issuer
        self._people = PeopleRegister(keys, clock)
        self.keepers: Keepers | None = None
        """Set when that room stands."""
        self.printer: Printer | None = None
        """As that."""
        self.kept: Callable[[AsyncSession, UUID, UUID, bytes], Awaitable[None]] | None = None
        """As that: told, in the transaction, of a person's new document and the SHA-256 of what it says."""

    def find(self, service: UUID, operation: str) -> Plugin:
        """The plugin of a service that issues documents to citizens by that operation.

        Raises :class:`NotIssuedHere`, and what a service that is not open raises.
        """
        for plugin in self._plugins():
            manifest = plugin.manifest
            if self._service_id(f"service:{manifest.slug}") != service:
                continue
            spec = manifest.operations.get(operation)
            if spec is None or spec.kind is not OperationKind.ISSUE or spec.access is not Access.CITIZEN:
                raise NotIssuedHere(path=("operation",))
            if any(credential.operation == operation for credential in manifest.credentials.values()):
                raise NotIssuedHere(path=("operation",))  # it is for a wallet: `offerCredential`
            must_be_open(plugin.standing, manifest.title.text)
            return plugin
        raise NotIssuedHere(path=("service",))

    async def ask(self, wish: Wish, viewer: Viewer, asker: Asker, purpose: Purpose) -> Document:
        """The document, from the agency. To be called in no transaction.

        Raises :class:`TooManyDocuments`, :class:`IdempotencyConflict` where the key was used for something else, though
        nothing came of that, :class:`NotFound` for who has left since they asked, and what the gate and the runner
        raise.
        """
        async with self._db.read() as session:
            if await repository.count(session, viewer.person, self._clock.now()) >= DOCUMENTS_MAX:
                raise TooManyDocuments(most=DOCUMENTS_MAX)
        told = await self.told(wish, viewer, asker, purpose)
        if not isinstance(told, Document):
            raise SourceSilent(wish.plugin.manifest.agency.title.text, Trouble.MALFORMED)
        return told

    async def told(self, wish: Wish, viewer: Viewer, asker: Asker, purpose: Purpose) -> Any:
        """What the operation of kind `issue` answers, whichever of its answers that is. To be called in no transaction.

        Raises as :meth:`ask`, but for the count.
        """
        await self._claim(wish, viewer)
        plugin, operation = wish.plugin, wish.operation
        agency = plugin.manifest.agency.slug
        key = self._call_key(wish, viewer)

        async def read(person: NationalId) -> Any:
            told = await self._runner.run(
                plugin, operation, asker=AGENT, person=person, arguments=wish.arguments, key=key, viewer=viewer
            )
            if isinstance(told, Paper):
                told = await self._printed(plugin, told)
            if isinstance(told, Document) and not is_what_it_says(told.media_type, told.content):
                raise SourceSilent(plugin.manifest.agency.title.text, Trouble.MALFORMED)
            async with self._db.read() as session:
                if await self._has_left(session, viewer.person, wish.at):
                    raise SubjectGone
            return told

        return await self._gate.look(viewer.person, f"{agency}:{operation}", agency, read, asker=asker, purpose=purpose)

    async def keep(self, session: AsyncSession, person: UUID, wish: Wish, document: Document) -> Kept:
        """Writes what came. `session` is that of the mutation's transaction.

        Raises :class:`NotFound` for who was erased while the agency was asked: nothing new is kept of them.
        """
        await self.must_be_there(session, person, wish)
        now, id_ = self._clock.now(), new_id()
        title = document.title.text
        about = {
            "name": safe_name(document.name),
            "media_type": document.media_type,
            "title": {"th": title.th, "en": title.en},
        }
        data_key = await self._subjects.for_sealing(session, person)
        row = IssuedDocument(
            person=person,
            id=id_,
            plugin=wish.plugin.slug,
            operation=wish.operation,
            assurance=wish.plugin.manifest.assurance.value,
            about_sealed=data_key.seal(orjson.dumps(about), bound_to=bound_to(IssuedDocument.about_sealed, id_)),
            size=len(document.content),
            issued_at=now,
            expires_at=now + KEPT,
        )
        sealed = data_key.seal(document.content, bound_to=bound_to(IssuedContent.content_sealed, id_))
        session.add(row)
        await session.flush()
        session.add(IssuedContent(person=person, id=id_, content_sealed=sealed))
        if self.kept is not None:
            await self.kept(session, person, id_, hashlib.sha256(document.content).digest())
        return _opened(row, data_key)

    async def own(self, person: UUID, document: UUID) -> Kept | None:
        """The person's; foreign, unknown and expired are alike."""
        async with self._db.read() as session:
            row = await repository.own(session, person, document, self._clock.now())
            key = None if row is None else await self._subjects.find(session, person)
        return None if row is None or key is None else _opened(row, key)

    async def page(self, person: UUID, limit: int, before: UUID | None) -> list[Kept]:
        """Newest first."""
        async with self._db.read() as session:
            rows = await repository.page(session, person, limit, before, self._clock.now())
            key = await self._subjects.find(session, person) if rows else None
        return [] if key is None else [_opened(row, key) for row in rows]

    async def download(self, viewer: Viewer, document: UUID) -> tuple[str, bytes]:
        """The name and the content. Raises NotFound, and StepUpRequired as the service demanded."""
        now = self._clock.now()
        kept = await self.own(viewer.person, document)
        if kept is None:
            raise NotFound
        if not kept.demand.met_by(viewer.acr, viewer.authenticated_at, now):
            raise StepUpRequired(kept.demand)
        async with self._db.read() as session:
            sealed = await repository.content(session, viewer.person, document)
            key = await self._subjects.find(session, viewer.person)
        if sealed is None or key is None:  # erased just now
            raise NotFound
        return kept.name, key.open(sealed, bound_to=bound_to(IssuedContent.content_sealed, document))

    async def expire(self) -> None:
        """The job: what is over is gone, but for what a legal hold keeps; its citizen sees that no more either."""
        async with self._db.write() as session:
            now = self._clock.now()
            held = await self.keepers.held(session) if self.keepers is not None else ()
            await repository.delete_expired(session, now, held)
            await repository.forget_wishes(session, now - WISH_KEPT)

    def url_of(self, document: UUID) -> str:
        return f"{self._issuer}{PATH}/{document.hex}"

    async def _claim(self, wish: Wish, viewer: Viewer) -> None:
        whose = [viewer.person.hex, viewer.client, _acting(viewer), wish.key]
        what = [wish.plugin.slug, wish.operation, wish.arguments]
        key = self._keys.blind_index(orjson.dumps(whose).decode(), domain="issue.claim")
        written = orjson.dumps(what, option=orjson.OPT_SORT_KEYS).decode()
        digest = self._keys.blind_index(written, domain="issue.wish")
        async with self._db.write() as session:
            await self.must_be_there(session, viewer.person, wish)
            claimed = await repository.claim(session, viewer.person, key, digest, wish.at)
        if claimed != digest:
            raise IdempotencyConflict(path=("idempotencyKey",))

    async def must_be_there(self, session: AsyncSession, person: UUID, wish: Wish) -> None:
        """Nor do they leave before `session`, a write session, ends. Raises :class:`NotFound`."""
        if not await self._people.keep_there(session, person) or await self._has_left(session, person, wish.at):
            raise NotFound

    async def _has_left(self, session: AsyncSession, person: UUID, since: datetime) -> bool:
        if not await self._people.there(session, [person]):
            return True
        return self.keepers is not None and await self.keepers.has_left(session, person, since)

    async def _printed(self, plugin: Plugin, paper: Paper) -> Document:
        """Raises ServiceUnavailable, also for a template that the plugin's folder does not hold."""
        template = plugin.templates.get(paper.template)
        if template is None or self.printer is None:
            raise SourceSilent(plugin.manifest.agency.title.text, Trouble.MALFORMED)
        content = await self.printer(plugin, template, paper)
        if len(content) > DOCUMENT_BYTES_MAX:
            raise SourceSilent(plugin.manifest.agency.title.text, Trouble.MALFORMED)
        return Document(name=paper.name, media_type="application/pdf", title=paper.title, content=content)

    def _call_key(self, wish: Wish, viewer: Viewer) -> str:
        """The same for every repeat of one request; from it nobody learns who asked, nor compares with another."""
        parts = [wish.plugin.slug, wish.operation, viewer.person.hex, viewer.client, _acting(viewer), wish.key]
        return self._keys.blind_index(orjson.dumps(parts).decode(), domain="issue.key").hex()


def _acting(viewer: Viewer) -> str | None:
    return None if viewer.acting is None else viewer.acting.person.hex


def demand_of(of: Manifest | IssuedDocument) -> Demand:
    """What a service asks of whoever looks at a citizen's records in it; of its documents too."""
    level = of.assurance if isinstance(of, IssuedDocument) else of.assurance.value
    return Demand(Assurance(Ial(level), Aal.AAL_1))


def _opened(row: IssuedDocument, key: DataKey) -> Kept:
    about = orjson.loads(key.open(row.about_sealed, bound_to=bound_to(IssuedDocument.about_sealed, row.id)))
    return Kept(row, about["name"], about["media_type"], Text(**about["title"]))
