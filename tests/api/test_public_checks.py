"""What anybody may ask about a vehicle: all answers look alike, and there is a bound to the questions."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.support.app import Served

CHECK = "query($chassis: String) { insurance { check(chassis: $chassis) { covered } } }"
PER_ADDRESS, PER_NETWORK, SAME = 60, 300, 20
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


async def _refused(sitthi: Served, addresses: list[str], chassis: str = "MXC{n:014d}") -> int:
    """How many of these questions, one from each address, are refused."""
    codes = []
    for n, address in enumerate(addresses):
        answer = (await asked(sitthi, chassis.format(n=n), address)).json()
        codes += [error["extensions"]["code"] for error in answer.get("errors", [])]
    assert set(codes) <= {"RATE_LIMITED"}
    return len(codes)


async def test_a_house_with_many_ipv6_addresses_asks_as_one_and_a_network_of_many_houses_has_a_bound(
    sitthi: Served,
) -> None:
    one_house = [f"2001:db8:1:1::{n:x}" for n in range(PER_ADDRESS + 5)]
    assert await _refused(sitthi, one_house) == 5
    rest = PER_NETWORK - PER_ADDRESS - 5  # what was refused counts at the network as well
    many_houses = [f"2001:db8:1:{n:x}::1" for n in range(0x100, 0x100 + PER_NETWORK)]
    assert PER_NETWORK - rest - 5 <= await _refused(sitthi, many_houses) <= PER_NETWORK - rest
    assert await _refused(sitthi, ["2001:db8:2:1::1"]) == 0  # the next network over


async def test_whoever_follows_one_vehicle_is_bounded_however_it_is_written_and_keeps_nobody_else_from_asking(
    sitthi: Served,
) -> None:
    query = (
        "query($p: String, $v: String, $chassis: String)"
        " { insurance { check(plate: $p, province: $v, chassis: $chassis) { covered } } }"
    )

    async def follow(address: str, plate: str, province: str = "10", **more: Any) -> bool:
        transport = httpx2.ASGITransport(app=sitthi.app, client=(address, 40_000))
        async with httpx2.AsyncClient(transport=transport, base_url=sitthi.house.settings.issuer) as http:
            answer = await http.post(
                "/graphql", json={"query": query, "variables": {"p": plate, "v": province, **more}}
            )
        return "errors" not in answer.json()

    spellings = ["1กข 1234", "๑กข-๑๒๓๔", " 1กข|1234", "1 ก ข=1234"]
    told = [await follow(f"203.0.113.{n}", spellings[n % 4]) for n in range(SAME + 3)]
    assert told == [True] * SAME + [False] * 3
    assert not await follow("203.0.113.1", "1กข 1234", chassis="")
    assert not await follow("203.0.113.1", "1กข 1234", chassis=None)
    assert await follow("203.0.113.1", "1กข 1235")
    assert await follow("198.51.100.1", "1กข 1234")


async def test_a_refusal_says_nothing_of_the_vehicle(sitthi: Served) -> None:
    query = "{ viewer { insurance { policies(covered: true) { chassis } } } }"
    [mine, *_] = (await sitthi.graph(query, persona="worker"))["viewer"]["insurance"]["policies"]
    for chassis in (mine["chassis"], "MXC99999999999999"):
        for n in range(SAME):
            await asked(sitthi, chassis, f"203.0.113.{n}")
    refused = [(await asked(sitthi, one, "203.0.113.99")).json() for one in (mine["chassis"], "MXC99999999999999")]
    assert refused[0] == refused[1]
    assert refused[0]["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
