"""Putting rules to some people of a run, or to their children, by Polars: each programme to those for whom its answer
may have changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import polars as pl

from core.money import Money
from services.exchange.facts import Facts, Unused
from welfare.determination.dependencies import DependencyIndex
from welfare.entitlements.assessment import values
from welfare.programmes import ForEach, Outcome, Programme, Version
from welfare.programmes.frames import MET, determine_frame
from welfare.programmes.population import CHILD, Families, determine_population
from welfare.rules import Kind, Vocabulary

_DTYPES: Final[Mapping[Kind, Any]] = {Kind.BOOL: pl.Boolean, Kind.DATE: pl.Date, Kind.CODE: pl.String}
_OUTCOMES: Final = {True: Outcome.MET, False: Outcome.UNMET, None: Outcome.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Found:
    person: UUID
    programme: str
    outcome: Outcome
    beneficiary: UUID
    """The person; in a programme for children the child."""
    is_named: bool = True
    """Whether it is known whom it is about; not of somebody of whom nobody could say which children they have."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What the rules of a programme say of some people: an answer for each, or for each child of theirs."""

    people: Sequence[UUID]
    answers: Sequence[Found]


def decide(
    programmes: Iterable[Programme], index: DependencyIndex, people: Sequence[Unused], on: date
) -> Iterator[tuple[str, Decided]]:
    """By programme, what its rules say of those whom a change concerns; a programme that concerns nobody is left out.

    Where no version is in force, nobody is entitled. Raises what `determine_frame` raises.
    """
    affected = _affected(index, people, on)
    for programme in programmes:
        concerned = [one for one in people if programme.slug in affected[one.changed, one.used_on]]
        if concerned:
            put = _put_to_children if programme.for_each is ForEach.CHILD else _put_to_persons
            yield programme.slug, Decided([one.person for one in concerned], put(programme, concerned, on))


def _put_to_persons(programme: Programme, concerned: Sequence[Unused], on: date) -> list[Found]:
    version, slug = programme.version_on(on), programme.slug
    if version is None:
        return [Found(one.person, slug, Outcome.UNMET, one.person) for one in concerned]
    frame = facts_frame(concerned, kinds_of(version.needs, version.vocabulary))
    met = determine_frame(version, frame, on).get_column(MET)
    return [Found(one.person, slug, _OUTCOMES[each], one.person) for one, each in zip(concerned, met, strict=True)]


def _put_to_children(programme: Programme, concerned: Sequence[Unused], on: date) -> list[Found]:
    version, slug = programme.version_on(on), programme.slug
    pairs = pairs_of(concerned)
    if version is None:
        return [Found(one.parent.person, slug, Outcome.UNMET, one.beneficiary, one.is_named) for one in pairs]
    families = families_of(pairs, [version])
    answers = determine_population([version], families, on).children
    met = dict(zip(answers.get_column(families.key), answers.get_column(f"{slug}.{MET}"), strict=True))
    return [
        Found(one.parent.person, slug, _of_child(_OUTCOMES[met[place]], one), one.beneficiary, one.is_named)
        for place, one in enumerate(pairs)
    ]


def _of_child(outcome: Outcome, pair: Pair) -> Outcome:
    """Of whom nobody could say whom they have, nobody says yes."""
    return outcome if pair.is_named or outcome is Outcome.UNMET else Outcome.UNKNOWN


@dataclass(frozen=True, slots=True)
class Pair:
    """A person and one child of theirs; `child` is None where nobody could say whom they have."""

    parent: Unused
    child: UUID | None

    @property
    def beneficiary(self) -> UUID:
        return self.parent.person if self.child is None else self.child

    @property
    def is_named(self) -> bool:
        return self.child is not None

    @property
    def facts(self) -> Facts:
        return {} if self.child is None else (self.parent.children or {})[self.child]


def pairs_of(people: Iterable[Unused]) -> list[Pair]:
    return [Pair(one, child) for one in people for child in ([None] if one.children is None else list(one.children))]


def families_of(
    pairs: Sequence[Pair], versions: Iterable[Version], further: Mapping[str, Kind] | None = None
) -> Families:
    """A row for each pair, by its place: each child beside the person whose it is, who may stand there several times.
    `further` are facts of the child beside those that the versions read."""
    kinds: dict[str, Kind] = {}
    for version in versions:
        kinds |= kinds_of(version.needs, version.vocabulary)
    own = {name: kind for name, kind in kinds.items() if not name.startswith(CHILD)}
    childs = {name.removeprefix(CHILD): kind for name, kind in kinds.items() if name.startswith(CHILD)}
    places = pl.Series(range(len(pairs)), dtype=pl.Int64)
    parents = _frame([values(one.parent.facts) for one in pairs], own).with_columns(places.alias("id"))
    children = _frame([values(one.facts) for one in pairs], {**childs, **(further or {})})
    return Families(parents, children.with_columns(places.alias("id"), places.alias("applicant")))


def _affected(
    index: DependencyIndex, people: Iterable[Unused], on: date
) -> Mapping[tuple[frozenset[str], date | None], frozenset[str]]:
    """Many people have the same changes."""
    kinds = {(one.changed, one.used_on) for one in people}
    return {(changed, since): index.affected(changed, since, on) for changed, since in kinds}


def kinds_of(names: Collection[str], vocabulary: Vocabulary) -> Mapping[str, Kind]:
    types = {name: vocabulary.type_of(name) for name in names}
    return {name: attribute.kind for name, attribute in types.items() if attribute is not None}


def facts_frame(people: Sequence[Unused], kinds: Mapping[str, Kind]) -> pl.DataFrame:
    """A row a person, a column a fact, null where it is unknown or was not read. Money in satang."""
    return _frame([values(one.facts) for one in people], kinds)


def _frame(known: Sequence[Mapping[str, Any]], kinds: Mapping[str, Kind]) -> pl.DataFrame:
    columns = [
        pl.Series(name, [_plain(one.get(name)) for one in known], dtype=_DTYPES.get(kind, pl.Int64))
        for name, kind in kinds.items()
    ]
    return pl.DataFrame(columns or [pl.Series("nothing", [None] * len(known), dtype=pl.Boolean)])


def _plain(value: Any) -> Any:
    return value.satang if isinstance(value, Money) else value
