"""Queries of credentials. Each that reads a citizen's rows takes the citizen first; wallets bring secrets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.receive.credentials.models import (
    CredentialOffer,
    CredentialStatus,
    ReadyCredential,
    StatusList,
    WalletCredential,
)
from services.receive.credentials.status import Status

Listed: TypeAlias = WalletCredential | ReadyCredential
"""What has a place in a status list."""


async def waiting(session: AsyncSession, person: UUID, now: datetime) -> int:
    """How many offers of the person a wallet can still fetch."""
    query = select(func.count()).where(col(CredentialOffer.person) == person, col(CredentialOffer.expires_at) > now)
    return int(await session.scalar(query) or 0)


async def own_offer(session: AsyncSession, person: UUID, offer: UUID) -> CredentialOffer | None:
    return await session.get(CredentialOffer, (person, offer))


async def offer_by(session: AsyncSession, column: Any, value: bytes, *, lock: bool = False) -> CredentialOffer | None:
    """For a wallet, by the keyed hash of a secret that it brings. Locked until the transaction ends, if asked."""
    query = select(CredentialOffer).where(column == value)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).first()


async def own(session: AsyncSession, person: UUID, credential: UUID) -> WalletCredential | None:
    return await session.get(WalletCredential, (person, credential))


async def of_offer(session: AsyncSession, person: UUID, offer: UUID) -> Sequence[WalletCredential]:
    query = select(WalletCredential).where(col(WalletCredential.person) == person, col(WalletCredential.offer) == offer)
    return (await session.scalars(query.order_by(col(WalletCredential.id)))).all()


async def page(session: AsyncSession, person: UUID, limit: int, before: UUID | None) -> Sequence[WalletCredential]:
    """The person's credentials, the newest first, older than `before`."""
    query = select(WalletCredential).where(col(WalletCredential.person) == person)
    if before is not None:
        query = query.where(col(WalletCredential.id) < before)
    return (await session.scalars(query.order_by(col(WalletCredential.id).desc()).limit(limit))).all()


async def statuses_of(session: AsyncSession, rows: Collection[Listed]) -> dict[UUID, Status]:
    """Of credentials that one person has; those that are not here are valid."""
    found: dict[UUID, Status] = {}
    for row in rows:
        told = await session.get(CredentialStatus, (row.agency, row.list, row.place))
        if told is not None:
            found[row.id] = Status(told.status)
    return found


async def give_places(session: AsyncSession, agency: str, number: int, wanted: int) -> tuple[StatusList, int] | None:
    """The list, if it has so many places left, and the first of them that were given: they are the caller's alone, if
    the transaction ends well. None where there is no such list, or too little left of it."""
    taking = (
        update(StatusList)
        .where(
            col(StatusList.agency) == agency,
            col(StatusList.number) == number,
            col(StatusList.given) + wanted <= col(StatusList.places),
        )
        .values(given=col(StatusList.given) + wanted)
        .returning(StatusList)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    found = (await session.scalars(taking)).first()
    return None if found is None else (found, found.given - wanted)


async def make_list(session: AsyncSession, row: dict[str, Any]) -> None:
    """Of two at once, one makes it."""
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    await session.execute(dialect.insert(StatusList).values(**row).on_conflict_do_nothing())


async def last_list(session: AsyncSession, agency: str) -> int:
    """The number of the agency's newest list; 0 where it has none."""
    return int(await session.scalar(select(func.max(StatusList.number)).where(col(StatusList.agency) == agency)) or 0)


async def not_valid(session: AsyncSession, agency: str, number: int) -> dict[int, int]:
    query = select(col(CredentialStatus.place), col(CredentialStatus.status)).where(
        col(CredentialStatus.agency) == agency, col(CredentialStatus.list) == number
    )
    return dict(list((await session.execute(query)).tuples()))


async def status_at(session: AsyncSession, agency: str, number: int, place: int) -> Status:
    found = await session.get(CredentialStatus, (agency, number, place))
    return Status.VALID if found is None else Status(found.status)


async def set_status(session: AsyncSession, row: Listed, status: Status, now: datetime) -> None:
    """What was taken back for good stays so."""
    key = {"agency": row.agency, "list": row.list, "place": row.place}
    if status is Status.VALID:
        await session.execute(
            delete(CredentialStatus).filter_by(**key).where(col(CredentialStatus.status) != Status.INVALID)
        )
        return
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    insert = dialect.insert(CredentialStatus).values(**key, status=int(status), at=now)
    await session.execute(
        insert.on_conflict_do_update(
            index_elements=list(key),
            set_={"status": int(status), "at": now},
            where=col(CredentialStatus.status) != int(Status.INVALID),
        )
    )


async def forget(session: AsyncSession, before: datetime, held: Collection[UUID | None]) -> None:
    """Offers and credentials that ended before. Of whom a hold keeps them (None: of all), none goes."""
    if None in held:
        return
    named = [one for one in held if one is not None]
    for model in (CredentialOffer, WalletCredential):
        over = [col(model.expires_at) <= before]
        if named:
            over.append(col(model.person).not_in(named))
        await session.execute(delete(model).where(*over))
