"""Documents that cost something: ordered, paid through the room of fees, and made once, whether or not their citizen is
still there.

The order is a row that carries its state. The transaction that books the payment makes it PAID; a job asks the agency
for each that is, under a key that follows from the order, so that whoever asks again after a crash makes the same call;
and writes the document and MADE in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import orjson
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from core.assurance import Assurance
from core.clock import Clock
from core.crypto import KeyRing
from core.database import Database
from core.envelope import SubjectKeys
from core.errors import NotFound, SitthiError
from core.ids import new_id
from core.sealed import bound_to
from core.text import Text
from core.viewer import NotDelegated, Viewer
from identity.inbox import MessageTemplate
from services.exchange.errors import SubjectGone
from services.exchange.facts import OWN_VIEW, YOU, Asker, AskerKind, Assured
from services.plugins.contract import Document, IssueFee
from services.plugins.documents import messages, order_rows, repository
from services.plugins.documents.errors import TooManyDocuments, TooManyOrders
from services.plugins.documents.models import DocumentOrder
from services.plugins.documents.service import DOCUMENTS_MAX, DocumentDesk, Wish
from services.plugins.documents.states import OrderStatus
from services.plugins.plugin import Plugin
from services.plugins.runner.errors import AgencyDeclined

PAYABLE_FOR: Final = timedelta(days=7)
MADE_WITHIN: Final = timedelta(days=14)
"""After so long in which the agency could not be asked, what was paid goes back."""
ORDERS_MAX: Final = 10
"""Of one citizen that are not paid, or not made yet."""
AT_ONCE: Final = 20
TURN: Final = timedelta(minutes=2)
"""So long whoever makes one has it for themselves: longer than any call lasts."""
LATER_MAX: Final = timedelta(hours=1)
SILENT: Final = "SERVICE_UNAVAILABLE"
NOT_TO_BE_HAD: Final = Text(
    th="หน่วยงานไม่ได้ออกเอกสารภายในเวลาที่กำหนด", en="The agency did not issue the document in time."
)

log = structlog.get_logger(__name__)


class Fees(Protocol):
    """What orders need of the room of fees."""

    async def give_back(self, session: AsyncSession, charge: str, *, tell: bool = True) -> bool:
        """What was paid for it goes back whole, and the citizen is told, where they are there; False where nothing
        was."""
        ...


class Notices(Protocol):
    """The inbox."""

    async def send(self, session: AsyncSession, person: UUID, template: MessageTemplate, **values: Any) -> UUID: ...


@dataclass(frozen=True, slots=True)
class Owed:
    """What an order costs."""

    plugin: Plugin
    title: Text
    satang: int
    until: datetime


class Orders:
    """One per process. `fees` is set when that room stands."""

    def __init__(
        self,
        db: Database,
        clock: Clock,
        keys: KeyRing,
        desk: DocumentDesk,
        plugins: Callable[[], Sequence[Plugin]],
        notices: Notices,
    ) -> None:
        self._db, self._clock, self._subjects = db, clock, SubjectKeys(keys)
        self._desk, self._plugins, self._notices = desk, plugins, notices
        self.fees: Fees | None = None

    async def order(self, session: AsyncSession, viewer: Viewer, wish: Wish, fee: IssueFee) -> DocumentOrder:
        """In the mutation's transaction. Nobody is asked before it ends, and before what it costs is paid.

        Raises :class:`NotDelegated` for whoever acts for the citizen, :class:`TooManyOrders`,
        :class:`TooManyDocuments`, :class:`NotFound` for who has left.
        """
        if viewer.acting is not None:
            raise NotDelegated
        now, person, key = self._clock.now(), viewer.person, new_id()
        await self._desk.must_be_there(session, person, wish)
        if await repository.count(session, person, now) >= DOCUMENTS_MAX:
            raise TooManyDocuments(most=DOCUMENTS_MAX)
        if await order_rows.under_way(session, person) >= ORDERS_MAX:
            raise TooManyOrders(most=ORDERS_MAX)
        data_key = await self._subjects.for_sealing(session, person)
        arguments = data_key.seal(orjson.dumps(wish.arguments), bound_to=bound_to(DocumentOrder.arguments_sealed, key))
        row = DocumentOrder(
            person=person,
            id=key,
            plugin=wish.plugin.slug,
            operation=wish.operation,
            acr=viewer.acr,
            client=viewer.client,
            arguments_sealed=arguments,
            satang=fee.satang,
            status=OrderStatus.OWED.value,
            ordered_at=now,
            due_at=now + PAYABLE_FOR,
        )
        return await self._placed(session, row, fee, now)

    async def owed(self, session: AsyncSession, person: UUID, order: UUID) -> Owed | None:
        """None for nothing, for what is not theirs, and for what is offered no more."""
        row = await order_rows.own(session, person, order)
        if row is None or row.status != OrderStatus.OWED.value or row.due_at <= self._clock.now():
            return None
        plugin = self.plugin(row)
        if plugin is None:
            return None
        return Owed(plugin, plugin.manifest.title_of(row.operation).text, row.satang, row.due_at)

    async def hold(self, session: AsyncSession, person: UUID, order: UUID) -> None:
        await order_rows.own(session, person, order, lock=True)

    async def paid(self, session: AsyncSession, person: UUID, order: UUID) -> bool:
        """In the transaction that books it. False where nothing is owed."""
        row = await order_rows.own(session, person, order, lock=True)
        if row is None or row.status not in (OrderStatus.OWED.value, OrderStatus.EXPIRED.value):
            return False
        now = self._clock.now()
        row.status, row.paid_at, row.due_at = OrderStatus.PAID.value, now, now
        await session.flush()
        return True

    async def make(self) -> int:
        """The job: has those made that are paid. Answers how many were."""
        made = 0
        for person, order in await order_rows.due(self._db, self._clock.now(), AT_ONCE):
            try:
                made += await self._make(person, order)
            except Exception:
                log.exception("document_not_made", order=order.hex)
                await self._broke(person, order)
        return made

    async def expire(self) -> None:
        """The job: those that nobody paid for are over."""
        async with self._db.write() as session:
            held = await self._desk.keepers.held(session) if self._desk.keepers is not None else ()
            await order_rows.expire(session, self._clock.now(), held)

    async def let_go(self, session: AsyncSession, person: UUID, *, tell: bool) -> None:
        """Before orders of theirs are erased: what was paid for one that is not made goes back."""
        for row in await order_rows.paid_for(session, person):
            if self.fees is not None:
                await self.fees.give_back(session, charge_of(row.id), tell=tell)

    async def _placed(self, session: AsyncSession, row: DocumentOrder, fee: IssueFee, now: datetime) -> DocumentOrder:
        """As one of the first, as one more of what was paid for, or owed. Of two at once that could be the last free
        one, one is: the place is unique."""
        free = {**row.model_dump(), "satang": 0, "status": OrderStatus.PAID.value, "due_at": now}
        for place in range(1, fee.first_free + 1):
            if await order_rows.add(session, {**free, "free_place": place}):
                return await self._own(session, row)
        since = now - timedelta(days=fee.again_days)
        if fee.again_days and await order_rows.was_paid(session, row, since):
            await order_rows.add(session, free)
        else:
            await order_rows.add(session, row.model_dump())
        return await self._own(session, row)

    @staticmethod
    async def _own(session: AsyncSession, row: DocumentOrder) -> DocumentOrder:
        found = await order_rows.own(session, row.person, row.id)
        assert found is not None, "it was added just now"
        return found

    async def _make(self, person: UUID, order: UUID) -> bool:
        async with self._db.write() as session:
            row = await order_rows.own(session, person, order, lock=True)
            now = self._clock.now()
            if row is None or row.status != OrderStatus.PAID.value or row.due_at > now:
                return False  # another worker has it
            row.due_at, row.tries = now + TURN, row.tries + 1
            await session.flush()
            key = await self._subjects.find(session, person)
            plugin = self.plugin(row)
            session.expunge(row)
        if key is None:  # they are leaving, and it goes with them
            return False
        if plugin is None:
            return await self._later(row, None)
        title = plugin.manifest.title_of(row.operation).text
        sealed = key.open(row.arguments_sealed, bound_to=bound_to(DocumentOrder.arguments_sealed, row.id))
        wish = Wish(plugin, row.operation, orjson.loads(sealed), f"order:{row.id.hex}", row.ordered_at)
        try:
            document = await self._desk.told(wish, _viewer(row, now), _asker(row), OWN_VIEW)
            if not isinstance(document, Document):
                return await self._close(row, SILENT, title)
        except AgencyDeclined as declined:
            return await self._close(row, str(declined.fields["error"]), title)
        except (NotFound, SubjectGone):
            return False
        except SitthiError:
            return await self._later(row, title)
        return await self._keep(row, wish, document)

    async def _broke(self, person: UUID, order: UUID) -> None:
        """Nobody's money waits for ever for a mistake of ours."""
        try:
            async with self._db.read() as session:
                row = await order_rows.own(session, person, order)
            if row is not None:
                await self._later(row, None)
        except Exception:
            log.exception("document_not_put_off", order=order.hex)

    async def _keep(self, row: DocumentOrder, wish: Wish, document: Document) -> bool:
        async with self._db.write() as session:
            mine = await self._still(session, row)
            if mine is None:
                return False
            kept = await self._desk.keep(session, row.person, wish, document)
            mine.status, mine.document, mine.due_at = OrderStatus.MADE.value, kept.row.id, self._clock.now()
            await session.flush()
            await self._notices.send(session, row.person, messages.MADE, title=kept.title)
        return True

    async def _close(self, row: DocumentOrder, why: str, title: Text | None) -> bool:
        """It is not to be had: what was paid goes back."""
        async with self._db.write() as session:
            mine = await self._still(session, row)
            if mine is None:
                return False
            mine.status, mine.refusal, mine.due_at = OrderStatus.REFUSED.value, why[:60], self._clock.now()
            mine.free_place = None  # it was none of those that are free
            await session.flush()
            paid = False
            if mine.satang and self.fees is not None:
                paid = await self.fees.give_back(session, charge_of(row.id))
            if title is not None:
                template = messages.REFUSED_PAID if paid else messages.REFUSED
                await self._notices.send(session, row.person, template, title=title)
        return False

    async def _later(self, row: DocumentOrder, title: Text | None) -> bool:
        now = self._clock.now()
        if now - (row.paid_at or row.ordered_at) >= MADE_WITHIN:
            return await self._close(row, SILENT, title)
        async with self._db.write() as session:
            mine = await self._still(session, row)
            if mine is not None:
                mine.due_at = now + min(timedelta(seconds=10) * 2 ** min(row.tries, 10), LATER_MAX)
                await session.flush()
        return False

    async def _still(self, session: AsyncSession, row: DocumentOrder) -> DocumentOrder | None:
        """The order, locked, if its turn is still ours."""
        found = await order_rows.own(session, row.person, row.id, lock=True)
        if found is None or found.status != OrderStatus.PAID.value or found.tries != row.tries:
            return None
        return found

    def plugin(self, row: DocumentOrder) -> Plugin | None:
        """Whose it is, suspended or not; None of what is offered no more."""
        for plugin in self._plugins():
            if plugin.slug == row.plugin and row.operation in plugin.manifest.operations:
                return plugin
        return None

    def why(self, row: DocumentOrder) -> Text:
        """In the agency's own words, where it declined."""
        plugin = self.plugin(row)
        words = None if plugin is None else plugin.manifest.errors.get(row.refusal or "")
        return NOT_TO_BE_HAD if words is None else words.text


def charge_of(order: UUID) -> str:
    return f"order:{order.hex}:fee"


def _viewer(row: DocumentOrder, now: datetime) -> Viewer:
    """Who ordered it, as they were then. No token is made for them: an operation with a fee gets none."""
    return Viewer(person=row.person, client=row.client, scopes=frozenset(), acr=row.acr, expires_at=now)


def _asker(row: DocumentOrder) -> Asker:
    assured = Assured(sign_in=Assurance.of(row.acr))
    return Asker(kind=AskerKind.CITIZEN, id=row.person.hex, agency=None, label=YOU, request=row.id, assurance=assured)
