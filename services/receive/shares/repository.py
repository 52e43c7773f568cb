"""Queries of shares. Each that reads a citizen's rows takes the citizen first; who opens one brings its code."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.receive.credentials.models import CredentialStatus
from services.receive.shares.models import Share, ShareOpening


async def own(session: AsyncSession, person: UUID, share: UUID, *, lock: bool = False) -> Share | None:
    """Held until the transaction ends, if `lock`."""
    return await session.get(Share, (person, share), with_for_update=lock or None, populate_existing=True)


async def page(session: AsyncSession, person: UUID, limit: int, before: UUID | None) -> Sequence[Share]:
    """Those that were made, the newest first, older than `before`."""
    query = select(Share).where(col(Share.person) == person, col(Share.code).is_not(None))
    if before is not None:
        query = query.where(col(Share.id) < before)
    return (await session.scalars(query.order_by(col(Share.id).desc()).limit(limit))).all()


async def count(session: AsyncSession, person: UUID, now: datetime, *, prepared: bool) -> int:
    """How many are open, or prepared and not over."""
    chosen = col(Share.code).is_(None) if prepared else col(Share.code).is_not(None)
    stands = [col(Share.person) == person, chosen, col(Share.expires_at) > now, col(Share.revoked_at).is_(None)]
    if not prepared:
        stands.append(col(Share.opened) < col(Share.openings_max))
    return int(await session.scalar(select(func.count()).select_from(Share).where(*stands)) or 0)


async def by_code(session: AsyncSession, code: bytes, now: datetime) -> Share | None:
    """One that is open."""
    return (await session.scalars(select(Share).where(*_open(code, now)))).first()


async def take_opening(session: AsyncSession, code: bytes, now: datetime, opening: UUID) -> Share | None:
    """Counts one opening, which is its caller's alone if the transaction ends well. None: there is none left, or the
    share is not open any more."""
    taking = (
        update(Share)
        .where(*_open(code, now))
        .values(opened=col(Share.opened) + 1)
        .returning(Share)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    row = (await session.scalars(taking)).first()
    if row is not None:
        session.add(ShareOpening(person=row.person, id=opening, share=row.id, at=now))
        await session.flush()
    return row


async def openings(session: AsyncSession, person: UUID, shares: Collection[UUID]) -> dict[UUID, list[ShareOpening]]:
    """Of these shares of the person, the first first."""
    query = select(ShareOpening).where(col(ShareOpening.person) == person, col(ShareOpening.share).in_(list(shares)))
    found: dict[UUID, list[ShareOpening]] = {one: [] for one in shares}
    for row in await session.scalars(query.order_by(col(ShareOpening.id))):
        found[row.share].append(row)
    return found


async def taken_back(session: AsyncSession, row: Share) -> bool:
    """Whether the claims of a share are not good any more."""
    if row.list is None or row.place is None:
        return False
    return await session.get(CredentialStatus, (row.agency, row.list, row.place)) is not None


async def close(session: AsyncSession, now: datetime, held: Collection[UUID | None]) -> None:
    """What is over holds nothing any more that could be shown. Of whom a hold keeps it (None: of all) nothing goes."""
    if None in held:
        return
    over = or_(
        col(Share.expires_at) <= now,
        col(Share.revoked_at).is_not(None),
        and_(col(Share.code).is_not(None), col(Share.opened) >= col(Share.openings_max)),
    )
    holds = or_(col(Share.content_sealed).is_not(None), col(Share.secret_sealed).is_not(None))
    emptied = {"content_sealed": None, "secret_sealed": None}
    await session.execute(update(Share).where(holds, over, *_not_of(held)).values(emptied))


async def forget(session: AsyncSession, prepared: datetime, made: datetime, held: Collection[UUID | None]) -> None:
    """Deletes what was prepared and ended before the one, and what was made and ended before the other. Of whom a hold
    keeps it (None: of all) nothing goes."""
    if None in held:
        return
    over = or_(
        and_(col(Share.code).is_(None), col(Share.expires_at) <= prepared),
        col(Share.expires_at) <= made,
    )
    await session.execute(delete(Share).where(over, *_not_of(held)))


def _open(code: bytes, now: datetime) -> list[ColumnElement[bool]]:
    return [
        col(Share.code) == code,
        col(Share.revoked_at).is_(None),
        col(Share.expires_at) > now,
        col(Share.opened) < col(Share.openings_max),
    ]


def _not_of(held: Collection[UUID | None]) -> list[ColumnElement[bool]]:
    named = [one for one in held if one is not None]
    return [col(Share.person).not_in(named)] if named else []
