"""To which former versions a service may go back at once, without a check and without a reviewer."""

from __future__ import annotations

from services.plugins.contract import Manifest
from services.plugins.registry.diff import number_of
from services.plugins.registry.errors import KeysDropped, NothingToRollBackTo, ServiceHeld
from services.plugins.registry.repository import Name, ServiceRepository
from services.plugins.registry.states import State


async def highest_below(repository: ServiceRepository, name: Name) -> str:
    """The highest version below the current one that was published, and that the reviewers have not stopped.

    Raises NothingToRollBackTo.
    """
    current, stopped = await repository.current(name), await repository.stopped(name)
    below = [
        row.version
        for row in await repository.versions(name)
        if row.state == State.SUPERSEDED
        and row.version not in stopped
        and (current is None or number_of(row.version) < number_of(current.version))
    ]
    if not below:
        raise NothingToRollBackTo
    return max(below, key=number_of)


async def must_be_open(repository: ServiceRepository, name: Name, manifest: Manifest, former: Manifest | None) -> None:
    """`former` is what is current. Raises ServiceHeld for a version that the reviewers stopped and that another mended,
    and KeysDropped for one that believes a key which the agency has given up since: it may be known to others."""
    if manifest.version in await repository.stopped(name):
        raise ServiceHeld
    trusted = former.endpoint.keys if former is not None and former.endpoint is not None else None
    if trusted is not None and manifest.endpoint and any(key not in trusted for key in manifest.endpoint.keys):
        raise KeysDropped(version=manifest.version)
