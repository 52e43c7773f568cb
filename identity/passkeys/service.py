"""The passkeys of people: adding, using, renaming and removing them (docs/adr/0014). The edge commits."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from core.assurance import Aal, Assurance
from core.clock import Clock
from core.crypto import KeyRing
from core.errors import BadInput, NotFound
from core.ids import new_id
from core.sealed import bound_to
from core.text import Text
from identity.inbox import Inbox
from identity.inbox.service import holds_national_id
from identity.passkeys import alerts
from identity.passkeys.challenge import CHALLENGE_SECONDS
from identity.passkeys.errors import (
    FreshSignInNeeded,
    PasskeyEnrolledAlready,
    PasskeyNotKnown,
    PasskeyNotVerified,
    TooManyPasskeys,
)
from identity.passkeys.models import Passkey
from identity.passkeys.relying_party import Asserted, Enrolled
from identity.passkeys.repository import PasskeyRows
from identity.people.models import Person
from identity.provider.endings import Endings, EndReason
from identity.provider.models import SignInSession
from identity.provider.sessions import SESSION_SECONDS, SessionNames
from identity.provider.subjects import Subjects

PASSKEYS_MAX: Final = 20
LABEL_LENGTH_MAX: Final = 60
FRESH: Final = timedelta(minutes=15)
IDENTIFYING: Final = ("thaid", "counter")
"""Ways in by which somebody else vouches for who the person is."""
AAL: Final = Aal.AAL_2_2
AAL_YOUNG: Final = Aal.AAL_2_1
STRONG_AFTER: Final[dict[str, timedelta]] = {"thaid": timedelta(0), "counter": timedelta(days=3)}
"""By the way in that it was added after. At a counter one officer vouches: were it the wrong person, the right one has
these days to read of it before their money can be sent elsewhere."""
_USER_HANDLE: Final = "passkey user handle"
"""No client has such an id: the handle is a name for the person that nobody else knows them by."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Somebody proved who they are by this passkey."""

    passkey: Passkey
    assurance: Assurance
    amr: tuple[str, ...]
    """RFC 8176: a key on one device, or synced software, the person present and verified."""


