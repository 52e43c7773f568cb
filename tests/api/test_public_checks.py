"""What anybody may ask about a vehicle: all answers look alike, and there is a bound to the questions."""

from __future__ import annotations

import httpx2

from tests.support.app import Served

CHECK = "query($chassis: String) { insurance { check(chassis: $chassis) { covered } } }"
PER_ADDRESS = 60
"""A minute: services/agencies/oic/manifest.toml."""


async def asked(sitthi: Served, chassis: str, address: str = "203.0.113.7") -> httpx2.Response:
    transport = httpx2.ASGITransport(app=sitthi.app, client=(address, 40_000))
    async with httpx2.AsyncClient(transport=transport, base_url=sitthi.house.settings.issuer) as http:
        return await http.post("/graphql", json={"query": CHECK, "variables": {"chassis": chassis}})


async def test_a_vehicle_of_the_made_up_world_is_covered_and_no_other_answer_can_be_told_from_another(
    sitthi: Served,
) -> None:
    query = "{ viewer { insurance { policies(covered: true) { chassis } } } }"
    [mine, *_] = (await sitthi.graph(query, persona="worker"))["viewer"]["insurance"]["policies"]
    covered = await asked(sitthi, mine["chassis"])
    assert covered.json() == {"data": {"insurance": {"check": {"covered": True}}}}
    unknown, impossible = await asked(sitthi, "MXC99999999999999"), await asked(sitthi, "' OR 1=1 --")
    assert unknown.content == impossible.content == b'{"data":{"insurance":{"check":{"covered":false}}}}'
    names = [sorted(answer.headers) for answer in (covered, unknown, impossible)]
    assert names[0] == names[1] == names[2]


async def test_one_address_asks_so_often_and_no_more_however_it_packs_its_questions(sitthi: Served) -> None:
    many = " ".join(f'a{n}: check(chassis: "MXC{n:014d}") {{ covered }}' for n in range(20))
    transport = httpx2.ASGITransport(app=sitthi.app, client=("203.0.113.8", 40_000))
    async with httpx2.AsyncClient(transport=transport, base_url=sitthi.house.settings.issuer) as http:
        answers = [
            (await http.post("/graphql", json={"query": f"{{ insurance {{ {many} }} }}"})).json() for _ in range(4)
        ]
    refused = [error["extensions"]["code"] for answer in answers for error in answer.get("errors", [])]
    assert refused == ["RATE_LIMITED"] * (4 * 20 - PER_ADDRESS)
    assert (await asked(sitthi, "MXC00000000000001", "203.0.113.9")).json()["data"]["insurance"]["check"] is not None
