"""Welfare programmes as entries of the catalogue of services: a citizen searches one list, whoever offers a thing."""

from __future__ import annotations

from collections.abc import Iterable

from services.exchange.catalogue import Catalogue
from services.exchange.facts import WELFARE_CHECK
from services.know.entries import Entry, NeededFact
from services.plugins.contract import Manifest, ServiceCategory
from welfare.programmes import Programme, ProgrammeCatalogue


class ProgrammeEntries:
    """Fulfils `services.know.entries.EntrySource`."""

    def __init__(self, programmes: ProgrammeCatalogue, catalogue: Catalogue) -> None:
        self._entries = tuple(_entry(programme, catalogue) for programme in programmes)

    def entries(self) -> tuple[Entry, ...]:
        return self._entries


def _entry(programme: Programme, catalogue: Catalogue) -> Entry:
    version = programme.versions[-1]
    return Entry(
        subject=f"programme:{programme.slug}",
        title=programme.title,
        description=version.law,
        category=ServiceCategory.WELFARE,
        agency=programme.payer,
        agency_title=catalogue.agency_title(programme.payer),
        needs=tuple(NeededFact(name, WELFARE_CHECK.text, by_consent=False) for name in version.needs),
    )


def requirements_of(programmes: ProgrammeCatalogue, manifests: Iterable[Manifest]) -> dict[str, list[str]]:
    """Requirement → who requires it: `programme:<slug>` by its latest or a proposed version, `service:<slug>`."""
    found: dict[str, set[str]] = {}
    for programme in programmes:
        for version in (*programme.versions[-1:], *programme.proposed):
            for condition in version.conditions:
                if condition.requirement is not None:
                    found.setdefault(condition.requirement, set()).add(f"programme:{programme.slug}")
    for manifest in manifests:
        for name in manifest.requirements:
            found.setdefault(name, set()).add(f"service:{manifest.slug}")
    return {name: sorted(subjects) for name, subjects in found.items()}
