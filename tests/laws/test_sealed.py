"""Every sealed column says what it is bound to, in the words its room seals by: one program can re-seal every table."""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Column, select, text
from sqlmodel import SQLModel

from core.crypto import key_mark
from core.database import load_models
from core.envelope import SubjectKeys
from core.ids import new_id
from core.sealed import SealedColumn, sealed_columns
from core.text import Text
from identity.officers import Officer
from services.pay.needs import Role
from services.pay.payers import treasury_account
from services.pay.service import PaymentRuns
from tests.laws.cases import application_of, person_of, receipt_of
from tests.support.app import Served

ROOT: Final = Path(__file__).parents[2]
TABLES: Final = load_models()
COLUMNS: Final = {column.name: column for column in sealed_columns(TABLES)}


def is_named_sealed(column: Column[object]) -> bool:
    return column.name == "sealed" or column.name.endswith("_sealed")


def test_a_column_that_is_sealed_says_to_what_and_no_other_does() -> None:
    named = {f"{t.name}.{c.name}" for t in TABLES.tables.values() for c in t.columns if is_named_sealed(c)}
    assert set(COLUMNS) == named, "declare it with core.sealed.sealed(…), and call it …_sealed"


@pytest.mark.parametrize("name", COLUMNS)
def test_a_seal_is_bound_to_its_table_and_to_the_rows_key_which_never_changes(name: str) -> None:
    column = COLUMNS[name]
    assert column.binding.label == f"{column.table.name}.{column.column.name.removesuffix('_sealed')}"
    assert set(column.binding.by) <= {c.name for c in column.table.primary_key.columns}


async def test_what_never_changes_is_sealed_under_a_persons_key(sitthi: Served) -> None:
    async with sitthi.house.db.read() as session:
        if sitthi.house.db.is_sqlite:
            query = "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_refuses_update'"
        else:
            query = "SELECT event_object_table FROM information_schema.triggers WHERE trigger_name LIKE '%_refuses_%'"
        append_only = set((await session.scalars(text(query))).all())
    assert "decision" in append_only
    under_a_person = {column.table.name for column in COLUMNS.values() if column.binding.subject is not None}
    sealed = {column.table.name for column in COLUMNS.values()}
    assert append_only & sealed <= under_a_person, "a row that cannot be sealed anew needs subject=…"


async def _apply(sitthi: Served) -> None:
    await application_of(sitthi, "elder")


async def _appeal(sitthi: Served) -> None:
    rejected = await application_of(sitthi, "official")
    payload = await sitthi.do("appeal", "application { id }", "official", application=rejected, grounds="ขอให้ตรวจอีกครั้ง")
    assert payload["problems"] == []


async def _correct(sitthi: Served) -> None:
    said = {"attribute": "birth_date", "statement": "วันเกิดไม่ตรงกับสูติบัตร"}
    assert (await sitthi.do("requestCorrection", "correction { id }", "elder", **said))["problems"] == []


async def _rate(sitthi: Served) -> None:
    receipt = await receipt_of(sitthi, "elder")
    payload = await sitthi.do("rate", "rating { score }", "elder", receipt=receipt, score=5, comment="ดีมาก")
    assert payload["problems"] == []


async def _sign_in(sitthi: Served) -> None:
    await person_of(sitthi, "elder")


async def _pay(sitthi: Served) -> None:
    await application_of(sitthi, "elder")
    roles = frozenset({Role.PLAN, Role.APPROVE})
    maker, checker = (Officer(new_id(), "dla", roles, Text(th="ก", en="A")) for _ in range(2))
    runs = PaymentRuns(sitthi.clock, sitthi.house.awards, sitthi.house.keys, treasury_account)
    async with sitthi.house.db.write() as session:
        run = await runs.plan(session, maker, sitthi.clock.today().replace(day=1))
        await runs.approve(session, checker, run.id)
        await runs.store_file(session, maker, run.id, b"<Document/>", of=run.content_hash)


MAKERS: Final[Mapping[str, Callable[[Served], Awaitable[None]]]] = {
    "appeal.grounds_sealed": _appeal,
    "application.answers_sealed": _apply,
    "correction.statement_sealed": _correct,
    "decision.record_sealed": _apply,
    "payment_file.sealed": _pay,
    "person.national_id_sealed": _sign_in,
    "rating.comment_sealed": _rate,
    "sign_in_session.name_sealed": _sign_in,
}
"""What a room does until there is a row, for rooms that seal in words of their own."""


def taken_from_the_declaration() -> set[str]:
    """Columns whose rooms seal by `bound_to(Model.column, …)`, and so cannot be bound to anything else."""
    tables = {mapper.class_.__name__: mapper.local_table.description for mapper in SQLModel._sa_registry.mappers}
    found = set()
    for room in ("core", "identity", "services", "welfare"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Call(
                        func=ast.Name(id="bound_to"),
                        args=[ast.Attribute(value=ast.Name(id=model), attr=column), *_],
                    ) if model in tables:
                        found.add(f"{tables[model]}.{column}")
    return found


def test_every_room_takes_its_words_from_the_declaration_or_is_proven_below() -> None:
    unproven = set(COLUMNS) - set(MAKERS) - taken_from_the_declaration()
    assert unproven == set(), "seal with bound_to=bound_to(Model.column, key)"
    assert set(MAKERS) <= set(COLUMNS)


async def rows_of(sitthi: Served, column: SealedColumn) -> list[Mapping[str, object]]:
    async with sitthi.house.db.read() as session:
        query = select(column.table).where(column.column.is_not(None))
        return [dict(row) for row in (await session.execute(query)).mappings()]


@pytest.mark.parametrize("name", MAKERS)
async def test_what_a_room_sealed_opens_by_the_declaration(sitthi: Served, name: str) -> None:
    column, keys = COLUMNS[name], sitthi.house.keys
    await MAKERS[name](sitthi)
    rows = await rows_of(sitthi, column)
    assert rows
    for row in rows:
        seal, bound_to = row[column.column.name], column.binding.of_row(row)
        assert isinstance(seal, bytes)
        if column.binding.subject is None:
            assert seal[1:].startswith(key_mark(keys.current))
            assert keys.open(seal, bound_to=bound_to)
        else:
            async with sitthi.house.db.read() as session:
                person = row[column.binding.subject]
                assert await SubjectKeys(keys).open(session, person, seal, bound_to=bound_to)  # type: ignore[arg-type]
