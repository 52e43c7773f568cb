"""A system of record: what insurers send is kept here, and nowhere else."""

from typing import Any

from services.plugins.contract import Call, Host


async def arrivals(host: Host, call: Call) -> dict[str, Any]:
    rejected = []
    async with host.store.transaction() as tx:
        for place, record in enumerate(call.arguments["records"]):
            kept = await tx.execute(
                "INSERT INTO policy (number, holder, until) VALUES (:number, :holder, :until) "
                "ON CONFLICT (number) DO UPDATE SET until = excluded.until WHERE policy.holder = excluded.holder",
                record,
            )
            if not kept:
                rejected.append({"record": place, "code": "POLICY_OF_ANOTHER", "path": "/holder"})
    return {"rejected": rejected}


async def mine(host: Host, call: Call) -> list[dict[str, Any]]:
    async with host.store.transaction() as tx:
        return await tx.fetch(
            "SELECT number, until FROM policy WHERE holder = :holder ORDER BY number", {"holder": call.citizen.digits}
        )
