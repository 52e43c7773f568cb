"""Reads the requirements (data/requirements.yaml), and refuses whatever cannot be proved."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib.resources import files
from typing import Final, Literal

from pydantic import Field

from services.exchange.catalogue import Catalogue, load_catalogue
from services.exchange.catalogue.attributes import Id, Slug, Strict, Titles, Words
from services.exchange.catalogue.files import CatalogueFile
from services.exchange.catalogue.meanings import load_meanings
from services.exchange.evidence.model import EvidenceType, Requirement, RequirementKind, Requirements

FILE: Final = "requirements.yaml"


class _EvidenceType(Strict):
    th: Words
    en: Words
    attributes: list[Id] = Field(min_length=1)
    replaces: list[Id] = Field(default_factory=list)


class _Requirement(Strict):
    kind: Literal["CRITERION", "INFORMATION"]
    th: Words
    en: Words
    open: Titles | None = None
    evidence: list[list[Slug]] = Field(min_length=1)


class _Requirements(Strict):
    evidence_types: dict[Slug, _EvidenceType]
    requirements: dict[Slug, _Requirement]


@cache
def load_requirements() -> Requirements:
    """The requirements that come with the program, read once. Raises :class:`core.strict_yaml.FileError`."""
    text = files(__package__).joinpath("data", FILE).read_text("utf-8")
    documents = {document.id for document in load_meanings().questions.documents}
    return build_requirements(text, load_catalogue(), documents)


def build_requirements(text: str, catalogue: Catalogue, documents: Collection[str]) -> Requirements:
    """Raises :class:`core.strict_yaml.FileError`."""
    file = CatalogueFile(FILE, text)
    raw: _Requirements = file.of(_Requirements)
    for name, kind in raw.evidence_types.items():
        for attribute in kind.attributes:
            found = catalogue.attributes.get(attribute)
            at = ("evidence_types", name, "attributes")
            askable = found is not None and not found.is_tie
            file.must(
                askable, at, f"`{name}`: there is no attribute `{attribute}` to ask for", "Name one of the catalogue"
            )
        unknown = [document for document in kind.replaces if document not in documents]
        at = ("evidence_types", name, "replaces")
        file.must(not unknown, at, f"`{name}` replaces no document of questions.yaml", "Name one, or remove it")
    used: set[str] = set()
    for name, requirement in raw.requirements.items():
        at = ("requirements", name, "evidence")
        for types in requirement.evidence:
            file.must(bool(types), at, f"`{name}` has an empty list of evidence", "Remove it")
            file.must(len(set(types)) == len(types), at, f"`{name}` names evidence twice", "Remove one")
            for kind_name in types:
                known = kind_name in raw.evidence_types
                file.must(known, at, f"`{name}`: there is no evidence type `{kind_name}`", "Name one, or add it above")
            used.update(types)
    for name in raw.evidence_types:
        file.must(name in used, ("evidence_types", name), f"`{name}` proves nothing", "Remove it, or use it")
    return Requirements(
        requirements={
            name: Requirement(
                id=name,
                kind=RequirementKind(r.kind),
                title=Titles(th=r.th, en=r.en).text,
                evidence=tuple(tuple(types) for types in r.evidence),
                open=r.open.text if r.open is not None else None,
            )
            for name, r in raw.requirements.items()
        },
        evidence_types={
            name: EvidenceType(name, Titles(th=e.th, en=e.en).text, tuple(e.attributes), tuple(e.replaces))
            for name, e in raw.evidence_types.items()
        },
    )
