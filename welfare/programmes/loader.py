"""Reads programmes from YAML. What nobody would read there, or what could be read two ways, is an error.

The layout is described in docs/rules.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

from core.money import Money
from core.strict_yaml import Reader, read
from core.text import Text
from welfare.programmes import errors
from welfare.programmes.answer import Cadence, Per
from welfare.programmes.model import (
    Amount,
    Arm,
    Benefit,
    Channel,
    Condition,
    Exclusion,
    ForEach,
    Formula,
    Programme,
    ProgrammeCatalogue,
    Status,
    Unit,
    Version,
)
from welfare.programmes.quantities import Quantity, quantity
from welfare.rules import Constant, Kind, Pred, Term, Vocabulary, parse, parse_amount
from welfare.rules.errors import RuleError
from welfare.rules.tree import Param, fact_names, walk

Tree = TypeVar("Tree", Pred, Term)

ARMS_MAX: Final = 20
_NAMED: Final = re.compile(r":[a-z0-9_]*")
_WRITTEN: Final = re.compile(r"[-+0-9.,]")
"""How a sum begins: a formula begins with a name."""
_PLACE: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_CITATION_WORDS: Final = {
    "หลักเกณฑ์": "criteria",
    "ข้อ": "clause",
    "มาตรา": "section",
    "วรรค": "paragraph",
    "ประกอบ": "with",
    "ทวิ": "bis",
    "ตรี": "ter",
    "และ": "and",
}
"""How a citation is written in English; the numbers stay."""


def load_programmes(directory: Path, vocabulary: Vocabulary) -> ProgrammeCatalogue:
    """Every `*.yaml` of a folder, as programmes over the given attributes. Raises a FileError."""
    files = [
        _ProgrammeFile(Reader(read(path.read_text("utf-8"), path.name), path.name), vocabulary)
        for path in sorted(directory.glob("*.yaml"))
    ]
    programmes = [file.programme() for file in files]
    _check_exclusions(files, programmes)
    return ProgrammeCatalogue(tuple(sorted(programmes, key=lambda programme: programme.slug)))


def _check_exclusions(files: Sequence[_ProgrammeFile], programmes: Sequence[Programme]) -> None:
    """Each names another programme about the same kind of beneficiary, and each pair stands in one file alone."""
    by_slug = {programme.slug: programme for programme in programmes}
    said: set[frozenset[str]] = set()
    for file, programme in zip(files, programmes, strict=True):
        line = file.top.line("excludes")
        for one in programme.excludes:
            other = by_slug.get(one.programme)
            if other is None or other is programme:
                raise errors.UnknownReference(file.file, line, name=one.programme, where="programmes")
            pair = frozenset({programme.slug, other.slug})
            if pair in said or (other.for_each, other.unit) != (programme.for_each, programme.unit):
                raise file.top.wrong("excludes", "another programme for beneficiaries of the same kind, named once")
            said.add(pair)


def load_programme(text: str, file: str, vocabulary: Vocabulary) -> Programme:
    """One programme from the text of its file; `file` is its name, for errors. Raises a FileError."""
    return _ProgrammeFile(Reader(read(text, file), file), vocabulary).programme()


class _ProgrammeFile:
    def __init__(self, top: Reader, vocabulary: Vocabulary) -> None:
        self.top = top
        self.file = top.file
        self.slug = top.slug("programme")
        if f"{self.slug}.yaml" != self.file:
            raise top.wrong("programme", "the name of its file")
        self.for_each = ForEach(top.choice("for_each", *ForEach))
        self.vocabulary = vocabulary if self.for_each is ForEach.CHILD else vocabulary.without_child()
        self.payday = top.number("payday", 1, 31)
        self.conditions = top.part("conditions")
        self.benefits = top.part("benefits")

    def programme(self) -> Programme:
        top = self.top
        versions = [self._version(part) for part in top.parts("versions")]
        self._check_used(self.conditions, "conditions", versions)
        self._check_used(self.benefits, "benefits", versions)
        in_force = [v for v in versions if v.version.status is Status.IN_FORCE]
        result = Programme(
            slug=self.slug,
            title=_text(top),
            payer=top.slug("payer"),
            for_each=self.for_each,
            back_pay=top.flag("back_pay"),
            channel=Channel(top.choice("channel", *Channel)) if top.has("channel") else Channel.HERE,
            on_request=top.flag("on_request") if top.has("on_request") else False,
            excludes=tuple(self._exclusion(part) for part in top.parts("excludes")) if top.has("excludes") else (),
            once_for=self._once_for(in_force),
            unit=Unit(top.choice("unit", *Unit)) if top.has("unit") else Unit.PERSON,
            versions=self._timeline(in_force),
            proposed=tuple(v.version for v in versions if v.version.status is Status.PROPOSED),
            source=top.word("source"),
            unverified=_remarks(top),
        )
        top.done()
        return result

    def _once_for(self, versions: Sequence[_VersionPart]) -> str | None:
        """A fact that every version in force reads, so that each decision holds it."""
        if not self.top.has("once_for"):
            return None
        name = self.top.word("once_for")
        if not all(name in part.version.vocabulary.person for part in versions):
            raise self.top.wrong("once_for", "a fact of the person that every version reads")
        return name

    def _exclusion(self, part: Reader) -> Exclusion:
        law = _text(part.part("law"), whole=True)
        result = Exclusion(part.slug("programme"), _text(part), law)
        part.done()
        return result

    def _version(self, part: Reader) -> _VersionPart:
        return _VersionPart(part, self)

    def _check_used(self, section: Reader, name: str, versions: list[_VersionPart]) -> None:
        for key in section.data:
            if not any(key in version.uses for version in versions):
                raise errors.Unused(self.file, section.line(key), name=key, where=name)

    def _timeline(self, parts: list[_VersionPart]) -> tuple[Version, ...]:
        """In order, each ending where the next begins; a gap only where the file says that the law has one."""
        result: list[Version] = []
        for index, part in enumerate(parts):
            version = part.version
            following = parts[index + 1] if index + 1 < len(parts) else None
            assert version.starts is not None
            if version.until is not None and version.until < version.starts:
                raise errors.VersionOverlap(self.file, part.line)
            if following is not None:
                assert following.version.starts is not None
                last = following.version.starts - timedelta(days=1)
                until = version.until or last
                if version.starts > last or until > last:
                    raise errors.VersionOverlap(self.file, following.line)
                if (until < last) != following.after_gap:
                    raise errors.VersionGap(self.file, following.line)
                version = replace(version, until=until)
            result.append(version)
        return tuple(result)


class _VersionPart:
    """One entry of `versions`, with what the checks over all of them need."""

    def __init__(self, part: Reader, programme: _ProgrammeFile) -> None:
        self.part = part
        self.file = part.file
        self.line = part.data.line
        self.programme = programme
        self.after_gap = part.flag("after_gap") if part.has("after_gap") else False
        self.parameters = self._parameters()
        self.mentioned: set[str] = set()
        self.uses: set[str] = set()
        self.law = _text(part.part("law"), whole=True)
        self.version = self._version()
        for name in self.parameters:
            if name not in self.mentioned:
                raise errors.Unused(self.file, self.line, name=name, where="with")
        part.done()

    def _version(self) -> Version:
        part = self.part
        status = Status(part.choice("status", *Status))
        starts = part.day("from") if status is Status.IN_FORCE or part.has("from") else None
        conditions = self._conditions(part.part("all_of"))
        benefits = tuple(self._benefit(name) for name in part.words("benefits"))
        if not conditions or not benefits:
            raise part.wrong("all_of" if not conditions else "benefits", "not empty")
        trees = [*(c.tree for c in conditions), *(a.tree for b in benefits for a in b.arms)]
        formulas = [formula for benefit in benefits for formula in benefit.formulas]
        return Version(
            programme=self.programme.slug,
            for_each=self.programme.for_each,
            starts=starts,
            until=part.day("until") if part.has("until") else None,
            status=status,
            law=self.law,
            conditions=conditions,
            benefits=benefits,
            vocabulary=_narrowed(self.programme.vocabulary, [*trees, *formulas]),
            source=part.word("source") if part.has("source") else "",
            unverified=_remarks(part),
        )

    def _parameters(self) -> dict[str, Quantity]:
        if not self.part.has("with"):
            return {}
        section = self.part.part("with")
        result = {}
        for name in section.data:
            value = section.any(name)
            if isinstance(value, int) and not isinstance(value, bool):
                result[name] = Quantity(Kind.INT, value, str(value))
            else:
                found = quantity(value) if isinstance(value, str) else None
                if found is None:
                    raise section.wrong(name, "a whole number, a sum such as 1,000 baht or an area such as 25 sq wah")
                result[name] = found
        return result

    def _conditions(self, section: Reader) -> tuple[Condition, ...]:
        result = []
        for name in section.data:
            if not self.programme.conditions.has(name):
                raise errors.UnknownReference(self.file, section.line(name), name=name, where="conditions")
            self.uses.add(name)
            cited = section.word(name)
            english = " ".join(_CITATION_WORDS.get(word, word) for word in cited.split())
            condition = self.programme.conditions.part(name)
            result.append(
                Condition(
                    id=name,
                    text=self._filled(_text(condition), condition),
                    law=Text(th=f"{self.law.th} {cited}", en=f"{self.law.en}, {english}"),
                    tree=self._rule(condition, "if", name),
                    requirement=condition.slug("requirement") if condition.has("requirement") else None,
                )
            )
            condition.done()
        return tuple(result)

    def _rule(self, part: Reader, key: str, name: str) -> Pred:
        return self._parsed(parse, part, key, name)

    def _parsed(self, parser: Callable[..., Tree], part: Reader, key: str, name: str) -> Tree:
        constants = {n: Constant(q.kind, q.value) for n, q in self.parameters.items()}
        try:
            tree = parser(part.word(key), self.programme.vocabulary, constants)
        except RuleError as error:
            raise errors.RuleRefused(self.file, part.line(key), name, error) from error
        self.mentioned |= {node.name for node in walk(tree) if isinstance(node, Param)}
        return tree

    def _filled(self, text: Text, part: Reader) -> Text:
        def value(match: re.Match[str]) -> str:
            if match[1] not in self.parameters:
                raise errors.UnknownReference(self.file, part.data.line, name=match[1], where="with")
            self.mentioned.add(match[1])
            return self.parameters[match[1]].shown

        return Text(th=_PLACE.sub(value, text.th), en=_PLACE.sub(value, text.en))

    def _benefit(self, name: str) -> Benefit:
        if not self.programme.benefits.has(name):
            raise errors.UnknownReference(self.file, self.part.line("benefits"), name=name, where="benefits")
        if name in self.uses:
            raise self.part.wrong("benefits", "each benefit once")
        self.uses.add(name)
        part = self.programme.benefits.part(name)
        payday = part.number("payday", 1, 31) if part.has("payday") else self.programme.payday
        cadence = Cadence(part.choice("cadence", *Cadence))
        arms, otherwise = ((), Money(0)) if cadence is Cadence.STANDING else self._arms(part)
        benefit = Benefit(
            kind=name,
            text=self._filled(_text(part), part),
            cadence=cadence,
            per=Per(part.choice("per", *Per)),
            payday=payday,
            in_kind=part.flag("in_kind") if part.has("in_kind") else False,
            arms=arms,
            otherwise=otherwise,
        )
        part.done()
        return benefit

    def _arms(self, part: Reader) -> tuple[tuple[Arm, ...], Amount]:
        """`amount: :rate`, `amount: share(wage, :rate)`, or a list of `if … pay …` that ends in one `otherwise`."""
        if not isinstance(part.any("amount"), list):
            return (), self._money(part, "amount")
        entries = part.parts("amount")
        if not 0 < len(entries) <= ARMS_MAX:
            raise part.wrong("amount", f"a list of 1 to {ARMS_MAX} entries")
        arms = [Arm(self._rule(entry, "if", "amount"), self._money(entry, "pay")) for entry in entries[:-1]]
        otherwise = self._money(entries[-1], "otherwise")
        for entry in entries:
            entry.done()
        return tuple(arms), otherwise

    def _money(self, part: Reader, key: str) -> Amount:
        """A sum as it is written, the name of one, or a formula over facts."""
        written = part.word(key)
        if _NAMED.fullmatch(written):
            found = self.parameters.get(written[1:])
            self.mentioned.add(written[1:])
        elif _WRITTEN.match(written):
            found = quantity(written)
        else:
            return Formula(self._parsed(parse_amount, part, key, "amount"))
        if found is None or found.kind is not Kind.MONEY:
            raise part.wrong(key, "a sum such as 600 baht, :name of one in `with`, or a formula")
        return Money(found.value)


def _text(part: Reader, *, whole: bool = False) -> Text:
    """`th` and `en` of a part; with `whole` it may hold nothing else."""
    text = Text(th=part.word("th"), en=part.word("en"))
    if whole:
        part.done()
    return text


def _remarks(part: Reader) -> tuple[Text, ...]:
    return tuple(_text(remark, whole=True) for remark in part.parts("unverified")) if part.has("unverified") else ()


def _narrowed(vocabulary: Vocabulary, trees: Sequence[Pred | Term]) -> Vocabulary:
    names = {name for tree in trees for name in fact_names(tree)}
    person = {name: vocabulary.person[name] for name in sorted(names) if not name.startswith("child.")}
    child = {name: kind for name, kind in sorted(vocabulary.child.items()) if f"child.{name}" in names}
    return Vocabulary(person, child)
