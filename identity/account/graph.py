"""The account in the graph: sessions, apps, passkeys and contact data, the citizen's alone. No delegation opens it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry

from core.errors import SitthiError
from core.graph import Delegate, Info, Problem, global_id, localized, mutation, rights, work_of
from core.ids import GlobalId, MalformedGlobalId
from core.text import Text
from identity.contacts.service import ContactKind, Contacts, Reached
from identity.passkeys import models as passkey_models
from identity.passkeys.repository import PasskeyRows
from identity.passkeys.service import Passkeys
from identity.provider import models
from identity.provider.devices import shown
from identity.sessions.alerts import METHODS
from identity.sessions.repository import WhereSignedIn, by_session
from identity.sessions.service import SignIns

strawberry.enum(ContactKind, description="Ways to reach a person.")


@strawberry.type(description="A program that holds tokens of the citizen.")
class ConnectedApp:
    id: strawberry.ID
    client: str
    since: datetime
    scopes: list[str]
    name_text: strawberry.Private[Text]

    @classmethod
    def of(cls, family: models.TokenFamily, client: models.Client) -> ConnectedApp:
        return cls(
            id=global_id("ConnectedApp", family.id),
            client=client.id,
            since=family.created_at,
            scopes=family.scope.split(),
            name_text=Text(th=client.name_th, en=client.name_en),
        )

    @strawberry.field
    def name(self, info: Info) -> str:
        return localized(info, self.name_text)


@strawberry.type(description="A browser in which the citizen is signed in.")
class SignInSession:
    id: strawberry.ID
    signed_in_at: datetime
    last_used_at: datetime = strawberry.field(description="To within minutes.")
    expires_at: datetime
    ended_at: datetime | None
    is_current: bool = strawberry.field(description="Whether the token that asks came from it.")
    apps: list[ConnectedApp]
    device_text: strawberry.Private[Text]
    method_text: strawberry.Private[Text]

    @classmethod
    def of(
        cls, row: models.SignInSession, current: UUID | None, apps: Sequence[tuple[models.TokenFamily, models.Client]]
    ) -> SignInSession:
        return cls(
            id=global_id("SignInSession", row.id),
            signed_in_at=row.signed_in_at,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
            ended_at=row.ended_at,
            is_current=row.id == current,
            apps=[ConnectedApp.of(*app) for app in apps],
            device_text=shown(row.device),
            method_text=METHODS[row.method],
        )

    @strawberry.field
    def device(self, info: Info) -> str:
        """Its browser and system, as `Chrome · Android`."""
        return localized(info, self.device_text)

    @strawberry.field
    def method(self, info: Info) -> str:
        """How the citizen came in."""
        return localized(info, self.method_text).strip()


@strawberry.type(description="A passkey of the citizen's.")
class Passkey:
    id: strawberry.ID
    label: str
    synced: bool = strawberry.field(description="Whether it may be on more than one device.")
    created_at: datetime
    last_used_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, row: passkey_models.Passkey) -> Passkey:
        return cls(
            id=global_id("Passkey", row.id),
            label=row.label,
            synced=row.synced,
            created_at=row.created_at,
            last_used_at=row.last_used_at,
            ended_at=row.ended_at,
        )


@strawberry.type(description="How the citizen can be reached.")
class Contact:
    kind: ContactKind
    value: str | None = strawberry.field(description="E.164, or an email address; null once it is removed.")
    updated_at: datetime | None

    @classmethod
    def of(cls, found: Reached) -> Contact:
        return cls(kind=found.kind, value=found.value, updated_at=found.updated_at)


@strawberry.type(
    description="What the citizen keeps safe: where they are signed in, by what, and how they are reached."
)
class Account:
    person: strawberry.Private[UUID]

    @strawberry.field
    async def sessions(self, info: Info) -> list[SignInSession] | None:
        """The latest used first."""
        now, current = info.context.clock.now(), None
        async with info.context.db.read() as session:
            places = WhereSignedIn(session, self.person)
            rows, apps = await places.sessions(now), by_session(await places.apps(now))
            viewer = info.context.signed_in()
            if viewer.family is not None:
                current = await places.session_of_family(viewer.family)
        return [SignInSession.of(row, current, apps.get(row.id, ())) for row in rows]

    @strawberry.field
    async def apps(self, info: Info) -> list[ConnectedApp] | None:
        """Programs that hold tokens of the citizen, the latest first."""
        async with info.context.db.read() as session:
            found = await WhereSignedIn(session, self.person).apps(info.context.clock.now())
        return [ConnectedApp.of(*app) for app in found]

    @strawberry.field
    async def passkeys(self, info: Info) -> list[Passkey] | None:
        """Those that work, the eldest first."""
        async with info.context.db.read() as session:
            return [Passkey.of(row) for row in await PasskeyRows(session).of(self.person)]

    @strawberry.field
    async def contacts(self, info: Info) -> list[Contact] | None:
        async with info.context.db.read() as session:
            return [Contact.of(one) for one in await info.context.room(Contacts).of(session, self.person)]


@strawberry.type
class AccountOfCitizen:
    """What this room adds to `Citizen`."""

    person: strawberry.Private[UUID]

    @strawberry.field(metadata=rights(Delegate.NOTHING))  # type: ignore[untyped-decorator]
    def account(self) -> Account | None:
        return Account(person=self.person)


@strawberry.input
class EndSessionInput:
    session: strawberry.ID
    idempotency_key: str


@strawberry.input
class EndAllSessionsInput:
    idempotency_key: str
    but_this: bool = strawberry.field(default=False, description="Spare the session that the token asking came from.")


@strawberry.input
class RenamePasskeyInput:
    passkey: strawberry.ID
    label: str = strawberry.field(description="1 to 60 characters.")
    idempotency_key: str


@strawberry.input
class RemovePasskeyInput:
    passkey: strawberry.ID
    idempotency_key: str


@strawberry.input
class SetContactInput:
    kind: ContactKind
    value: str = strawberry.field(description="A mobile number as people write it or E.164, or an email address.")
    idempotency_key: str


@strawberry.input
class RemoveContactInput:
    kind: ContactKind
    idempotency_key: str


@strawberry.type
class EndSessionPayload:
    session: SignInSession | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        [ended] = await _sessions(info, [UUID(hex=kept["session"])])
        return cls(session=ended)


@strawberry.type
class EndAllSessionsPayload:
    sessions: list[SignInSession] | None = strawberry.field(default=None, description="Those that it ended.")
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(sessions=await _sessions(info, [UUID(hex=one) for one in kept["sessions"]]))


@strawberry.type
class RenamePasskeyPayload:
    passkey: Passkey | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(passkey=await _passkey(info, UUID(hex=kept["passkey"])))


@strawberry.type
class RemovePasskeyPayload:
    passkey: Passkey | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        return cls(passkey=await _passkey(info, UUID(hex=kept["passkey"])))


@strawberry.type
class SetContactPayload:
    contact: Contact | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, info: Info, kept: dict[str, Any]) -> Self:
        """As it stands now: what it was set to is not kept twice."""
        kind = ContactKind(kept["kind"])
        async with info.context.db.read() as session:
            found = await info.context.room(Contacts).reveal(session, info.context.signed_in().person, kind)
        return cls(contact=_none_of(kind) if found is None else Contact.of(found))


@strawberry.type
class RemoveContactPayload:
    contact: Contact | None = None
    problems: list[Problem] = strawberry.field(default_factory=list)

    @classmethod
    async def replay(cls, _info: Info, kept: dict[str, Any]) -> Self:
        return cls(contact=_none_of(ContactKind(kept["kind"])))


@strawberry.type
class AccountMutation:
    @mutation(
        EndSessionPayload,
        delegate=Delegate.NOTHING,
        description="Signs one device out, with the apps that were signed in on it.",
    )
    async def end_session(self, info: Info, input: EndSessionInput) -> EndSessionPayload:
        key, work = _key(input.session, "SignInSession", "session"), work_of(info)
        async with work.transaction() as session:
            ended = await info.context.room(SignIns).end(session, work.viewer.person, key)
            work.keep(session=ended.id.hex)
        return await EndSessionPayload.replay(info, {"session": ended.id.hex})

    @mutation(
        EndAllSessionsPayload,
        delegate=Delegate.NOTHING,
        description="Signs every device out, with every app; or every other.",
    )
    async def end_all_sessions(self, info: Info, input: EndAllSessionsInput) -> EndAllSessionsPayload:
        work = work_of(info)
        async with work.transaction() as session:
            spared = None
            if input.but_this and work.viewer.family is not None:
                spared = await WhereSignedIn(session, work.viewer.person).session_of_family(work.viewer.family)
            ended = await info.context.room(SignIns).end_all(session, work.viewer.person, but=spared)
            kept = sorted(one.hex for one in ended)
            work.keep(sessions=kept)
        return await EndAllSessionsPayload.replay(info, {"sessions": kept})

    @mutation(RenamePasskeyPayload, delegate=Delegate.NOTHING, description="Gives a passkey another name.")
    async def rename_passkey(self, info: Info, input: RenamePasskeyInput) -> RenamePasskeyPayload:
        key, work = _key(input.passkey, "Passkey", "passkey"), work_of(info)
        async with work.transaction() as session:
            row = await info.context.room(Passkeys).rename(session, work.viewer.person, key, input.label)
            work.keep(passkey=row.id.hex)
        return RenamePasskeyPayload(passkey=Passkey.of(row))

    @mutation(
        RemovePasskeyPayload, delegate=Delegate.NOTHING, description="A passkey that is removed signs in no more."
    )
    async def remove_passkey(self, info: Info, input: RemovePasskeyInput) -> RemovePasskeyPayload:
        key, work = _key(input.passkey, "Passkey", "passkey"), work_of(info)
        async with work.transaction() as session:
            row = await info.context.room(Passkeys).remove(session, work.viewer.person, key)
            work.keep(passkey=row.id.hex)
        return await RemovePasskeyPayload.replay(info, {"passkey": row.id.hex})

    @mutation(SetContactPayload, delegate=Delegate.NOTHING, keyed=True, description="Saves how the citizen is reached.")
    async def set_contact(self, info: Info, input: SetContactInput) -> SetContactPayload:
        work = work_of(info)
        async with work.transaction() as session:
            saved = await info.context.room(Contacts).set(session, work.viewer.person, input.kind, input.value)
            work.keep(kind=saved.kind.value)
        return SetContactPayload(contact=Contact.of(saved))

    @mutation(RemoveContactPayload, delegate=Delegate.NOTHING, description="Forgets how the citizen was reached.")
    async def remove_contact(self, info: Info, input: RemoveContactInput) -> RemoveContactPayload:
        work = work_of(info)
        async with work.transaction() as session:
            await info.context.room(Contacts).remove(session, work.viewer.person, input.kind)
            work.keep(kind=input.kind.value)
        return RemoveContactPayload(contact=_none_of(input.kind))


async def _sessions(info: Info, keys: Sequence[UUID]) -> list[SignInSession]:
    person = info.context.signed_in().person
    async with info.context.db.read() as session:
        rows = {row.id: row for row in await WhereSignedIn(session, person).own(keys)}
    return [SignInSession.of(rows[key], None, ()) for key in keys if key in rows]


async def _passkey(info: Info, key: UUID) -> Passkey | None:
    async with info.context.db.read() as session:
        row = await PasskeyRows(session).own(info.context.signed_in().person, key)
    return None if row is None else Passkey.of(row)


def _none_of(kind: ContactKind) -> Contact:
    return Contact(kind=kind, value=None, updated_at=None)


def _key(given: strawberry.ID, kind: str, path: str) -> UUID:
    try:
        return GlobalId.parse(str(given), expected=kind).id
    except SitthiError:
        raise MalformedGlobalId(path=(path,)) from None
