"""Several versions over a whole population at once, by Polars: persons in one frame, their children in another.

The work is split before anything is joined: a rule that reads only the child is decided over the children, one that
reads only the applicant over the persons, and the join carries its outcome instead of its facts. A rule that stands in
several versions is decided once, and a fact that is known of everybody costs nothing for being unknown of nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from typing import Final

import polars as pl

from welfare.programmes.determiner import vocabulary_of
from welfare.programmes.frames import MET, amount_of, fits_32_bits
from welfare.programmes.model import ForEach, Formula, Version
from welfare.rules import Pred, fact_names
from welfare.rules.polars_code import PolarsEmitter, checked_frame

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
    persons, children = pl.collect_all([plan.persons(), plan.children()], engine="in-memory")
    return Answers(persons, children)


class _Plan:
    def __init__(
        self, of_persons: Sequence[Version], of_children: Sequence[Version], families: Families, on: date
    ) -> None:
        self._of_persons, self._of_children, self._families = of_persons, of_children, families
        versions = (*of_persons, *of_children)
        needs = list(dict.fromkeys(name for version in versions for name in version.needs))
        vocabulary = vocabulary_of(versions)
        own = [name for name in needs if not name.startswith(CHILD)]
        self._persons = checked_frame(families.persons, own, vocabulary)
        children = families.children.rename({n: CHILD + n for n in _plain(needs, families)})
        self._children = checked_frame(children, [n for n in needs if n.startswith(CHILD)], vocabulary)
        known = {c.name for frame in (self._persons, self._children) for c in frame if c.null_count() == 0}
        self._emitter = PolarsEmitter(on, known)
        # Of children, an applicant may be missing, so what is known of every person is not known of every child's.
        self._childs_emitter = PolarsEmitter(on, {name for name in known if name.startswith(CHILD)})
        self._numbers: dict[Pred, str] = {}
        self._childs_rules = list(dict.fromkeys(rule for version in of_children for rule in _conditions(version)))
        self._decided = self._decide_persons()

    def _decide_persons(self) -> pl.LazyFrame:
        """Facts of persons and every rule that reads nobody else, decided once for them and for their children."""
        rules = [rule for version in self._of_persons for rule in _conditions(version)]
        rules += [rule for rule in self._childs_rules if not _reads_child(rule)]
        columns = {self._number(rule): self._emitter.predicate(rule) for rule in rules}
        frame = self._with_key(self._persons, self._families.persons, (self._families.key,))
        return frame.lazy().with_columns(**columns).collect(engine="in-memory").lazy()

    def persons(self) -> pl.LazyFrame:
        """The answers about persons."""
        return self._answered(self._decided, self._of_persons, (self._families.key,), self._emitter)

    def children(self) -> pl.LazyFrame:
        """The answers about children: their own part, beside what the join brings of their applicants."""
        key, applicant = self._families.key, self._families.applicant
        own = [rule for rule in self._childs_rules if all(name.startswith(CHILD) for name in fact_names(rule))]
        applicants = [rule for rule in self._childs_rules if not _reads_child(rule)]
        mixed = [rule for rule in self._childs_rules if rule not in own and rule not in applicants]
        later = [*mixed, *(arm.tree for v in self._of_children for b in v.benefits for arm in b.arms)]
        formulas = [a.tree for v in self._of_children for b in v.benefits for a in b.amounts if isinstance(a, Formula)]
        carried = {name for tree in (*later, *formulas) for name in fact_names(tree) if not name.startswith(CHILD)}

        frame = self._with_key(self._children, self._families.children, (key, applicant)).lazy()
        frame = frame.with_columns(**{self._number(rule): self._emitter.predicate(rule) for rule in own})
        if applicants or carried:
            persons = self._decided.select(
                pl.col(key).alias(applicant), *sorted(carried), *(self._number(rule) for rule in applicants)
            )
            frame = frame.join(persons, on=applicant, how="left")
        frame = frame.with_columns(**{self._number(rule): self._childs_emitter.predicate(rule) for rule in mixed})
        return self._answered(frame, self._of_children, (key, applicant), self._childs_emitter)

    def _number(self, rule: Pred) -> str:
        return self._numbers.setdefault(rule, f"rule {len(self._numbers)}")

    def _with_key(self, facts: pl.DataFrame, source: pl.DataFrame, keys: Iterable[str]) -> pl.DataFrame:
        return pl.DataFrame([_said_sorted(source.get_column(key)) for key in keys]).hstack(facts)

    def _answered(
        self, frame: pl.LazyFrame, versions: Sequence[Version], keys: Sequence[str], emitter: PolarsEmitter
    ) -> pl.LazyFrame:
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
        return frame.with_columns(**met).select(*keys, *met, **columns)


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
