"""The manifest: what an agency says of its service, in TOML beside in-process code, in JSON for a remote plugin."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from services.plugins.contract.asked import Asked as Asked  # noqa: PLC0414 - known from here, too
from services.plugins.contract.contact import Contact as Contact  # noqa: PLC0414 - known from here, too
from services.plugins.contract.credentials import CredentialSpec
from services.plugins.contract.events import EventKind as EventKind  # noqa: PLC0414 - known from here, too
from services.plugins.contract.faults import Fault, ManifestError, Rule
from services.plugins.contract.fees import Fee, IssueFee
from services.plugins.contract.formats import Formats
from services.plugins.contract.notices import NoticeSpec
from services.plugins.contract.registers import Ask
from services.plugins.contract.reporting import Power, Sender, senders_trouble
from services.plugins.contract.titles import Keyword, Strict, Titles

CONTRACT_VERSION: Final = 1
TIME_LIMIT_SECONDS_MAX: Final = 10
CACHE_SECONDS_MAX: Final = 86_400
BATCH_MAX: Final = 1_000
PLACES: Final = 20
PLACES_MAX: Final = 50
ANSWER_BYTES_MAX: Final = 1_000_000
DOCUMENT_BYTES_MAX: Final = 5_000_000
MANIFEST_BYTES_MAX: Final = 64 * 1024
AWARD_SATANG_MAX: Final = 10_000_000_00

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", min_length=2, max_length=40)]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9]*$", max_length=60)]
TypePrefix = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]*$", min_length=3, max_length=40)]
ErrorCode = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$", max_length=60)]
AttributeId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=60)]
Version = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,3})(\.(0|[1-9][0-9]{0,3})){2}$")]
RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z]+(-[a-z]+)*$", max_length=60)]
"""Of the conformance suite (docs/conformance.md)."""


class ServiceCategory(StrEnum):
    """The ten focus areas of the national plan for digital government."""

    EDUCATION = "education"
    HEALTH = "health"
    AGRICULTURE = "agriculture"
    WELFARE = "welfare"
    PARTICIPATION = "participation"
    """Participation and transparency."""
    SMES = "smes"
    LABOUR = "labour"
    ENVIRONMENT = "environment"
    JUSTICE = "justice"
    TOURISM = "tourism"


class OperationKind(StrEnum):
    """The eight kinds of operation, and no more."""

    QUERY = "query"
    """Answers a field of the graph."""
    SOURCE = "source"
    """Answers attributes of the catalogue to the exchange."""
    SUBMIT = "submit"
    """Takes an application."""
    STATUS = "status"
    """Says how far an application is."""
    CANCEL = "cancel"
    """Takes an application back."""
    INGEST = "ingest"
    """Takes what the agency sends of its own accord."""
    ISSUE = "issue"
    """Gives a document or credential."""
    NOTIFY = "notify"
    """Hears of an event."""


class Access(StrEnum):
    """Whether an operation is about a signed-in citizen, or open to anyone and about nobody."""

    CITIZEN = "citizen"
    PUBLIC = "public"
    AGENCY = "agency"
    """About a citizen, and for other agencies' plugins alone to ask."""


class NeedBasis(StrEnum):
    """The lawful basis on which a service needs a fact, PDPA 2562 s.24(4) and s.19."""

    PUBLIC_TASK = "public_task"
    CONSENT = "consent"


class Assurance(StrEnum):
    """The identity assurance level a service asks for (DGA's digital-ID standard); ThaID gives 2.3."""

    IAL_1_1 = "1.1"
    IAL_1_2 = "1.2"
    IAL_1_3 = "1.3"
    IAL_2_1 = "2.1"
    IAL_2_2 = "2.2"
    IAL_2_3 = "2.3"
    IAL_3 = "3"


class Delegates(StrEnum):
    """What somebody who acts for a citizen under a delegation may do with a service, as far as the delegation goes."""

    NOTHING = "nothing"
    """Nothing: it is shown to the citizen alone, who alone applies."""
    VIEW = "view"
    """Look, where the delegation lets them view."""
    APPLY = "apply"
    """Look, and apply where the delegation lets them apply."""

    @property
    def openness(self) -> int:
        """By which one may more than another."""
        return list(Delegates).index(self)


