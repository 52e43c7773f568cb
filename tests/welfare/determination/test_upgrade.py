"""What was found out and told before families were asked is there after the upgrade, about the person themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, TableClause, column, create_engine, insert, select, table
from sqlmodel import SQLModel

from core import migrations
from core.database import synchronous
from core.ids import new_id
from tests.welfare.determination.populations import OLD_AGE
from welfare.determination.models import DeterminationAnswer, DeterminationRun, EntitlementSpell

DAY, NOW = date(2024, 2, 29), datetime(2024, 2, 28, 17, tzinfo=UTC)
BEFORE, AFTER = "0049", "0051"


def as_it_was(model: type[SQLModel]) -> TableClause:
    """Before a row said which child it is about."""
    columns = SQLModel.metadata.tables[str(model.__tablename__)].columns
    return table(
        str(model.__tablename__), *(column(one.name, one.type) for one in columns if one.name != "beneficiary")
    )


def rows(connection: Connection, of: TableClause) -> list[dict[str, Any]]:
    return sorted((dict(one) for one in connection.execute(select(of)).mappings()), key=str)


def test_answers_and_spells_are_of_the_person_after_the_upgrade_and_as_before_when_it_is_taken_back(
    empty_database_url: str,
) -> None:
    migrations.upgrade(empty_database_url, BEFORE)
    engine = create_engine(synchronous(empty_database_url))
    run, person, other = new_id(), new_id(), new_id()
    tables = [as_it_was(DeterminationAnswer), as_it_was(EntitlementSpell)]
    answer = {"run": run, "programme": OLD_AGE, "outcome": "MET", "decided_on": DAY}
    spell = {"programme": OLD_AGE, "began_on": DAY, "ended_on": None, "purpose": "welfare-register", "told_at": NOW}
    with engine.begin() as connection:
        stands = DeterminationRun(
            id=run, agency="dla", maker=new_id(), checker=new_id(), purpose="welfare-register", kind="REGISTER",
            programmes=[OLD_AGE], attributes=["birth_date"], population="EVERYBODY", tells=True, candidate=None,
            state="DECIDED", approved_at=NOW, keep_until=NOW + timedelta(days=9), evaluated={OLD_AGE: 2}, people=2,
        )  # fmt: skip
        connection.execute(insert(DeterminationRun).values(**stands.model_dump()))
        for one in ({"person": person}, {"person": other, "outcome": "UNKNOWN"}):
            connection.execute(insert(tables[0]).values(**answer | one))
        for one in (
            {"person": person, "number": 1, "ended_on": DAY},
            {"person": person, "number": 2, "told_at": None},
            {"person": other, "number": 1},
        ):
            connection.execute(insert(tables[1]).values(**spell | one))
        before = [rows(connection, of) for of in tables]
    migrations.upgrade(empty_database_url, AFTER)
    with engine.connect() as connection:
        assert [rows(connection, of) for of in tables] == before
        for model in (DeterminationAnswer, EntitlementSpell):
            now = SQLModel.metadata.tables[str(model.__tablename__)]
            found = connection.execute(select(now)).mappings().all()
            assert [one["beneficiary"] for one in found] == [one["person"] for one in found]
    migrations.downgrade(empty_database_url, BEFORE)
    with engine.connect() as connection:
        assert [rows(connection, of) for of in tables] == before
    engine.dispose()
