"""The catalogue of the program as it is shipped, for its page in the documentation."""

from __future__ import annotations

from collections.abc import Iterator

from api.listing import requirements_of
from api.schema import AGENCIES
from services.exchange.catalogue import load_catalogue
from services.exchange.evidence.broker import EvidenceBroker
from services.exchange.evidence.directory import DataDirectory, Provision
from services.exchange.evidence.loader import load_requirements
from services.exchange.evidence.page import page
from services.exchange.evidence.published import PublishedCatalogue
from services.plugins.contract import Manifest, OperationKind, read_manifest
from welfare.entitlements.room import programmes_over


def catalogue_page() -> str:
    """With our own agencies' services as providers, as if each answered."""
    catalogue = load_catalogue()
    directory = DataDirectory(catalogue, _provisions)
    programmes = programmes_over(catalogue)
    broker = EvidenceBroker(load_requirements(), directory, lambda: requirements_of(programmes, _manifests()))
    return page(PublishedCatalogue(catalogue, broker))


def _manifests() -> Iterator[Manifest]:
    """Alone: the page needs no code of a service."""
    for path in sorted(AGENCIES.glob("*/manifest.toml")):
        yield read_manifest(path.read_text("utf-8"), plugin=path.parent.name)


def _provisions() -> Iterator[Provision]:
    for manifest in _manifests():
        for operation in manifest.operations_of(OperationKind.SOURCE):
            provided = frozenset(name for name, by in manifest.provides.items() if by == operation)
            yield Provision(manifest.agency.slug, manifest.slug, operation, provided)
