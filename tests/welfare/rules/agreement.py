"""Random well-typed rules and random facts: what compares the executions, and what feeds it.

Used by the property tests on the real emitters, by the tests of broken ones, and by the soak of a million and more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random  # noqa: TID251 (made-up facts from a seed)
from typing import Any, Final

import polars as pl
from hypothesis import HealthCheck
from hypothesis import strategies as st

from tests.welfare.rules.engines import ROW, Engine
from welfare.rules import FALSE, TRUE, UNKNOWN, AttributeType, Constant, Kind, Vocabulary, parse, to_json
from welfare.rules.codec import from_json
from welfare.rules.dates import fiscal_year_start
from welfare.rules.polars_code import PolarsEmitter, checked_frame
from welfare.rules.python_code import PythonEmitter
from welfare.rules.python_sheet import Amount, Key, Ruleset, Sheet
from welfare.rules.sql_code import SqlEmitter, identifier
from welfare.rules.tree import Compare, Pred, Term

BOUND: Final = 10**12
KNOWN: Final = 0.75
CODES: Final = ("normal", "monk", "prisoner")
TYPES: Final = {
    "flag": AttributeType(Kind.BOOL),
    "other_flag": AttributeType(Kind.BOOL),
    "born": AttributeType(Kind.DATE),
    "since": AttributeType(Kind.DATE),
    "size": AttributeType(Kind.INT, -5, 100),
    "count": AttributeType(Kind.INT, 0, 9),
    "income": AttributeType(Kind.MONEY, -BOUND, BOUND),
    "assets": AttributeType(Kind.MONEY, 0, BOUND),
    "standing": AttributeType(Kind.CODE, codes=CODES),
}
VOCABULARY: Final = Vocabulary(TYPES, TYPES)
PARAMETERS: Final = {
    "years": Constant(Kind.INT, 6),
    "few": Constant(Kind.INT, 3),
    "rate": Constant(Kind.INT, 3333),
    "limit": Constant(Kind.MONEY, 10_000_000),
    "small": Constant(Kind.MONEY, 1),
    "owed": Constant(Kind.MONEY, -1),
    "much": Constant(Kind.MONEY, 2_000_000_000),  # with a factor it leaves 32 bits
}
slow: Final = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
NEVER_KNOWN: Final[Callable[[Any], None]] = dict[Any, None]().get
THREE: Final = {FALSE: False, UNKNOWN: None, TRUE: True}
DTYPES: Final[dict[Kind, Any]] = {Kind.BOOL: pl.Boolean, Kind.DATE: pl.Date, Kind.CODE: pl.String}
DAYS: Final = [
    date(2024, 2, 29), date(2024, 3, 1), date(2025, 2, 28), date(2026, 2, 28), date(2025, 3, 1), date(2025, 9, 30),
    date(2025, 10, 1), date(2026, 12, 31), date(2020, 2, 29), date(2008, 2, 29),
]  # fmt: skip

comparisons = st.sampled_from(["<", "<=", "=", "<>", ">=", ">"])
whose = st.sampled_from(["", "child."])


@st.composite
def named(draw: st.DrawFn, *names: str) -> str:
    return draw(whose) + draw(st.sampled_from(names))


numbers = st.sampled_from(["0", "1", "2", "7", ":few", ":years"])
int_atoms = st.one_of(named("size", "count"), named("size", "count"), numbers)
money_atoms = st.one_of(
    named("income", "assets"), named("income", "assets"), st.sampled_from([":limit", ":small", ":much"])
)


def combined(inner: st.SearchStrategy[str], times: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-"]), inner),
        st.builds("LEAST({}, {})".format, inner, inner),
        st.builds("GREATEST({}, {})".format, inner, inner),
        st.builds("{} * {}".format, inner, times),
    )


ints = st.one_of(int_atoms, combined(int_atoms, int_atoms))
money_once = st.one_of(money_atoms, combined(money_atoms, int_atoms), st.builds("share({}, :rate)".format, money_atoms))
moneys = st.one_of(money_once, st.builds("LEAST({}, {})".format, money_once, money_once))

bases = st.one_of(
    st.sampled_from(["assessment_date", "assessment_date", "fiscal_year_start"]),
    st.sampled_from(DAYS).map("DATE '{}'".format),
)
shifts = st.sampled_from(["", "", "", "", " - INTERVAL '1 day'", " + INTERVAL '13 months'", " - INTERVAL '1 year'"])
days = st.builds("{}{}".format, bases, shifts)


@st.composite
def numeric(draw: st.DrawFn) -> str:
    terms = draw(st.sampled_from([ints, moneys]))
    left = (
        f"{draw(named('size') if terms is ints else named('income'))} + {draw(terms)}" if draw(st.booleans()) else None
    )
    first = left or draw(named("size", "count") if terms is ints else named("income", "assets"))
    if draw(st.booleans()):
        return f"{first} {draw(comparisons)} {draw(terms)}"
    return f"{first} {draw(st.sampled_from(['', 'NOT ']))}BETWEEN {draw(terms)} AND {draw(terms)}"


codes = st.lists(st.sampled_from(CODES), min_size=1, max_size=2).map(lambda c: ", ".join(f"'{x}'" for x in c))
predicates = st.one_of(
    named("flag", "other_flag"),
    numeric(),
    st.builds(
        "share({}, :rate) {} {}".format,
        named("income", "assets"),
        comparisons,
        st.sampled_from([":small", ":owed"]),
    ),
    st.builds("{} {}IN ({})".format, named("standing"), st.sampled_from(["", "NOT "]), codes),
    st.builds("{} {} '{}'".format, named("standing"), st.sampled_from(["=", "<>"]), st.sampled_from(CODES)),
    st.builds(
        "age_on({}, {}) {} {}".format,
        named("born", "since"),
        days,
        comparisons,
        st.sampled_from(["0", "1", ":years", "18"]),
    ),
    st.builds("{} {} {}".format, named("born", "since"), comparisons, days),
)


def chained(word: str, items: list[str]) -> str:
    return "(" + f" {word} ".join(items) + ")"


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    chain = st.builds(chained, st.sampled_from(["AND", "OR"]), st.lists(inner, min_size=2, max_size=3))
    return st.one_of(chain, inner.map("NOT ({})".format))


rules = st.recursive(predicates, nested, max_leaves=6)


def near(day: date) -> list[date]:
    """Days on and beside the birthdays that the generated rules speak of; 29 February where the year has one."""
    found = []
    for years in (0, 1, 6, 18):
        anchor = date(day.year - years, day.month, min(day.day, 28))
        found += [anchor + timedelta(days=n) for n in (-1, 0, 1)]
    return found


def edges(attribute: AttributeType, on: date) -> Sequence[Any]:
    """The known values of an attribute that lie on and beside the boundaries of the generated rules."""
    match attribute.kind:
        case Kind.BOOL:
            return (True, False)
        case Kind.DATE:
            return near(on) + near(fiscal_year_start(on)) + DAYS
        case Kind.CODE:
            return attribute.codes
        case _:
            beside = [
                attribute.minimum,
                attribute.maximum,
                0,
                1,
                2,
                3,
                6,
                7,
                10_000_000,
                10_000_001,
                9_999_999,
                15,
                5,
                -2,
                -5,
            ]
            return [v for v in beside if attribute.minimum <= v <= attribute.maximum]


def people_of(seed: int, on: date, size: int) -> list[dict[str, Any]]:
    """Facts of `size` people, about a quarter of them unknown. From a seed: thousands of draws would be slow."""
    dice = Random(seed)
    choices = {p + n: [*edges(a, on)] for n, a in TYPES.items() for p in ("", "child.")}
    return [{n: dice.choice(v) if dice.random() < KNOWN else None for n, v in choices.items()} for _ in range(size)]


ASSESSED: Final = DAYS[:8]
"""The days on which the generated rules are assessed."""
RULES: Final = 4
situations = st.tuples(st.lists(rules, min_size=RULES, max_size=RULES), st.sampled_from(ASSESSED))
"""Some rules, which are also the arms of an amount, and a day."""


def crowds(seed: int, size: int) -> dict[date, Crowd]:
    """So many people for each day."""
    return {on: Crowd.of(on, people_of(seed + n, on, size), f"people {on}") for n, on in enumerate(ASSESSED)}


def frame_of(people: list[dict[str, Any]]) -> pl.DataFrame:
    names = list(people[0])
    columns = [
        pl.Series(n, [p[n] for p in people], dtype=DTYPES.get(TYPES[n.removeprefix("child.")].kind, pl.Int64))
        for n in names
    ]
    return pl.DataFrame(columns)


@dataclass(frozen=True)
class Crowd:
    """Facts of many people on one day, in every form that an execution reads."""

    on: date
    people: list[tuple[dict[str, Any], dict[str, Any]]]
    """Each person's own facts, and their child's."""
    frame: pl.DataFrame
    table: str

    @classmethod
    def of(cls, on: date, people: list[dict[str, Any]], table: str = "people") -> Crowd:
        split = [
            (
                {n: v for n, v in person.items() if not n.startswith("child.")},
                {n[6:]: v for n, v in person.items() if n.startswith("child.")},
            )
            for person in people
        ]
        return cls(on, split, checked_frame(frame_of(people), list(people[0]), VOCABULARY), table)


def trees_of(texts: Sequence[str]) -> list[Pred]:
    """Each rule by way of its stored form, which is what a decision replays."""
    return [from_json(to_json(parse(text, VOCABULARY, PARAMETERS))) for text in texts]


def satang_of(trees: Sequence[Pred]) -> list[int]:
    """What each arm pays, and the last what is paid otherwise."""
    return [100 * (i + 1) for i in range(len(trees) + 1)]


def framed(columns: Sequence[Sequence[Any]]) -> pl.DataFrame:
    """An answer: a column of booleans for each rule, then the satang. A value of another type is refused."""
    kinds: list[Any] = [pl.Boolean] * (len(columns) - 1) + [pl.Int64]
    return pl.DataFrame([pl.Series(str(i), c, dtype=kinds[i], strict=True) for i, c in enumerate(columns)])


def sheet_of(trees: Sequence[Pred], arms: Sequence[Pred], writer: type[PythonEmitter] = PythonEmitter) -> Sheet:
    """A sheet of one ruleset, whose answers are its key and the unknown facts."""
    amounts = (Amount(tuple(arms), (None,) * (len(arms) + 1)),) if arms else ()
    return Sheet([Ruleset(tuple(trees), amounts, NEVER_KNOWN, pair)], VOCABULARY, writer)


def pair(key: Key, unknown: int) -> tuple[Key, int]:
    return key, unknown


def by_python(trees: list[Pred], crowd: Crowd, writer: type[PythonEmitter] = PythonEmitter) -> pl.DataFrame:
    """AssertionError where what is said to be missing does not fit the outcomes."""
    sheet = sheet_of(trees, trees, writer)
    answers = [sheet.answers(own, child, crowd.on)[0] for own, child in crowd.people]
    satang = satang_of(trees)
    assert [UNKNOWN in key[:-1] or key[-1] < 0 for key, _ in answers] == [bool(unknown) for _, unknown in answers]
    columns: list[list[Any]] = [[THREE[key[i]] for key, _ in answers] for i in range(len(trees))]
    return framed([*columns, [None if key[-1] < 0 else satang[key[-1]] for key, _ in answers]])


def by_polars(trees: list[Pred], crowd: Crowd, writer: type[PolarsEmitter] = PolarsEmitter) -> pl.DataFrame:
    emitter = writer(crowd.on)
    expressions = [emitter.predicate(tree).alias(str(i)) for i, tree in enumerate(trees)]
    amount = emitter.amount(trees, satang_of(trees)).alias(str(len(trees)))
    return crowd.frame.select(*expressions, amount)


def query_of(trees: list[Pred], crowd: Crowd, writer: type[SqlEmitter] = SqlEmitter) -> str:
    emitter = writer(crowd.on)
    columns = [*map(emitter.predicate, trees), emitter.amount(trees, [emitter.number(n) for n in satang_of(trees)])]
    return f"SELECT {', '.join(columns)} FROM {identifier(crowd.table)} ORDER BY {identifier(ROW)}"  # noqa: S608 (ours)


def by_sql(trees: list[Pred], crowd: Crowd, engine: Engine, writer: type[SqlEmitter] = SqlEmitter) -> pl.DataFrame:
    return framed(list(zip(*engine.rows(query_of(trees, crowd, writer)), strict=True)))


def difference(texts: Sequence[str], crowd: Crowd, one: pl.DataFrame, other: pl.DataFrame, name: str) -> list[str]:
    """A line for each rule about which the two differ, with the first person that shows it."""
    if one.equals(other):
        return []
    found = []
    for i, text in enumerate([*texts, "amount"][: one.width]):
        for left, right, person in zip(one[str(i)], other[str(i)], crowd.people, strict=True):
            if left is not right and left != right:
                found.append(f"{text} on {crowd.on}: Python {left}, {name} {right}, {person}")
                break
    return found or [f"{name}: another shape"]


def disagreements(texts: Sequence[str], crowd: Crowd, engines: Sequence[Engine]) -> list[str]:
    """Where Polars or a database answers otherwise than Python, for conditions and for amounts of the same rules."""
    trees = trees_of(texts)
    expected = by_python(trees, crowd)
    found = difference(texts, crowd, expected, by_polars(trees, crowd), "polars")
    for engine in engines:
        found += difference(texts, crowd, expected, by_sql(trees, crowd, engine), engine.name)
    return found


# --- formulas: what an amount may be instead of a fixed sum

formulas: Final = st.lists(moneys, min_size=RULES, max_size=RULES)
Writers = tuple[type[PythonEmitter], type[PolarsEmitter], type[SqlEmitter]]
SOUND: Final[Writers] = (PythonEmitter, PolarsEmitter, SqlEmitter)


def terms_of(texts: Sequence[str]) -> list[Term]:
    """Each formula by way of the stored form; of either sign, which a programme's may not be."""
    compared = trees_of([f"assets >= {text}" for text in texts])
    return [tree.right for tree in compared if isinstance(tree, Compare)]