class Passkeys:
    def __init__(self, keys: KeyRing, clock: Clock, subjects: Subjects, inbox: Inbox) -> None:
        self._keys, self._clock, self._subjects, self._inbox = keys, clock, subjects, inbox
        self._endings = Endings(clock)
        self._names = SessionNames(keys)

    def user_handle(self, person: UUID) -> bytes:
        """What an authenticator keeps of the person (WebAuthn §5.4.3): opaque, and the same for all their passkeys."""
        return self._subjects.of(person, _USER_HANDLE).encode()

    def name_of(self, passkey: Passkey) -> Text:
        return Text(**json.loads(self._keys.open(passkey.name_sealed, bound_to=_name_bound(passkey.id))))

    def is_fresh(self, who: SignInSession, within: timedelta = FRESH) -> bool:
        """Whether somebody vouched for the person in this session, and they proved themselves in it just now.

        Never on a counter's kiosk, whose sessions are short: what unlocks its authenticator, others know too.
        """
        is_own_device = who.expires_at - who.signed_in_at >= timedelta(seconds=SESSION_SECONDS)
        return is_own_device and who.method in IDENTIFYING and self._clock.now() - who.authenticated_at <= within

    async def enrol(self, session: AsyncSession, who: SignInSession, enrolled: Enrolled, label: str) -> Passkey:
        """Adds it. Raises :class:`FreshSignInNeeded`, :class:`TooManyPasskeys`, :class:`PasskeyEnrolledAlready`,
        :class:`BadInput` for a label that is none."""
        if not self.is_fresh(who, FRESH + timedelta(seconds=CHALLENGE_SECONDS)):  # it was, when the ceremony began
            raise FreshSignInNeeded
        label = clean_label(label)
        await session.execute(select(col(Person.id)).where(col(Person.id) == who.person).with_for_update())
        live = select(func.count()).where(col(Passkey.person) == who.person, col(Passkey.ended_at).is_(None))
        if (await session.scalar(live) or 0) >= PASSKEYS_MAX:
            raise TooManyPasskeys(most=PASSKEYS_MAX)
        key, name = new_id(), self._names.open(who.name_sealed, who.id)
        plain = json.dumps({"th": name.th, "en": name.en}, ensure_ascii=False).encode()
        row = Passkey(
            person=who.person,
            id=key,
            credential_id=enrolled.credential_id,
            public_key=enrolled.public_key,
            sign_count=enrolled.sign_count,
            label=label,
            ial=Assurance.of(who.acr).ial.value,
            name_sealed=self._keys.seal(plain, bound_to=_name_bound(key)),
            transports=enrolled.transports,
            synced=enrolled.synced,
            created_at=self._clock.now(),
            strong_at=self._clock.now() + STRONG_AFTER[who.method],
        )
        dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        insert = dialect.insert(Passkey).values(**row.model_dump())
        added = await session.execute(insert.on_conflict_do_nothing().returning(col(Passkey.id)))
        if added.first() is None:
            raise PasskeyEnrolledAlready
        await self._inbox.send(session, who.person, alerts.ADDED, label=label)
        return row

    def check_handle(self, found: Passkey, asserted: Asserted, *, required: bool) -> None:
        """The authenticator must mean the same person (WebAuthn §7.2 step 6); where we know who it is, it need not say.

        Raises :class:`PasskeyNotVerified`.
        """
        is_told = asserted.user_handle is not None
        if (required or is_told) and asserted.user_handle != self.user_handle(found.person):
            raise PasskeyNotVerified

    async def used(self, session: AsyncSession, found: Passkey, asserted: Asserted) -> Proof | None:
        """Notes the use of a verified credential. None for a clone: it is ended, which is to be committed.

        Raises :class:`PasskeyNotKnown` when it was ended meanwhile.
        """
        row = await PasskeyRows(session).by_credential(found.credential_id, lock=True)
        if row is None:
            raise PasskeyNotKnown
        if max(asserted.sign_count, row.sign_count) > 0 and asserted.sign_count <= row.sign_count:
            await self._end(session, row, "CLONED")
            await self._inbox.send(session, row.person, alerts.CLONED, label=row.label)
            return None
        row.sign_count, row.synced, row.last_used_at = asserted.sign_count, asserted.synced, self._clock.now()
        await session.flush()
        return Proof(row, assurance_of(row, self._clock.now()), ("swk" if row.synced else "hwk", "user", "mfa"))

    async def rename(self, session: AsyncSession, person: UUID, key: UUID, label: str) -> Passkey:
        """Raises :class:`NotFound` and :class:`BadInput`."""
        row = await self._live(session, person, key)
        row.label = clean_label(label)
        await session.flush()
        return row

    async def remove(self, session: AsyncSession, person: UUID, key: UUID) -> Passkey:
        """Raises :class:`NotFound`: unknown, another's or ended before."""
        row = await self._live(session, person, key)
        if not await self._end(session, row, "REMOVED"):
            raise NotFound
        await self._inbox.send(session, person, alerts.REMOVED, label=row.label)
        return row

    async def _live(self, session: AsyncSession, person: UUID, key: UUID) -> Passkey:
        row = await PasskeyRows(session).own(person, key)
        if row is None or row.ended_at is not None:
            raise NotFound
        return row

    async def _end(self, session: AsyncSession, row: Passkey, reason: str) -> bool:
        """With it end the sessions that it began. Whether it was this transaction that ended it."""
        ended = await session.execute(
            update(Passkey)
            .where(col(Passkey.person) == row.person, col(Passkey.id) == row.id, col(Passkey.ended_at).is_(None))
            .values(ended_at=self._clock.now(), end_reason=reason)
            .returning(col(Passkey.id))
        )
        if ended.first() is None:
            return False
        begun = select(col(SignInSession.id)).where(
            col(SignInSession.person) == row.person,
            col(SignInSession.passkey) == row.id,
            col(SignInSession.ended_at).is_(None),
        )
        for key in (await session.scalars(begun)).all():
            await self._endings.end_session(session, row.person, key, EndReason.SESSION_ENDED)
        return True


def assurance_of(passkey: Passkey, now: datetime) -> Assurance:
    """What a sign-in by it is worth now."""
    return Assurance(Assurance.of(f"ial{passkey.ial}").ial, AAL if now >= passkey.strong_at else AAL_YOUNG)


def aal_when_added(method: str) -> Aal:
    """What a passkey is worth at once that is added in a session that began in this way."""
    return AAL if STRONG_AFTER[method] == timedelta(0) else AAL_YOUNG


def clean_label(given: object) -> str:
    """The citizen's own words, trimmed. Raises :class:`BadInput` when they are none, too long, or not to be shown."""
    words = given if isinstance(given, str) and len(given) <= 4 * LABEL_LENGTH_MAX else ""
    label = unicodedata.normalize("NFC", words.strip())
    # Formatting characters could make a label read as another (UTR 36); joiners are formatting, and Thai needs none.
    is_plain = all(unicodedata.category(one)[0] != "C" for one in label) and not holds_national_id(label)
    if not 0 < len(label) <= LABEL_LENGTH_MAX or not is_plain:
        raise BadInput(
            Text(
                th=f"ชื่อต้องยาว 1–{LABEL_LENGTH_MAX} ตัวอักษร และไม่มีเลขประจำตัวประชาชน",
                en=f"a name has 1 to {LABEL_LENGTH_MAX} printable characters and no national ID",
            ),
            path=("label",),
        )
    return label


def _name_bound(key: UUID) -> str:
    return bound_to(Passkey.name_sealed, key)
