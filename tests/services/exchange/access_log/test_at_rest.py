"""Who reads the database, or steals a dump of it, learns that somebody was looked at, and nothing else about it."""

from __future__ import annotations

from typing import Final

import pytest
from sqlalchemy import LargeBinary, select
from sqlmodel import col

from core.database import load_models
from core.ids import new_id
from services.exchange.access_log.models import AccessRecord
from services.exchange.facts import OWN_VIEW
from tests.services.exchange.fakes import KEYS, Exchange, citizen, officer, purpose, system
from tests.support import access_log

pytestmark = pytest.mark.fakeredis_only

NOT_OF_THE_LOG: Final = frozenset({"alembic_version", "person", "subject_key"})


async def dump(exchange: Exchange) -> bytes:
    """Every value of every table, as it lies there."""
    parts = []
    async with exchange.database.read() as session:
        for table in load_models().sorted_tables:
            if table.name in NOT_OF_THE_LOG:
                continue
            for row in await session.execute(select(table)):
                for column, value in zip(table.columns, row, strict=True):
                    is_bytes = isinstance(column.type, LargeBinary) or isinstance(value, bytes)
                    parts.append(value if is_bytes and value is not None else str(value).encode())
    return b"\n".join(parts)


async def test_a_dump_tells_no_attribute_purpose_asker_or_decision(exchange: Exchange) -> None:
    mother, elder = exchange.keys["mother"], exchange.keys["elder"]
    wanted = ["birth_date", "household_income", "nationality"]
    await exchange.gate.facts(mother, wanted, asker=citizen(mother, new_id()), purpose=OWN_VIEW)
    await exchange.gate.facts(mother, wanted, asker=system(mother), purpose=purpose("welfare-decision"))
    await exchange.gate.facts(elder, wanted, asker=officer("dla"), purpose=purpose("own-view"))
    records = await access_log.records(exchange.database, KEYS)
    assert len(records) > 6
    held = await dump(exchange)
    assert records[0].subject.hex.encode() in held.replace(b"-", b""), "a dump tells of whom"
    words = {
        *wanted, "annual_income", "household_members", "own-view", "welfare-decision", "OWN_DATA", "PUBLIC_TASK",
        "CITIZEN", "SYSTEM", "OFFICER", "welfare", "dla", "เจ้าหน้าที่", "The welfare platform",
        "ALLOWED", "DENIED", "FRESH", "UNAVAILABLE",
    }  # fmt: skip
    assert [word for word in sorted(words) if word.encode() in held] == []
    for record in records:
        assert record.salt not in held


async def test_the_length_of_a_record_tells_no_purpose_asker_or_decision(exchange: Exchange) -> None:
    """A refused hospital, one's own look and a decision about welfare lie there in as many bytes."""
    mother = exchange.keys["mother"]
    await exchange.gate.facts(mother, ["birth_date"], asker=citizen(mother, new_id()), purpose=OWN_VIEW)
    await exchange.gate.facts(mother, ["birth_date", "gender"], asker=officer("dla"), purpose=purpose("own-view"))
    wanted = ["birth_date", "deceased", "nationality", "household_registered"]
    await exchange.gate.facts(mother, wanted, asker=system(mother), purpose=purpose("welfare-decision"))
    async with exchange.database.read() as session:
        lengths = [len(one) for one in await session.scalars(select(col(AccessRecord.payload_sealed)))]
    assert len(lengths) >= 5
    assert len(set(lengths)) == 1
