"""Requirements and evidence, in the words of CCCEV 2 (Core Criterion and Core Evidence Vocabulary) and of EU OOTS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from core.errors import NotFound
from core.text import Text


class RequirementKind(StrEnum):
    CRITERION = "CRITERION"
    """Met or not."""
    INFORMATION = "INFORMATION"
    """Something that a service wants to know."""


@dataclass(frozen=True, slots=True)
class EvidenceType:
    """A kind of proof: facts of the catalogue, in place of a document that somebody would have to bring."""

    id: str
    title: Text
    attributes: tuple[str, ...]
    replaces: tuple[str, ...] = ()


EvidenceTypeList: TypeAlias = tuple[str, ...]
"""Ids of evidence types that prove a requirement together."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a service requires of a person; each list of `evidence` proves it alone."""

    id: str
    kind: RequirementKind
    title: Text
    evidence: tuple[EvidenceTypeList, ...]
    open: Text | None = None
    """What whoever requires it says themselves, such as the limit."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """Reviewed data, read once by :func:`services.exchange.evidence.loader.load_requirements`."""

    requirements: Mapping[str, Requirement]
    evidence_types: Mapping[str, EvidenceType]

    def attributes(self, requirement: str) -> frozenset[str]:
        """Every fact that may be needed to prove it. Raises :class:`UnknownRequirement`."""
        found = self.requirements.get(requirement)
        if found is None:
            raise UnknownRequirement
        return frozenset(name for way in found.evidence for name in self.attributes_of(way))

    def attributes_of(self, way: EvidenceTypeList) -> frozenset[str]:
        """The facts of all evidence of one list."""
        return frozenset(name for kind in way for name in self.evidence_types[kind].attributes)

    def by_attribute(self) -> dict[str, tuple[str, ...]]:
        """Of each attribute, the requirements that it may be needed to prove."""
        found: dict[str, list[str]] = {}
        for requirement in self.requirements:
            for name in sorted(self.attributes(requirement)):
                found.setdefault(name, []).append(requirement)
        return {name: tuple(requirements) for name, requirements in found.items()}


class UnknownRequirement(NotFound):
    code = "UNKNOWN_REQUIREMENT"
    text = Text(th="ไม่มีข้อกำหนดนี้ในทะเบียน", en="There is no such requirement.")
