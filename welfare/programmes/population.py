"""Several versions over a whole population at once, by Polars: persons in one frame, their children in another.

The work is split before anything is joined: a rule that reads only the child is decided over the children, one that
reads only the applicant over the persons, and the join carries its outcome instead of its facts. A rule that stands in
several versions is decided once, and a fact that is known of everybody costs nothing for being unknown of nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Final

import polars as pl

from welfare.programmes.determiner import vocabulary_of
from welfare.programmes.frames import MET, amount_of, fits_32_bits
from welfare.programmes.model import ForEach, Formula, Version
from welfare.rules import Pred, fact_names
from welfare.rules.polars_code import PolarsEmitter, refuse_beyond, typed_frame

CHILD: Final = "child."


@dataclass(frozen=True, slots=True)
class Answers:
    """A row for each person, by `key`, and for each child, by `key` and `applicant`; in no order.

    Columns are those of `determine_frame` after the programme's slug and a dot: `old-age-allowance.met`. Of a benefit
    that `fits_32_bits` they are as narrow, since most of the time is taken by writing them: add them up as Int64
    (:meth:`total`), for Polars adds 32 bits up in 32 and wraps.
    """

    persons: pl.DataFrame
    children: pl.DataFrame

    def total(self, column: str) -> int:
        """The satang of a benefit, or how many are met, of those that are known."""
        frame = self.persons if column in self.persons.columns else self.children
        return int(frame.get_column(column).cast(pl.Int64).sum())


@dataclass(frozen=True, slots=True)
class Families:
    """Facts by their names in the catalogue, of children without `child.`; `applicant` is the key of a person.

    Both keys are unique in their frames. Facts of an applicant who is not among the persons are unknown.
    """

    persons: pl.DataFrame
    children: pl.DataFrame
    key: str = "id"
    applicant: str = "applicant"


def determine_population(versions: Sequence[Version], families: Families, on: date) -> Answers:
    """One version of each programme, those for each child over the children. Raises what `determine_frame` raises."""
    of_persons = [version for version in versions if version.for_each is ForEach.PERSON]
    of_children = [version for version in versions if version.for_each is ForEach.CHILD]
    plan = _Plan(of_persons, of_children, families, on)
    persons, carried = plan.persons()
    return Answers(persons, plan.children(carried))


class _Plan:
    def __init__(
        self, of_persons: Sequence[Version], of_children: Sequence[Version], families: Families, on: date
    ) -> None:
        self._of_persons, self._of_children, self._families = of_persons, of_children, families
        versions = (*of_persons, *of_children)
        needs = list(dict.fromkeys(name for version in versions for name in version.needs))
        vocabulary = vocabulary_of(versions)
        own = [name for name in needs if not name.startswith(CHILD)]
        self._persons, self._persons_beyond = typed_frame(families.persons, own, vocabulary)
        children = families.children.rename({n: CHILD + n for n in _plain(needs, families)})
        childs = [name for name in needs if name.startswith(CHILD)]
        self._children, self._children_beyond = typed_frame(children, childs, vocabulary)
        known = {c.name for frame in (self._persons, self._children) for c in frame if c.null_count() == 0}
        self._emitter = PolarsEmitter(on, known)
        # Of children, an applicant may be missing, so what is known of every person is not known of every child's.
        self._childs_emitter = PolarsEmitter(on, {name for name in known if name.startswith(CHILD)})
        self._numbers: dict[Pred, str] = {}
        self._childs_rules = list(dict.fromkeys(rule for version in of_children for rule in _conditions(version)))
        self._of_applicants = [rule for rule in self._childs_rules if not _reads_child(rule)]

    def persons(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The answers about persons; and what is carried to their children: the rules that read nobody else, decided
        once for both, and the facts of those that do."""
        keys = (self._families.key,)
        rules = dict.fromkeys(rule for version in self._of_persons for rule in _conditions(version))
        columns = self._decided((*rules, *self._of_applicants), self._persons_beyond, self._emitter)
        frame = self._with_key(self._persons, self._families.persons, keys).lazy().with_columns(**columns)
        carried = [*keys, *sorted(self._carried()), *map(self._number, self._of_applicants)]
        frame, wanted = self._answered(frame, self._of_persons, keys, self._emitter)
        found = _collected(frame.select(*dict.fromkeys((*wanted, *carried)), *map(_beyond, self._persons_beyond)))
        self._refuse(found, self._persons_beyond)
        return found.select(wanted), found.select(carried)

    def children(self, carried: pl.DataFrame) -> pl.DataFrame:
        """The answers about children: their own part, beside what the join brings of their applicants."""
        key, applicant = self._families.key, self._families.applicant
        own = [rule for rule in self._childs_rules if all(name.startswith(CHILD) for name in fact_names(rule))]
        mixed = [rule for rule in self._childs_rules if rule not in own and rule not in self._of_applicants]

        frame = self._with_key(self._children, self._families.children, (key, applicant)).lazy()
        frame = frame.with_columns(**self._decided(own, self._children_beyond, self._emitter))
        if carried.width > 1:
            # In one piece: what is taken out of several is looked for in each.
            frame = frame.join(carried.rechunk().lazy().rename({key: applicant}), on=applicant, how="left")
        frame = frame.with_columns(**{self._number(rule): self._childs_emitter.predicate(rule) for rule in mixed})
        frame, wanted = self._answered(frame, self._of_children, (key, applicant), self._childs_emitter)
        found = _collected(frame.select(*wanted, *map(_beyond, self._children_beyond)))
        self._refuse(found, self._children_beyond)
        return found.select(wanted)

    def _carried(self) -> set[str]:
        """Facts of an applicant that are read together with those of the child, or by an amount."""
        rules = [rule for rule in self._childs_rules if rule not in self._of_applicants]
        benefits = [benefit for version in self._of_children for benefit in version.benefits]
        arms = [arm.tree for benefit in benefits for arm in benefit.arms]
        formulas = [a.tree for benefit in benefits for a in benefit.amounts if isinstance(a, Formula)]
        trees = (*rules, *arms, *formulas)
        return {name for tree in trees for name in fact_names(tree) if not name.startswith(CHILD)}

    def _decided(
        self, rules: Iterable[Pred], beyond: Mapping[str, pl.Expr], emitter: PolarsEmitter
    ) -> dict[str, pl.Expr]:
        """Every rule, each behind the question whether its facts are in their ranges, which has just fetched them."""
        columns: dict[str, pl.Expr] = {}
        for rule in rules:
            for name in fact_names(rule):
                if name in beyond:
                    columns.setdefault(_beyond(name), beyond[name])
            columns[self._number(rule)] = emitter.predicate(rule)
        for name, outside in beyond.items():
            columns.setdefault(_beyond(name), outside)
        return columns

    def _refuse(self, found: pl.DataFrame, beyond: Iterable[str]) -> None:
        refuse_beyond(found.select(pl.col(_beyond(name)).alias(name) for name in beyond), beyond)

    def _number(self, rule: Pred) -> str:
        return self._numbers.setdefault(rule, f"rule {len(self._numbers)}")

    def _with_key(self, facts: pl.DataFrame, source: pl.DataFrame, keys: Iterable[str]) -> pl.DataFrame:
        return pl.DataFrame([_said_sorted(source.get_column(key)) for key in keys]).hstack(facts)

    def _answered(
        self, frame: pl.LazyFrame, versions: Sequence[Version], keys: Sequence[str], emitter: PolarsEmitter
    ) -> tuple[pl.LazyFrame, list[str]]:
        """With the answers, and the names of their columns."""
        met, columns = {}, {}
        for version in versions:
            slug = version.programme
            conditions = [pl.col(self._number(rule)) for rule in _conditions(version)]
            met[f"{slug}.{MET}"] = reduce(lambda a, b: a & b, conditions)
            for condition, column in zip(version.conditions, conditions, strict=True):
                columns[f"{slug}.condition.{condition.id}"] = column
            for benefit in version.sums:
                refused = pl.col(f"{slug}.{MET}").eq_missing(pl.lit(value=False))
                dtype = pl.Int32 if fits_32_bits(benefit) else pl.Int64
                amount = pl.when(refused).then(pl.lit(0, dtype=dtype)).otherwise(amount_of(emitter, benefit, dtype))
                columns[f"{slug}.benefit.{benefit.kind}"] = amount
        return frame.with_columns(**met).with_columns(**columns), [*keys, *met, *columns]


def _collected(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.collect(engine="in-memory")


def _beyond(name: str) -> str:
    """The column that says where a fact is out of its range; no fact and no answer is called so."""
    return f"{name} beyond"


def _reads_child(rule: Pred) -> bool:
    return any(name.startswith(CHILD) for name in fact_names(rule))


def _said_sorted(keys: pl.Series) -> pl.Series:
    """Polars joins sorted keys by going along both, several times as fast, but only if it is told that they are."""
    return keys.set_sorted() if keys.null_count() == 0 and keys.is_sorted() else keys


def _conditions(version: Version) -> tuple[Pred, ...]:
    return tuple(condition.tree for condition in version.conditions)


def _plain(needs: Iterable[str], families: Families) -> list[str]:
    """The children's columns that a rule reads; a missing one is named when it is looked for."""
    wanted = (name.removeprefix(CHILD) for name in needs if name.startswith(CHILD))
    return [name for name in wanted if name in families.children.columns]
