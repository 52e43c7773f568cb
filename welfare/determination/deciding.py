"""Putting rules to some people of a run, by Polars: each programme to those for whom its answer may have changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import polars as pl

from core.money import Money
from services.exchange.facts import Unused
from welfare.determination.dependencies import DependencyIndex
from welfare.entitlements.assessment import values
from welfare.programmes import Outcome, Programme
from welfare.programmes.frames import MET, determine_frame
from welfare.rules import Kind, Vocabulary

_DTYPES: Final[Mapping[Kind, Any]] = {Kind.BOOL: pl.Boolean, Kind.DATE: pl.Date, Kind.CODE: pl.String}
_OUTCOMES: Final = {True: Outcome.MET, False: Outcome.UNMET, None: Outcome.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Found:
    person: UUID
    programme: str
    outcome: Outcome


def decide(
    programmes: Iterable[Programme], index: DependencyIndex, people: Sequence[Unused], on: date
) -> Iterator[tuple[str, list[Found]]]:
    """By programme, what its rules say of those whom a change concerns; a programme that concerns nobody is left out.

    Programmes for persons. Where no version is in force, nobody is entitled. Raises what `determine_frame` raises.
    """
    affected = _affected(index, people, on)
    for programme in programmes:
        concerned = [one for one in people if programme.slug in affected[one.changed, one.used_on]]
        if not concerned:
            continue
        version = programme.version_on(on)
        if version is None:
            yield programme.slug, [Found(one.person, programme.slug, Outcome.UNMET) for one in concerned]
            continue
        frame = facts_frame(concerned, kinds_of(version.needs, version.vocabulary))
        met = determine_frame(version, frame, on).get_column(MET)
        yield (
            programme.slug,
            [Found(one.person, programme.slug, _OUTCOMES[each]) for one, each in zip(concerned, met, strict=True)],
        )


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
    known = [values(one.facts) for one in people]
    return pl.DataFrame(
        [
            pl.Series(name, [_plain(one.get(name)) for one in known], dtype=_DTYPES.get(kind, pl.Int64))
            for name, kind in kinds.items()
        ]
    )


def _plain(value: Any) -> Any:
    return value.satang if isinstance(value, Money) else value
