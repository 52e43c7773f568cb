"""What is said of a plugin before its first line is written; whatever is not said has a default that passes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import TypeAdapter, ValidationError

from core.errors import SitthiError
from core.text import Text
from services.plugins.contract import ServiceCategory
from services.plugins.contract.manifest import Endpoint, FieldName, Slug, TypePrefix
from services.plugins.contract.titles import Titles

ENDPOINT: Final = "http://127.0.0.1:8300"
"""Where a remote plugin answers while it is written: its developer's own machine."""
TITLE_LENGTH_MAX: Final = 200
_PREFIX_LENGTH_MIN: Final = 3
_SLUG: Final = TypeAdapter[str](Slug)
_NAMESPACE: Final = TypeAdapter[str](FieldName)
_PREFIX: Final = TypeAdapter[str](TypePrefix)


class Layout(StrEnum):
    """Where the code of the plugin is going to run."""

    FOLDER = "folder"
    """In the host's process: a folder of the host's own tree."""
    PACKAGE = "package"
    """In a host process of its own: a Python package with the entry point `sitthi.plugins`."""
    REMOTE = "remote"
    """At the agency."""


class BadStart(SitthiError):
    """What was said of a new plugin cannot be: `what` is the word for it, `why` the reason."""

    code = "PLUGIN_START"
    text = Text(th="เริ่มปลั๊กอินไม่ได้: {what} {why}", en="No plugin can begin so: {what} {why}")


@dataclass(frozen=True, slots=True)
class Start:
    """A plugin to be. Raises :class:`BadStart` for a name that no manifest would take."""

    slug: str
    layout: Layout = Layout.FOLDER
    title: str = ""
    """In Thai; some Thai letter is in it."""
    title_en: str = ""
    agency: str = ""
    """Slug of the agency; the plugin's own by default."""
    agency_title: str = ""
    """In Thai, under which name citizens see whose service it is; the plugin's own title by default."""
    agency_title_en: str = ""
    category: ServiceCategory = ServiceCategory.PARTICIPATION
    namespace: str = ""
    prefix: str = ""
    endpoint: str = ENDPOINT
    """Of a remote plugin."""

    def __post_init__(self) -> None:
        _must(_SLUG, "slug", self.slug, "is lower-case words with hyphens between them, of 2 to 40 letters and digits")
        _must(_SLUG, "agency", self.agency_slug, "is a slug too")
        _must(_NAMESPACE, "namespace", self.namespace_name, "is one word in camelCase")
        _must(_PREFIX, "prefix", self.type_prefix, "is one word of three letters or more that begins with a capital")
        _must_be_endpoint(self.endpoint)
        _must_be_titles("title", self.title_th, self.title_english)
        _must_be_titles("agency-title", self.agency_title_th, self.agency_title_english)

    @property
    def words(self) -> list[str]:
        return self.slug.split("-")

    @property
    def title_english(self) -> str:
        return self.title_en or " ".join(word.capitalize() for word in self.words)

    @property
    def title_th(self) -> str:
        return self.title or f"บริการ {self.title_english}"

    @property
    def agency_title_th(self) -> str:
        return self.agency_title or self.title_th

    @property
    def agency_title_english(self) -> str:
        return self.agency_title_en or self.title_english

    @property
    def agency_slug(self) -> str:
        return self.agency or self.slug

    @property
    def type_prefix(self) -> str:
        """`water-bills` → `WaterBills`; a slug too short for a prefix gets a word more."""
        made = "".join(word.capitalize() for word in self.words)
        return self.prefix or (made if len(made) >= _PREFIX_LENGTH_MIN else f"{made}Office")

    @property
    def namespace_name(self) -> str:
        return self.namespace or "".join([self.words[0], *(word.capitalize() for word in self.words[1:])])

    @property
    def module(self) -> str:
        """The package's name in Python."""
        return "sitthi_" + self.slug.replace("-", "_")


def _must(adapter: TypeAdapter[str], what: str, value: str, form: str) -> None:
    try:
        adapter.validate_python(value)
    except ValidationError:
        raise BadStart(what=what, why=f"{form}: {value!r}") from None


def _must_be_endpoint(url: str) -> None:
    try:
        Endpoint(url=url, keys=[{}])
    except ValidationError:
        raise BadStart(what="endpoint", why=f"is an http(s) address without query: {url!r}") from None


def _must_be_titles(what: str, th: str, en: str) -> None:
    if any(re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", text) for text in (th, en)) or (
        max(len(th), len(en)) > TITLE_LENGTH_MAX
    ):
        raise BadStart(what=what, why=f"is one line of {TITLE_LENGTH_MAX} letters at most")
    try:
        Titles(th=th, en=en)
    except ValidationError:
        raise BadStart(what=what, why="is needed in Thai, with a Thai letter in it, and in English") from None
