"""A second reading of the language: sqlglot parses a rule's text as the SQL that it claims to be; a database runs it.

Nothing of ours is in it but the texts: precedence, BETWEEN, NOT and the intervals are sqlglot's and the database's, an
age is PostgreSQL's own `AGE`. Only what the language means otherwise than SQL, or names itself, is put in: parameters,
the two days, `share`, and that LEAST and GREATEST of an unknown are unknown.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import sqlglot
from sqlglot import exp

from tests.welfare.rules.agreement import PARAMETERS

POSTGRES: Final = "postgres"


def as_sql(text: str, on: date, dialect: str = POSTGRES) -> str:
    """The rule as an expression over a table of facts, in the words of that database."""
    tree = sqlglot.parse_one(text, read=POSTGRES)
    return tree.transform(lambda node: _meant(node, on)).sql(dialect=dialect)


def _meant(node: exp.Expr, on: date) -> exp.Expr:
    if isinstance(node, exp.Placeholder):
        return _read(f"CAST({PARAMETERS[node.name].value} AS BIGINT)")
    if isinstance(node, exp.Column):
        return _column(node, on)
    if isinstance(node, exp.Literal) and not node.is_string and not isinstance(node.parent, exp.Interval | exp.Cast):
        return _read(f"CAST({node.name} AS BIGINT)")
    if isinstance(node, exp.Least | exp.Greatest):
        unknown = " OR ".join(f"({_text(arg, on)}) IS NULL" for arg in (node.this, *node.expressions))
        word, arguments = node.key.upper(), ", ".join(_text(arg, on) for arg in (node.this, *node.expressions))
        return _read(f"CASE WHEN {unknown} THEN NULL ELSE {word}({arguments}) END")
    if isinstance(node, exp.Anonymous) and node.name == "share":
        money, rate = (_text(arg, on) for arg in node.expressions)
        return _read(f"FLOOR((({money}) * ({rate}) + 5000) / 10000.0)")
    if isinstance(node, exp.Anonymous) and node.name == "age_on":
        born, day = (_text(arg, on) for arg in node.expressions)
        return _read(f"CASE WHEN {born} > ({day}) THEN -1 ELSE EXTRACT(YEAR FROM AGE(({day}), {born})) END")
    return node


def _column(node: exp.Column, on: date) -> exp.Expr:
    if node.name == "assessment_date":
        return _read(f"DATE '{on}'")
    if node.name == "fiscal_year_start":
        return _read(f"DATE '{on.year - (on.month < 10)}-10-01'")
    return exp.column(exp.to_identifier(f"{node.table}.{node.name}" if node.table else node.name, quoted=True))


def _text(node: exp.Expr, on: date) -> str:
    return node.transform(lambda inner: _meant(inner, on)).sql(dialect=POSTGRES)


def _read(text: str) -> exp.Expr:
    return sqlglot.parse_one(text, read=POSTGRES)
