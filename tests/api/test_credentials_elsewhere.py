"""A wallet that is not ours fetches a credential of ours, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from jwt.algorithms import ECAlgorithm

from services.receive.credentials.jws import SigningKey
from services.receive.credentials.service import Credentials
from services.receive.credentials.verifying import verify
from tests.services.receive.credentials.office import CLAIMS, Office, offered
from tests.support import node
from tests.support.app import Served
from tests.support.front import address_of, listening


@asynccontextmanager
async def on_a_port(sitthi: Served) -> AsyncIterator[str]:
    """Its address, while the block runs. The application is started already."""
    listener = listening()
    server = uvicorn.Server(uvicorn.Config(sitthi.app, log_level="error", lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield address_of(listener)
    finally:
        server.should_exit = True
        await serving


async def test_a_wallet_of_others_fetches_a_credential_in_two_copies(sitthi: Served) -> None:
    office = Office()
    sitthi.house.registry.add(office.plugin())
    offer = await offered(sitthi)
    keys = [SigningKey.fresh() for _ in range(2)]
    async with on_a_port(sitthi) as address, node.program("wallet.mjs") as wallet:
        copies = await wallet.ask(
            "receive",
            offer=offer["uri"],
            digits=offer["digits"],
            keys=[ECAlgorithm.to_jwk(key.private, as_dict=True) for key in keys],
            issuer=sitthi.house.settings.issuer,
            address=address,
            at=int(sitthi.clock.now().timestamp()),
        )
    issuers = sitthi.house.rooms.get(Credentials).issuers
    told = [verify(one, issuers, sitthi.clock.now(), unproven=True) for one in copies]
    assert [{name: one.claims[name] for name in CLAIMS} for one in told] == [CLAIMS, CLAIMS]
    assert [one.claims["cnf"]["jwk"]["x"] for one in told] == [key.public_jwk()["x"] for key in keys]
    assert len(office.calls) == 1
