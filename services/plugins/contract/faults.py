"""Why a plugin was refused: the rule, the place, the reason and the remedy. Written for the agency's developer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from core.errors import SitthiError
from core.text import Text
from services.plugins.contract.texts import quoted


class Rule(StrEnum):
    """Every rule that a plugin can break; stable names."""

    MANIFEST_MISSING = "MANIFEST_MISSING"
    MANIFEST_SYNTAX = "MANIFEST_SYNTAX"
    MANIFEST_FIELD = "MANIFEST_FIELD"
    DOCUMENT = "DOCUMENT"
    ENDPOINT = "ENDPOINT"
    LANGUAGE = "LANGUAGE"
    FORM = "FORM"
    TEXT = "TEXT"
    GRAPH_SYNTAX = "GRAPH_SYNTAX"
    GRAPH_TOO_LARGE = "GRAPH_TOO_LARGE"
    GRAPH_TOO_DEEP = "GRAPH_TOO_DEEP"
    DEFINITION = "DEFINITION"
    DIRECTIVE = "DIRECTIVE"
    NAME = "NAME"
    PREFIX = "PREFIX"
    OWNERSHIP = "OWNERSHIP"
    NAMESPACE = "NAMESPACE"
    UNKNOWN_TYPE = "UNKNOWN_TYPE"
    NULLABILITY = "NULLABILITY"
    BINDING = "BINDING"
    PROVIDES = "PROVIDES"
    NEEDS = "NEEDS"
    CODE = "CODE"
    IMPORT = "IMPORT"
    STORE = "STORE"
    TEMPLATE = "TEMPLATE"
    EXAMPLES = "EXAMPLES"
    COMPOSITION = "COMPOSITION"
    BREAKING = "BREAKING"


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule.

    `file` is relative to the plugin's folder; `field` is a dotted path of the manifest, or `Type.field` of the SDL.
    """

    rule: Rule
    why: str
    remedy: str
    file: str = "manifest.toml"
    line: int | None = None
    field: str | None = None

    def __post_init__(self) -> None:
        # A stranger's words stand in them: 64 KB of a name, or what makes a terminal act.
        for name in ("why", "remedy", "file", "field"):
            text = getattr(self, name)
            if text is not None and (shown := quoted(text)) != text:
                object.__setattr__(self, name, shown)

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.rule}: {self.why}. {self.remedy}"


class PluginRefused(SitthiError):
    """A plugin that breaks rules. `faults` holds every one found, `plugin` its slug or folder."""

    code = "PLUGIN_REFUSED"
    text = Text(th="ปลั๊กอิน {plugin} ไม่ผ่านการตรวจสอบ:\n{what}", en="The plugin {plugin} was refused:\n{what}")

    def __init__(self, plugin: str, faults: Iterable[Fault]) -> None:
        self.plugin, self.faults = plugin, tuple(faults)
        super().__init__(plugin=plugin, what="\n".join(str(fault) for fault in self.faults))

    @property
    def rules(self) -> frozenset[Rule]:
        return frozenset(fault.rule for fault in self.faults)


class ManifestError(PluginRefused):
    """The manifest itself cannot be read, so nothing else of the plugin was looked at."""

    code = "MANIFEST_INVALID"
