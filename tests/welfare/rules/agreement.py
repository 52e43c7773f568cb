"""Random well-typed rules and random facts: the one test function that compares the executions, and what feeds it.

`disagreements` is used by the property test on the real emitters and by the mutation test on broken ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random  # noqa: TID251 (made-up facts from a seed)
from typing import Any, Final

import polars as pl
from hypothesis import strategies as st

from welfare.rules import AttributeType, Constant, Kind, Vocabulary, compile_rules, fact_names, parse, to_json
from welfare.rules.codec import from_json
from welfare.rules.dates import fiscal_year_start
from welfare.rules.polars_code import PolarsEmitter, checked_frame
from welfare.rules.tree import Pred

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
}
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
money_atoms = st.one_of(named("income", "assets"), named("income", "assets"), st.sampled_from([":limit", ":small"]))


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
    st.builds("share({}, :rate) {} :small".format, named("income", "assets"), comparisons),
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


def values(attribute: AttributeType, on: date) -> Sequence[Any]:
    """The known values of an attribute that lie on and beside the boundaries of the generated rules."""
    match attribute.kind:
        case Kind.BOOL:
            return (True, False)
        case Kind.DATE:
            return near(on) + near(fiscal_year_start(on)) + DAYS
        case Kind.CODE:
            return attribute.codes
        case _:
            edges = [attribute.minimum, attribute.maximum, 0, 1, 2, 3, 6, 7, 10_000_000, 10_000_001, 9_999_999, 15, 5]
            return [v for v in edges if attribute.minimum <= v <= attribute.maximum]


def people_of(seed: int, on: date, size: int) -> list[dict[str, Any]]:
    """Facts of `size` people, about a quarter of them unknown. From a seed: thousands of draws would be slow."""
    dice = Random(seed)
    choices = {p + n: [*values(a, on)] for n, a in TYPES.items() for p in ("", "child.")}
    return [{n: dice.choice(v) if dice.random() < KNOWN else None for n, v in choices.items()} for _ in range(size)]


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[str], date, list[dict[str, Any]]]:
    """Four rules, a day, and 64 people."""
    on = draw(st.sampled_from(DAYS[:8]))
    texts = draw(st.lists(rules, min_size=4, max_size=4))
    return texts, on, people_of(draw(st.integers(0, 2**32)), on, 64)


def frame_of(people: list[dict[str, Any]]) -> pl.DataFrame:
    names = list(people[0])
    columns = [
        pl.Series(n, [p[n] for p in people], dtype=DTYPES.get(TYPES[n.removeprefix("child.")].kind, pl.Int64))
        for n in names
    ]
    return pl.DataFrame(columns)


def disagreements(
    texts: list[str], on: date, people: list[dict[str, Any]], emitter: type[PolarsEmitter] = PolarsEmitter
) -> list[str]:
    """Where Python and Polars answer differently, for conditions and for amounts whose arms are the same rules.

    Each tree goes through its stored form first; the masks of the second Python function must agree with the first.
    """
    trees: list[Pred] = [from_json(to_json(parse(text, VOCABULARY, PARAMETERS))) for text in texts]
    compiled, masks = compile_rules(trees, [trees]), compile_rules(trees, [trees], masks=True)
    bound = tuple(d.on(on) for d in compiled.days)
    masks_bound = tuple(d.on(on) for d in masks.days)
    writer = emitter(on)
    names = list(dict.fromkeys(name for tree in trees for name in fact_names(tree)))
    frame = checked_frame(frame_of(people), names, VOCABULARY)
    satang = [100 * (i + 1) for i in range(len(trees) + 1)]
    expressions = [writer.predicate(tree).alias(str(i)) for i, tree in enumerate(trees)]
    by_frame = frame.select(*expressions, writer.amount(trees, satang).alias("amount")).rows()
    found = []
    for person, row in zip(people, by_frame, strict=True):
        own = {n: v for n, v in person.items() if not n.startswith("child.")}
        child = {n[6:]: v for n, v in person.items() if n.startswith("child.")}
        answer = compiled.call(own, child, bound)
        mask = masks.call(own, child, masks_bound)
        outcomes = [{0: False, 1: None, 2: True}[o] for o in answer[:-1]]
        amount = None if answer[-1] < 0 else satang[answer[-1]]
        for i, (one, many) in enumerate(zip([*outcomes, amount], row, strict=True)):
            if one is not many and one != many:
                found.append(f"{[*texts, 'amount'][i]}: one {one}, many {many}, {person}")
            if i < len(texts) and (one is None) != bool(mask[i]):
                found.append(f"{texts[i]}: outcome {one}, unknown facts {mask[i]:b}")
    return found