class Keywords(Strict):
    """Words that a citizen may search by, besides those of title and description."""

    th: list[Keyword] = Field(min_length=1, max_length=50)
    en: list[Keyword] = Field(min_length=1, max_length=50)


class Agency(Strict):
    """Whose service it is; the catalogue of attributes knows the agency by the same slug."""

    slug: Slug
    title: Titles


class OperationSpec(Strict):
    """One operation. Nothing an agency does may keep a citizen waiting longer than `time_limit_seconds`."""

    kind: Annotated[OperationKind, Field(strict=False)]
    access: Annotated[Access, Field(strict=False)] = Access.CITIZEN
    time_limit_seconds: int = Field(ge=1, le=TIME_LIMIT_SECONDS_MAX)
    cache_seconds: int = Field(default=0, ge=0, le=CACHE_SECONDS_MAX)
    """How long an answer to a query may be given to the same citizen again; 0 is never. How long a source's answer is
    kept, the catalogue of attributes says."""
    batch: int = Field(default=0, ge=0, le=BATCH_MAX)
    """Of a source: how many people one call may be about; 0: it is asked about one. Of an `ingest`: how many records
    one call may hold; 0: 100."""
    places: int = Field(default=PLACES, ge=1, le=PLACES_MAX)
    """How many calls of it may run at once in one process of ours: its bulkhead."""
    answer_bytes_max: int = Field(default=ANSWER_BYTES_MAX, ge=1, le=DOCUMENT_BYTES_MAX)
    """An answer that is larger is not read to its end. Only an `issue` may allow more than a million."""
    forwards_token: bool = False
    """Whether the agency gets a token of the citizen with the call, good for itself alone and for a minute."""
    events: list[Annotated[EventKind, Field(strict=False)]] = Field(default_factory=list, max_length=20)
    """Of a `notify`: what it wants to hear of, one at least."""
    record: dict[str, Any] | None = None
    """Of an `ingest`: JSON Schema 2020-12 of one record."""
    formats: Formats | None = None
    """Of an `ingest`: how its records stand in XML and CSV."""
    senders: list[Annotated[Sender, Field(strict=False)]] = Field(default_factory=lambda: [Sender.AGENCY])
    """Of an `ingest`: whose systems may send to it; a juristic person's officer needs the :attr:`power` for that."""
    power: Power | None = None
    awards_satang_max: int = Field(default=0, ge=0, le=AWARD_SATANG_MAX)
    """Of an `ingest`: the most that an :class:`Award` in its answers may be of; 0: they hold none."""
    answer: dict[str, Any] | None = None
    """Of a query of access `agency`: JSON Schema 2020-12 of all that it tells."""
    notices: dict[FieldName, NoticeSpec] = Field(default_factory=dict, max_length=5)
    """Of an `ingest`: the words in which a :class:`Notice` of its answers tells a citizen of a record."""
    asked: Asked | None = None
    """Of a public query: a limit of its own. Who asks more often is refused with `RATE_LIMITED`."""
    title: Titles | None = None
    """Of an `issue`: what it gives, as the citizen reads it before there is any, on its order and its bill; the
    service's own, unless said."""
    fee: IssueFee | None = None
    """Of an `issue`: what a document of it costs."""
    citizen_alone: bool = False
    """Of a query about a citizen: nobody who acts for them sees it, whatever `delegates` says: health (PDPA s.26)."""

    @model_validator(mode="after")
    def _belongs_to_its_kind(self) -> Self:
        is_source, is_ingest = self.kind is OperationKind.SOURCE, self.kind is OperationKind.INGEST
        if self.batch and not is_ingest and (not is_source or self.access is not Access.CITIZEN):
            raise ValueError("only a source about citizens has a `batch`, and an ingest")
        if self.answer_bytes_max > ANSWER_BYTES_MAX and self.kind is not OperationKind.ISSUE:
            raise ValueError(f"only an issue answers more than {ANSWER_BYTES_MAX} bytes")
        if bool(self.events) != (self.kind is OperationKind.NOTIFY):
            raise ValueError("a notify names its `events`, and nothing else has any")
        if self.asked is not None and (self.kind is not OperationKind.QUERY or self.access is not Access.PUBLIC):
            raise ValueError("only a public query says how often it is `asked`")
        of_agencies = self.access is Access.AGENCY
        if self.citizen_alone and (self.kind is not OperationKind.QUERY or self.access is not Access.CITIZEN):
            raise ValueError("only a query about a citizen is for the `citizen_alone`")
        if of_agencies != (self.answer is not None) or (of_agencies and self.kind is not OperationKind.QUERY):
            raise ValueError("other agencies ask a query that says what it `answer`s, and nothing else says so")
        if (self.record is not None) != is_ingest:
            raise ValueError("an ingest says what a `record` of it is, and nothing else does")
        if self.awards_satang_max and not is_ingest:
            raise ValueError("only an ingest awards money")
        if self.notices and not is_ingest:
            raise ValueError("only an ingest has `notices`")
        if (trouble := senders_trouble(self.senders, self.power, is_ingest=is_ingest)) is not None:
            raise ValueError(trouble)
        return self

    @model_validator(mode="after")
    def _gives_what_it_says(self) -> Self:
        own = [name for name in ("title", "fee") if getattr(self, name) is not None]
        if own and (self.kind is not OperationKind.ISSUE or self.access is not Access.CITIZEN):
            raise ValueError(f"only an issue to a citizen has a `{own[0]}` of its own")
        if self.fee is not None and self.forwards_token:
            raise ValueError("what is made once its fee is paid has no token: the citizen need not be there")
        return self