def values(terms: Sequence[Term], crowd: Crowd, engine: Engine, writers: Writers = SOUND) -> list[pl.DataFrame]:
    """What each formula gives each person by Python, by Polars and by the database."""
    sheet = Sheet([Ruleset((), tuple(Amount((), (t,)) for t in terms), NEVER_KNOWN, pair)], VOCABULARY, writers[0])
    keys = [sheet.answers(own, child, crowd.on)[0][0][1::2] for own, child in crowd.people]
    by_python = list(zip(*keys, strict=True))
    names = [str(i) for i in range(len(terms))]
    polars, sql = writers[1](crowd.on), writers[2](crowd.on)
    by_polars = crowd.frame.with_columns(**{n: polars.known_term(t) for n, t in zip(names, terms, strict=True)})
    columns = ", ".join(map(sql.known_term, terms))
    query = f"SELECT {columns} FROM {identifier(crowd.table)} ORDER BY {identifier(ROW)}"  # noqa: S608 (ours)
    by_engine = list(zip(*engine.rows(query), strict=True))
    as_numbers = [
        pl.DataFrame([pl.Series(n, c, dtype=pl.Int64, strict=True) for n, c in zip(names, columns, strict=True)])
        for columns in (by_python, by_engine)
    ]
    return [as_numbers[0], by_polars.select(names), as_numbers[1]]
