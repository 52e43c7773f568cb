"""A version over tables of facts, by the database: one statement that gives the columns of `determine_frame`.

A table of facts has a column for each fact, NULL where it is unknown; "there is none" is a value, as the catalogue has
it (0 baht, or false beside an empty date). Its checks keep out what `checked_frame` would refuse. The text is for
PostgreSQL and holds no parameters: everything in it is a checked number, an ISO date or a quoted word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from welfare.programmes.model import Benefit, Formula, Version
from welfare.programmes.siblings import AtMost
from welfare.rules.attributes import Vocabulary
from welfare.rules.sql_code import SqlEmitter, facts_columns, identifier

MET: Final = "met"
ALONE: Final = "met_alone"
"""`met` before an applicant's children are counted."""
CHILD: Final = "child."
BIRTH_DATE: Final = "birth_date"


@dataclass(frozen=True, slots=True)
class Facts:
    """A table of one row a person, or a person and child; `keys` are columns that the answer repeats."""

    table: str
    keys: tuple[str, ...] = ()

    def select(self, needs: Sequence[str]) -> str:
        columns = ", ".join(map(identifier, (*self.keys, *needs)))
        return f"SELECT {columns} FROM {identifier(self.table)}"  # noqa: S608 (names are quoted)


@dataclass(frozen=True, slots=True)
class Families:
    """Applicants in one table and their children in another, whose facts stand there without `child.`.

    The answer has a row a child, with `key` and `applicant`. Facts of an applicant who is not in the table are unknown.
    """

    persons: str
    children: str
    key: str = "id"
    applicant: str = "applicant"

    @property
    def keys(self) -> tuple[str, ...]:
        return self.key, self.applicant

    def select(self, needs: Sequence[str]) -> str:
        columns = [f"c.{identifier(key)}" for key in self.keys]
        for name in needs:
            of_child = name.startswith(CHILD)
            source = f"c.{identifier(name.removeprefix(CHILD))}" if of_child else f"p.{identifier(name)}"
            columns.append(f"{source} AS {identifier(name)}")
        children, persons = f"{identifier(self.children)} AS c", f"{identifier(self.persons)} AS p"
        on = f"p.{identifier(self.key)} = c.{identifier(self.applicant)}"
        return f"SELECT {', '.join(columns)} FROM {children} LEFT JOIN {persons} ON {on}"  # noqa: S608 (names are quoted)


def determine_query(
    version: Version,
    source: Facts | Families,
    on: date,
    *,
    at_most: AtMost | None = None,
    emitter: type[SqlEmitter] = SqlEmitter,
) -> str:
    """The keys of the source, `met` (NULL is UNKNOWN), `condition.<id>` (the same) and `benefit.<kind>` in satang.

    A benefit is NULL where an unknown fact decides its amount, and 0 where nothing is paid, so in every row that is not
    entitled; a right is no sum and has no column. `at_most` needs Families. Raises DayOutOfRange or NameTooLong.
    """
    writer = emitter(on)
    needs = list(version.needs)
    if at_most is not None and CHILD + BIRTH_DATE not in needs:
        needs.append(CHILD + BIRTH_DATE)
    conditions = {f"condition.{c.id}": writer.predicate(c.tree) for c in version.conditions}
    # OFFSET 0 keeps the planner from copying the conditions into each place that reads them.
    inner = _nested(source.select(needs), conditions, "facts")
    together = " AND ".join(map(identifier, conditions))
    decided = _nested(inner, {MET if at_most is None else ALONE: together}, "conditions")
    if at_most is not None:
        assert isinstance(source, Families), "children are counted by their applicant"
        decided = _limited(decided, source, at_most)
    columns = [*map(identifier, (*source.keys, MET, *conditions))]
    for benefit in version.sums:
        amount = f"CASE WHEN {identifier(MET)} IS FALSE THEN 0 ELSE {_amount(writer, benefit)} END"
        columns.append(f"{amount} AS {identifier(f'benefit.{benefit.kind}')}")
    return f"SELECT {', '.join(columns)} FROM ({decided}) AS decided"  # noqa: S608 (names are quoted)


def _amount(writer: SqlEmitter, benefit: Benefit) -> str:
    values = [
        writer.known_term(amount.tree) if isinstance(amount, Formula) else writer.number(amount.satang)
        for amount in (*(arm.amount for arm in benefit.arms), benefit.otherwise)
    ]
    return writer.amount([arm.tree for arm in benefit.arms], values)


def facts_table(table: str, names: Iterable[str], vocabulary: Vocabulary, keys: Sequence[str] = ()) -> str:
    """Makes a table for these facts that refuses, by its checks, what `checked_frame` refuses of a frame.

    `keys` are definitions of further columns, as SQL. Raises UnknownAttribute or NameTooLong.
    """
    columns = [
        f"{name} {kind}{f' CHECK ({check})' if check else ''}" for name, kind, check in facts_columns(names, vocabulary)
    ]
    return f"CREATE TABLE {identifier(table)} ({', '.join([*keys, *columns])})"


def _nested(inner: str, columns: dict[str, str], name: str) -> str:
    written = "".join(f", {expression} AS {identifier(column)}" for column, expression in columns.items())
    return f"SELECT {name}.*{written} FROM ({inner}) AS {name} OFFSET 0"  # noqa: S608 (names are quoted)


def _limited(decided: str, source: Families, at_most: AtMost) -> str:
    """`met` of a child is false behind so many who are met, and unknown where it may be behind so many.

    A child whose day of birth is unknown may stand before any other, and any other before it.
    """
    alone, birth, limit = identifier(ALONE), identifier(CHILD + BIRTH_DATE), at_most.children
    family = f"PARTITION BY {identifier(source.applicant)}"
    before = f"{family} ORDER BY {birth}, {identifier(source.key)} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    counted = {
        "surely_before": f"count(*) FILTER (WHERE {alone} AND {birth} IS NOT NULL) OVER ({before})",
        "maybe_before": f"count(*) FILTER (WHERE {alone} IS NOT FALSE AND {birth} IS NOT NULL) OVER ({before})",
        "maybe_unplaced": f"count(*) FILTER (WHERE {alone} IS NOT FALSE AND {birth} IS NULL) OVER ({family})",
        "maybe_all": f"count(*) FILTER (WHERE {alone} IS NOT FALSE) OVER ({family})",
    }
    placed = (
        f"CASE WHEN {alone} IS FALSE THEN FALSE "
        f"WHEN {birth} IS NULL THEN CASE WHEN maybe_all <= {limit} THEN {alone} END "
        f"WHEN surely_before >= {limit} THEN FALSE "
        f"WHEN maybe_before + maybe_unplaced < {limit} THEN {alone} END"
    )
    return _nested(_nested(decided, counted, "alone"), {MET: placed}, "ranked")
