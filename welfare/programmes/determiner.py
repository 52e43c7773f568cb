"""Several versions decided together for one citizen: each fact read once, each rule decided once.

A determination is made of outcomes and sums alone, so one that holds nothing unknown is remembered by them and handed
out again: people differ in their facts far more than in their answers. They are immutable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from core.money import Money
from welfare.programmes.answer import BenefitAmount, ConditionOutcome, Determination, Outcome
from welfare.rules import ARM_UNKNOWN, FALSE, TRUE, UNKNOWN, AttributeType, Value, Vocabulary
from welfare.rules.python_sheet import Amount, Key, Ruleset, Sheet

if TYPE_CHECKING:
    from welfare.programmes.model import Version

REMEMBERED_MAX: Final = 512
"""Answers of one version; a few dozen are common, and whoever asks at random shall not fill the memory."""
SETS_MAX: Final = 12
"""Of versions that are decided together: those of today, and those of the other days that were asked about last."""
Facts = Mapping[str, Value | None]
_NOTHING: Final[Facts] = {}
_OUTCOMES: Final = {FALSE: Outcome.UNMET, UNKNOWN: Outcome.UNKNOWN, TRUE: Outcome.MET}


def vocabulary_of(versions: Iterable[Version]) -> Vocabulary:
    """The facts that any of them reads. Raises ValueError where two say otherwise of the same name."""
    person: dict[str, AttributeType] = {}
    child: dict[str, AttributeType] = {}
    for version in versions:
        for found, more in ((person, version.vocabulary.person), (child, version.vocabulary.child)):
            for name, attribute in more.items():
                if found.setdefault(name, attribute) != attribute:
                    raise ValueError(f"{name} is of another type in {version.programme}")
    return Vocabulary(person, child)


Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)


class Shape(Protocol[Answer_co]):
    """What is made of a determination, and remembered in its place; never falsy."""

    def __call__(self, version: Version, found: Determination, /) -> Answer_co: ...


class ShapedDeterminer(Generic[Answer]):
    """For versions of one catalogue: a fact of the same name has the same type in all."""

    def __init__(self, versions: Sequence[Version], shape: Shape[Answer]) -> None:
        self.versions = tuple(versions)
        answers = [_Answers(version, shape) for version in versions]
        self.vocabulary = vocabulary_of(versions)
        self._sheet = Sheet([one.ruleset for one in answers], self.vocabulary)
        for one in answers:
            one.names = self._sheet.facts

    @property
    def needs(self) -> tuple[str, ...]:
        """The facts that any of the versions reads, `child.` before a child's."""
        return self._sheet.facts

    def determine(self, facts: Facts, child: Facts | None, on: date) -> list[Answer]:
        """One for each version. Facts of a child that is not there are unknown. Raises DayOutOfRange or a FactError."""
        return self._sheet.answers(facts, child or _NOTHING, on)


class Determiner(ShapedDeterminer[Determination]):
    """Answers with the determinations themselves."""

    def __init__(self, versions: Sequence[Version]) -> None:
        super().__init__(versions, _as_it_is)


class Determiners:
    """The determiner of each set of versions that is asked about, made once for as long as it is asked about often."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, ...], Determiner] = {}

    def of(self, versions: Sequence[Version]) -> Determiner:
        """Raises ValueError where two of them mean different things by one name."""
        if len(versions) == 1:
            return versions[0].determiner
        # By what they are and not by what they say, which takes longer to compare than to decide. A determiner holds
        # its versions, so that nothing else can be where they are.
        key = tuple([id(version) for version in versions])
        found = self._kept.pop(key, None) or Determiner(versions)
        self._kept[key] = found
        if len(self._kept) > SETS_MAX:
            self._kept.pop(next(iter(self._kept)), None)
        return found


def _as_it_is(_: Version, found: Determination, /) -> Determination:
    return found


class _Answers(Generic[Answer]):
    """What the keys of one version mean."""

    def __init__(self, version: Version, shape: Shape[Answer]) -> None:
        self._version, self._shape = version, shape
        self.names: tuple[str, ...] = ()
        self._conditions = tuple(condition.outcomes() for condition in version.conditions)
        self._benefits = tuple((b, b.fixed, b.formula_by_arm) for b in version.benefits)
        self._remembered: dict[Key | tuple[Key, int], Answer] = {}
        self.ruleset = Ruleset(
            tuple(condition.tree for condition in version.conditions),
            tuple(Amount(tuple(arm.tree for arm in b.arms), b.formula_by_arm) for b in version.benefits),
            self._remembered.get,
            self._make,
        )

    def _make(self, key: Key, unknown: int) -> Answer:
        found = self._determination(key, unknown)
        answer = self._shape(self._version, found)
        if len(self._remembered) >= REMEMBERED_MAX:
            self._remembered.clear()
        self._remembered[(key, unknown) if found.missing else key] = answer
        return answer

    def _determination(self, key: Key, unknown: int) -> Determination:
        outcomes = key[: len(self._conditions)]
        reasons: tuple[ConditionOutcome, ...] = tuple(
            [three[outcome] for three, outcome in zip(self._conditions, outcomes, strict=True)]  # type: ignore[index] # an outcome is never None
        )
        if FALSE in outcomes:
            return Determination(Outcome.UNMET, reasons, (), ())
        unknowns = {name for bit, name in enumerate(self.names) if unknown >> bit & 1}
        missing = tuple([name for name in self._version.needs if name in unknowns])
        outcome = _OUTCOMES[UNKNOWN if UNKNOWN in outcomes else TRUE]
        return Determination(outcome, reasons, self._paid(key[len(outcomes) :]), missing)

    def _paid(self, rest: Key) -> tuple[BenefitAmount, ...]:
        found, parts = [], iter(rest)
        for benefit, fixed, formulas in self._benefits:
            arm, satang = next(parts), next(parts) if benefit.formulas else None
            assert arm is not None
            if arm == ARM_UNKNOWN:
                choice: BenefitAmount | None = benefit.of(None)
            elif formulas[arm] is None:
                choice = fixed[arm]
            elif satang is None:
                choice = benefit.of(None)
            else:
                choice = benefit.of(Money(satang)) if satang else None
            if choice is not None:
                found.append(choice)
        return tuple(found)
