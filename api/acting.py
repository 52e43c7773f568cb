"""Whether somebody may still act for the citizen: asked for every request, whatever the token says."""

from __future__ import annotations

from dataclasses import replace

from core.database import Database
from core.viewer import Viewer
from identity.delegation.service import DelegationService
from identity.provider.errors import TokenInvalid


async def still_acting(viewer: Viewer, db: Database, delegations: DelegationService) -> Viewer:
    """The viewer with what the delegation allows at this moment; one who acts for nobody, as they are.

    An ended delegation, or one whose last day has passed, is refused here at once, in every process, however long its
    tokens would still be good. Raises :class:`TokenInvalid`.
    """
    acting = viewer.acting
    if acting is None:
        return viewer
    async with db.read() as session:
        holds = await delegations.still(session, acting.delegation, acting.person)
    if holds is None or holds.person != viewer.person:
        raise TokenInvalid
    return replace(viewer, acting=replace(acting, scopes=acting.scopes & holds.scopes))