class Need(Strict):
    """A fact that the service needs of the citizen, why, and on what basis."""

    attribute: AttributeId
    purpose: Titles
    basis: Annotated[NeedBasis, Field(strict=False)]


class Endpoint(Strict):
    """Where a remote plugin answers, and whose word its answers are."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#@]+$", max_length=300)]
    """Without a trailing slash, query or fragment. Operations are below it (`services.plugins.contract.wire`)."""
    keys: list[dict[str, Any]] = Field(min_length=1, max_length=5)
    """Public keys (JWK, RFC 7517) with `kid`, Ed25519 (RFC 8037) or P-256, by which it signs its answers."""


class Manifest(Strict):
    """All that an agency says of its service. What it claims of names and facts, the registry checks."""

    contract: int = Field(ge=CONTRACT_VERSION, le=CONTRACT_VERSION)
    slug: Slug
    version: Version = "1.0.0"
    """Semantic: a change that breaks clients or callers needs a new major version, and the registry sees to it."""
    agency: Agency
    category: Annotated[ServiceCategory, Field(strict=False)]
    title: Titles
    description: Titles
    keywords: Keywords
    operations: dict[FieldName, OperationSpec] = Field(min_length=1, max_length=50)
    prefix: TypePrefix | None = None
    """Every type of the plugin's SDL begins with it, and no other name of the graph does."""
    namespace: FieldName | None = None
    """The one field that it adds to `Citizen`, to `Query`, or to both."""
    provides: dict[AttributeId, FieldName] = Field(default_factory=dict, max_length=200)
    """Attribute of which the agency is the source → operation of kind `source`."""
    needs: list[Need] = Field(default_factory=list, max_length=100)
    requirements: list[Slug] = Field(default_factory=list, max_length=50)
    """What it requires of a citizen, by the ids of the catalogue; `needs` names the facts that prove it."""
    asks: list[Ask] = Field(default_factory=list, max_length=20)
    """What it asks other agencies' registers about its citizens."""
    errors: dict[ErrorCode, Titles] = Field(default_factory=dict, max_length=50)
    """Errors that an operation may raise as :class:`AgencyError`, with their words for the citizen."""
    credentials: dict[FieldName, CredentialSpec] = Field(default_factory=dict, max_length=10)
    """What its operations of kind `issue` give for wallets."""
    form: dict[str, Any] | None = None
    """JSON Schema 2020-12 of the application; in a folder it is a file of its own, `form.json`."""
    fee: Fee | None = None
    benefit: Titles | None = None
    assurance: Annotated[Assurance, Field(strict=False)] = Assurance.IAL_2_3
    delegates: Annotated[Delegates, Field(strict=False)] = Delegates.VIEW
    hours: Titles
    contact: Contact
    endpoint: Endpoint | None = None
    """Of a remote plugin alone."""
    exempt: dict[RuleId, Titles] = Field(default_factory=dict, max_length=20)
    """Rules of the conformance suite that it does not keep, and why: published with its report. Most allow of none."""

    @model_validator(mode="after")
    def _issues_its_credentials(self) -> Self:
        named = [credential.operation for credential in self.credentials.values()]
        for operation in named:
            spec = self.operations.get(operation)
            if spec is None or spec.kind is not OperationKind.ISSUE or spec.access is not Access.CITIZEN:
                raise ValueError(
                    f"`{operation}` is no operation of kind issue about a citizen, and a credential names it"
                )
        if len(set(named)) < len(named):
            raise ValueError("an operation gives one credential")
        if any(self.operations[operation].fee is not None for operation in named):
            raise ValueError("a credential costs nothing yet; a document may")
        return self

    @property
    def is_service(self) -> bool:
        """Whether it offers a citizen something; a plugin that is only a source is not listed among the services."""
        return self.form is not None or any(
            spec.kind not in (OperationKind.SOURCE, OperationKind.INGEST, OperationKind.NOTIFY)
            and spec.access is not Access.AGENCY
            for spec in self.operations.values()
        )

    def title_of(self, operation: str) -> Titles:
        """What an operation of kind `issue` gives, as the citizen reads it."""
        return self.operations[operation].title or self.title

    def operations_of(self, kind: OperationKind) -> Mapping[str, OperationSpec]:
        return {name: spec for name, spec in self.operations.items() if spec.kind is kind}


