"""A person who left traces in every room, and ways of looking for them in every place."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import LargeBinary, select

from core.database import Database, load_models
from core.ids import NationalId
from services.exchange.privacy.requests import COOLING
from services.exchange.privacy.room import Done
from services.sandbox.population.personas import persona
from tests.laws.cases import passkey_of, person_of
from tests.support.acting import signed_in_with
from tests.support.app import Served

WHO: Final = "elder"
EMAIL: Final = "marker.of.this.test@example.invalid"
STATEMENT: Final = "ถ้อยคำที่ไม่มีใครอื่นเขียน-marker-7391"
DEVICE: Final = "marker-device-5577"
ME: Final = "{ viewer { id profile { name { value { full } } birthDate { value } } } }"


async def lived(sitthi: Served, who: str = WHO, *, applies: bool = True) -> UUID:
    """Signs in, looks, applies, agrees, complains, names a bank account; answers the person's key."""
    person = await person_of(sitthi, who)
    signed_in_with(sitthi)
    await sitthi.graph(ME, persona=who)
    await passkey_of(sitthi, who)
    if applies:
        await done(sitthi, "apply", "application { id }", who, programme="old-age-allowance")
    await done(sitthi, "setContact", "contact { kind }", who, kind="EMAIL", value=EMAIL)
    given = {"attribute": "birth_date", "statement": STATEMENT}
    await done(sitthi, "requestCorrection", "correction { id }", who, **given)
    account = {"method": "BANK_ACCOUNT", "bank": "004", "account": "1234567890"}
    await done(sitthi, "changePayoutDestination", "payoutDestination { title }", who, **account)
    restricted = {"ground": "ACCURACY", "statement": STATEMENT, "purpose": "student-loan-screening"}
    await done(sitthi, "restrictUse", "request { id }", who, **restricted)
    return person


async def done(sitthi: Served, field: str, selection: str, who: str, **given: Any) -> dict[str, Any]:
    payload = await sitthi.do(field, selection, who, **given)
    assert payload["problems"] == [], (field, payload)
    return payload


async def left(sitthi: Served, who: str = WHO, *, end_benefits: bool = True) -> UUID:
    """Asks for everything to be erased and waits out the time for taking it back; answers the request's key."""
    payload = await done(sitthi, "leave", "request { id status stays { hold } }", who, endBenefits=end_benefits)
    sitthi.clock.advance(COOLING)
    return key_of(payload["request"]["id"])


async def ran(sitthi: Served) -> Done:
    done_: Done = await sitthi.house.privacy.run()
    return done_


def key_of(global_id: str) -> UUID:
    raw = base64.urlsafe_b64decode(global_id + "=" * (-len(global_id) % 4)).decode()
    return UUID(hex=raw.partition(":")[2])


def markers(sitthi: Served, who: str = WHO) -> Mapping[str, bytes]:
    """What must be found nowhere: in words, numbers and bytes, the blind index too."""
    one = persona(who)
    digits = NationalId(one.national_id).digits
    dashed = f"{digits[0]}-{digits[1:5]}-{digits[5:10]}-{digits[10:12]}-{digits[12]}"
    index = sitthi.house.keys.blind_index(digits, domain="national-id")
    return {
        "national ID": digits.encode(),
        "national ID, dashed": dashed.encode(),
        "national ID, UTF-16": digits.encode("utf-16-le"),
        "national ID, hexadecimal": digits.encode().hex().encode(),
        "national ID, integer": int(digits).to_bytes(6, "big"),
        "blind index": index,
        "blind index, hexadecimal": index.hex().encode(),
        "blind index, base64": base64.b64encode(index)[:40],
        "name": one.name.th.encode(),
        "name, English": one.name.en.encode(),
        "e-mail": EMAIL.encode(),
        "statement": STATEMENT.encode(),
        "account": b"1234567890",
    }


async def dump(database: Database) -> dict[str, bytes]:
    """Every row of every table, by table, as bytes; blobs as they are and in hexadecimal."""
    found: dict[str, bytes] = {}
    async with database.read() as session:
        for table in load_models().sorted_tables:
            parts: list[bytes] = []
            for row in await session.execute(select(table)):
                for column, value in zip(table.columns, row, strict=True):
                    parts.append(bytes(value) if isinstance(column.type, LargeBinary) and value else b"")
                    parts.append(str(value).encode())
            found[table.name] = b"\n".join(parts)
    return found


async def readable(sitthi: Served, person: UUID) -> bytes:
    """All that whoever holds our keys can open of the person's."""
    parts: list[bytes] = []
    async with sitthi.house.db.read() as session:
        for store in sitthi.house.privacy.stores:
            async for table, record in store.export(session, person):
                parts.append(f"{table} {record}".encode())
    return b"\n".join(parts)


async def redis_dump(redis: Redis) -> bytes:
    """Every key with its value, as Redis itself dumps it."""
    parts: list[bytes] = []
    for key in await redis.keys("*"):
        assert isinstance(key, bytes)
        parts += [key, await redis.dump(key) or b""]
    return b"\n".join(parts)


def file_of(url: str) -> bytes:
    """SQLite's file with the log of its writes, after VACUUM as after deletion."""
    path = url.partition(":///")[2]
    found = b""
    for name in (path, f"{path}-wal"):
        try:
            with open(name, "rb") as file:  # noqa: PTH123 - bytes of a file that may not be there
                found += file.read()
        except FileNotFoundError:
            continue
    return found


def vacuum(url: str) -> None:
    with closing(sqlite3.connect(url.partition(":///")[2])) as connection:
        connection.execute("VACUUM")


def found(where: Mapping[str, bytes], what: Mapping[str, bytes]) -> list[str]:
    return [
        f"{place}: {name}" for place, content in where.items() for name, bytes_ in what.items() if bytes_ in content
    ]


YEAR: Final = timedelta(days=366)
