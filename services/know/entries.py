"""What the catalogue of services lists: agencies' plugins, and programmes handed in by whoever knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID, uuid5

from core.text import Text
from services.plugins.contract import (
    Access,
    Assurance,
    Binding,
    IssueFee,
    Manifest,
    NeedBasis,
    OperationKind,
    ServiceCategory,
)

_IDS: Final = UUID("6f1d3f0e-3a53-5d0b-9d4e-2d1c8b7a5e90")
"""Namespace of the entries' ids (UUID version 5): an entry has no row of its own, and keeps its id for ever."""


@dataclass(frozen=True, slots=True)
class NeededFact:
    """A fact that the service reads instead of asking for a document."""

    attribute: str
    purpose: Text
    by_consent: bool


@dataclass(frozen=True, slots=True)
class IssuedPaper:
    """A document that a citizen may ask it for, by the operation that issues it."""

    operation: str
    title: Text
    fee: IssueFee | None


@dataclass(frozen=True, slots=True)
class IssuedCredential:
    """A credential for wallets that it gives, by the name it has in the service."""

    name: str
    title: Text
    version: int
    days: int
    by_key: bool
    """Whether the wallet's key is in it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One service as the catalogue shows it."""

    subject: str
    """`service:<slug>` or `programme:<slug>`: what one applies for."""
    title: Text
    description: Text
    category: ServiceCategory
    agency: str
    agency_title: Text
    keywords: tuple[Text | str, ...] = ()
    """More words to find it by; a plain string counts in both languages."""
    needs: tuple[NeededFact, ...] = ()
    documents: tuple[IssuedPaper, ...] = ()
    credentials: tuple[IssuedCredential, ...] = ()
    fee: Text | None = None
    benefit: Text | None = None
    hours: Text | None = None
    assurance: Assurance | None = None
    phone: str | None = None
    email: str | None = None
    url: str | None = None

    @property
    def slug(self) -> str:
        return self.subject.partition(":")[2]

    @property
    def id(self) -> UUID:
        return service_id(self.subject)

    @property
    def is_programme(self) -> bool:
        return self.subject.startswith("programme:")


def service_id(subject: str) -> UUID:
    """The id of the entry of `service:<slug>` or `programme:<slug>`."""
    return uuid5(_IDS, subject)


class EntrySource(Protocol):
    """Handed in by `api`: the entries of this moment."""

    def entries(self) -> tuple[Entry, ...]:
        """The very same tuple until something changes."""
        ...


class ServiceEntries:
    """The entries of the plugins that offer a citizen something. `manifests` answers those published now: the very same
    tuple until something changes."""

    def __init__(self, manifests: Callable[[], tuple[Manifest, ...]]) -> None:
        self._manifests = manifests
        self._read: tuple[Manifest, ...] = ()
        self._made: dict[int, tuple[Manifest, Entry]] = {}
        self._entries: tuple[Entry, ...] = ()

    def entries(self) -> tuple[Entry, ...]:
        manifests = self._manifests()
        if manifests is not self._read:
            # Kept with its manifest, whose identity would otherwise be free for another's use.
            known = self._made
            services = [manifest for manifest in manifests if manifest.is_service]
            self._made = {id(one): known.get(id(one)) or (one, entry_of(one)) for one in services}
            self._entries = tuple(entry for _, entry in self._made.values())
            self._read = manifests
        return self._entries


def entry_of(manifest: Manifest) -> Entry:
    contact = manifest.contact
    return Entry(
        subject=f"service:{manifest.slug}",
        title=manifest.title.text,
        description=manifest.description.text,
        category=manifest.category,
        agency=manifest.agency.slug,
        agency_title=manifest.agency.title.text,
        keywords=(*manifest.keywords.th, *manifest.keywords.en),
        needs=tuple(NeededFact(n.attribute, n.purpose.text, n.basis is NeedBasis.CONSENT) for n in manifest.needs),
        documents=tuple(_documents(manifest)),
        credentials=tuple(
            IssuedCredential(name, spec.title.text, spec.version, spec.days, spec.binding is Binding.KEY)
            for name, spec in manifest.credentials.items()
        ),
        fee=manifest.fee.text.text if manifest.fee else None,
        benefit=manifest.benefit.text if manifest.benefit else None,
        hours=manifest.hours.text,
        assurance=manifest.assurance,
        phone=contact.phone,
        email=contact.email,
        url=contact.url,
    )


def _documents(manifest: Manifest) -> Iterator[IssuedPaper]:
    """Of what it issues to citizens, all that is no credential."""
    credentials = {spec.operation for spec in manifest.credentials.values()}
    for name, spec in manifest.operations_of(OperationKind.ISSUE).items():
        if spec.access is Access.CITIZEN and name not in credentials:
            yield IssuedPaper(name, manifest.title_of(name).text, spec.fee)