def read_manifest(text: str, *, plugin: str, form: dict[str, Any] | None = None) -> Manifest:
    """Reads `manifest.toml`. Raises :class:`ManifestError`, whose faults name line and field."""
    if len(text.encode()) > MANIFEST_BYTES_MAX:
        raise _unreadable(plugin, f"it is larger than {MANIFEST_BYTES_MAX} bytes", None)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise _unreadable(plugin, str(error), int(line[1]) if line else None) from None
    if form is not None:
        document["form"] = form
    return parse_manifest(document, plugin=plugin, toml=text)


def parse_manifest(document: Mapping[str, Any], *, plugin: str, toml: str | None = None) -> Manifest:
    """Checks a manifest that is a document already, as a remote plugin sends it. Raises :class:`ManifestError`."""
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        raise ManifestError(plugin, _faults(error, toml)) from None


def _faults(error: ValidationError, toml: str | None) -> Iterator[Fault]:
    for found in error.errors(include_url=False, include_input=False):
        path = tuple(str(step) for step in found["loc"] if step != "[key]")
        field = ".".join(path)
        yield Fault(
            _rule_of(path, found["type"], found["msg"]),
            f"`{field}`: {found['msg']}",
            _remedy(found["type"], field),
            line=None if toml is None else line_of(toml, path),
            field=field,
        )


def _rule_of(path: tuple[str, ...], kind: str, message: str) -> Rule:
    if kind == "text":
        return Rule.TEXT
    is_of_language = path[-1:] in {("th",), ("en",)} or "Thai letter" in message
    return Rule.LANGUAGE if is_of_language else Rule.MANIFEST_FIELD


def _remedy(kind: str, field: str) -> str:
    if kind == "missing":
        return f"Add `{field}`"
    if kind == "extra_forbidden":
        return f"Remove `{field}`: contract {CONTRACT_VERSION} does not know it"
    if kind == "text":
        return "Write it in letters, digits and signs that are seen, with a space after `<`"
    return f"Correct `{field}`"


def _unreadable(plugin: str, why: str, line: int | None) -> ManifestError:
    return ManifestError(plugin, [Fault(Rule.MANIFEST_SYNTAX, why, "Write it as TOML 1.0", line=line)])


def line_of(toml: str, path: tuple[str, ...]) -> int | None:
    """The line on which the deepest part of `path` that is written down begins; None when nothing of it is."""
    best, best_depth, table = None, 0, tuple[str, ...]()
    many: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(toml.splitlines(), start=1):
        if header := re.match(r"\s*\[(\[?)([^\]]+)\]\]?", line):
            table = tuple(part.strip().strip('"') for part in header[2].split("."))
            if header[1]:  # one more of an array of tables
                many[table] = many.get(table, -1) + 1
                table = (*table, str(many[table]))
            written = table
        elif key := re.match(r"\s*([A-Za-z0-9_\-.\"]+)\s*=", line):
            written = (*table, *(part.strip('"') for part in key[1].split(".")))
        else:
            continue
        depth = len(written) if written == path[: len(written)] else 0
        if depth > best_depth:
            best, best_depth = number, depth
    return best
