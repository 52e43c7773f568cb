"""Queries of what was issued, for the agency that issued it and the citizen whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.receive.credentials.models import CredentialOffer, ReadyCredential, WalletCredential
from services.receive.standing.models import HeldPaper, PrintedPaper, StandingAct


async def copies(session: AsyncSession, agency: str, offer: UUID, *, lock: bool = False) -> Sequence[WalletCredential]:
    """All copies of a credential. With `lock`, none is fetched by a wallet either until the transaction ends."""
    rows = select(WalletCredential).where(col(WalletCredential.offer) == offer, col(WalletCredential.agency) == agency)
    found = (await session.scalars(rows.order_by(col(WalletCredential.id)))).all()
    if not found or not lock:
        return found
    row = select(CredentialOffer).where(
        col(CredentialOffer.person) == found[0].person, col(CredentialOffer.id) == offer
    )
    await session.execute(row.with_for_update())
    return (await session.scalars(rows.order_by(col(WalletCredential.id)).with_for_update())).all()


async def ready(session: AsyncSession, agency: str, id_: UUID, *, lock: bool = False) -> ReadyCredential | None:
    """One that waits for its citizen. With `lock`, no wallet fetches it until the transaction ends."""
    query = select(ReadyCredential).where(col(ReadyCredential.id) == id_, col(ReadyCredential.agency) == agency)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).first()


async def offer_since(session: AsyncSession, agency: str, id_: UUID) -> UUID | None:
    """The offer by which a wallet fetched what had that id while it waited."""
    query = select(col(WalletCredential.offer)).where(
        col(WalletCredential.id) == id_, col(WalletCredential.agency) == agency
    )
    found: UUID | None = await session.scalar(query)
    return found


async def paper(session: AsyncSession, agency: str, id_: UUID, *, lock: bool = False) -> PrintedPaper | None:
    query = select(PrintedPaper).where(col(PrintedPaper.id) == id_, col(PrintedPaper.agency) == agency)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(query)).first()


async def paper_by_hash(session: AsyncSession, sha256: bytes) -> PrintedPaper | None:
    return (await session.scalars(select(PrintedPaper).where(col(PrintedPaper.sha256) == sha256))).first()


async def not_good(session: AsyncSession) -> Sequence[PrintedPaper]:
    """For verifiers that ask nobody: all that are not valid."""
    query = select(PrintedPaper).where(col(PrintedPaper.status) != 0).order_by(col(PrintedPaper.id))
    return (await session.scalars(query)).all()


async def holder(session: AsyncSession, paper: UUID) -> HeldPaper | None:
    """Whose it is; None of who left, and of one that nobody ever got."""
    return (await session.scalars(select(HeldPaper).where(col(HeldPaper.paper) == paper))).first()


async def credentials_of(session: AsyncSession, agency: str, person: UUID) -> Sequence[WalletCredential]:
    """What the agency issued to the person, the newest first."""
    query = select(WalletCredential).where(
        col(WalletCredential.person) == person, col(WalletCredential.agency) == agency
    )
    return (await session.scalars(query.order_by(col(WalletCredential.id).desc()))).all()


async def ready_of(session: AsyncSession, agency: str, person: UUID, now: datetime) -> Sequence[ReadyCredential]:
    """What the agency had made for the person and nobody has fetched, the newest first."""
    query = select(ReadyCredential).where(
        col(ReadyCredential.person) == person,
        col(ReadyCredential.agency) == agency,
        col(ReadyCredential.kept_until) > now,
    )
    return (await session.scalars(query.order_by(col(ReadyCredential.id).desc()))).all()


async def papers_of(session: AsyncSession, agency: str, person: UUID) -> Sequence[PrintedPaper]:
    query = (
        select(PrintedPaper)
        .join(HeldPaper, col(HeldPaper.paper) == col(PrintedPaper.id))
        .where(col(HeldPaper.person) == person, col(PrintedPaper.agency) == agency)
    )
    return (await session.scalars(query.order_by(col(PrintedPaper.id).desc()))).all()


async def act_by_key(session: AsyncSession, agency: str, key: bytes) -> StandingAct | None:
    query = select(StandingAct).where(col(StandingAct.agency) == agency, col(StandingAct.key) == key)
    return (await session.scalars(query)).first()


async def act_by_id(session: AsyncSession, person: UUID, act: UUID) -> StandingAct | None:
    query = select(StandingAct).where(col(StandingAct.person) == person, col(StandingAct.id) == act)
    return (await session.scalars(query)).first()


async def acts(session: AsyncSession, person: UUID, limit: int, before: UUID | None) -> Sequence[StandingAct]:
    """What was done with what the person has, the newest first."""
    query = select(StandingAct).where(col(StandingAct.person) == person)
    if before is not None:
        query = query.where(col(StandingAct.id) < before)
    return (await session.scalars(query.order_by(col(StandingAct.id).desc()).limit(limit))).all()
