"""All that a citizen is told of the programmes, as JSON in one language: texts, law, facts, sums, what is missing.

Nearly all of it is the same for everybody with the same answer, so it is encoded once for each, with places for the
facts; what is left to do for a citizen is to decide, to write down their facts, and to put them in their places.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final

import orjson

from core.money import CURRENCY
from core.text import Language, Text
from welfare.programmes.answer import BenefitAmount, ConditionOutcome, Determination
from welfare.programmes.determiner import Facts, ShapedDeterminer
from welfare.programmes.model import Version
from welfare.rules import Kind

CHILD: Final = "child."
_NOTHING: Final[Facts] = {}
_WRITTEN: Final[Mapping[Kind, Callable[[Any], str]]] = {
    Kind.BOOL: lambda value: "true" if value else "false",
    Kind.INT: str,
    Kind.CODE: lambda value: f'"{value}"',  # of a closed list: nothing in it needs an escape
    Kind.DATE: lambda value: f'"{value.isoformat()}"',
    Kind.MONEY: lambda value: (
        f'{{"satang":{value if value.__class__ is int else value.satang},"currency":"{CURRENCY}"}}'
    ),
}


class Renderer:
    """For versions of one catalogue; `titles` are those of the facts by their names in the rules.

    Of `hidden` facts no value is told: a total over a household, less one's own part, is the others' (docs/adr/0009).
    """

    def __init__(
        self,
        versions: Sequence[Version],
        titles: Mapping[str, Text],
        language: Language,
        hidden: Collection[str] = frozenset(),
    ) -> None:
        self._language = language
        self._titles = titles
        self._determiner = ShapedDeterminer[str](versions, self._template)
        self._hidden = {name: self._head(name) + "null}" for name in self._determiner.needs if name in hidden}
        shown = [name for name in self._determiner.needs if name not in hidden]
        places = [(n, n.removeprefix(CHILD), self._head(n), self._writer(n)) for n in shown]
        self._own = [place for place in places if not place[0].startswith(CHILD)]
        self._childs = [place for place in places if place[0].startswith(CHILD)]

    def render(self, facts: Facts, child: Facts | None, on: date) -> str:
        """A JSON list, one object for each version. Raises DayOutOfRange or a FactError; then nothing is written."""
        templates = self._determiner.determine(facts, child, on)
        written = dict(self._hidden)
        for places, given in ((self._own, facts), (self._childs, child or _NOTHING)):
            for full, name, head, write in places:
                value = given.get(name)
                written[full] = head + ("null}" if value is None else write(value) + "}")
        return "[" + ",".join(templates) % written + "]"

    def _writer(self, name: str) -> Callable[[Any], str]:
        attribute = self._determiner.vocabulary.type_of(name)
        assert attribute is not None
        return _WRITTEN[attribute.kind]

    def _head(self, name: str) -> str:
        whole = _json({"attribute": name, "title": self._titles[name].in_language(self._language)})
        return whole[:-1] + ',"value":'

    def _template(self, version: Version, found: Determination) -> str:
        body = {
            "programme": version.programme,
            "law": version.law.in_language(self._language),
            "outcome": found.outcome.value,
            "benefits": [self._benefit(benefit) for benefit in found.benefits],
            "missing": [{"attribute": n, "title": self._titles[n].in_language(self._language)} for n in found.missing],
        }
        reasons = ",".join(self._reason(reason) for reason in found.conditions)
        return _literal(_json(body)[:-1]) + f',"reasons":[{reasons}]}}'

    def _benefit(self, benefit: BenefitAmount) -> dict[str, Any]:
        money = benefit.amount
        return {
            "kind": benefit.kind,
            "text": benefit.text.in_language(self._language),
            "amount": None if money is None else {"satang": money.satang, "currency": money.currency},
            "cadence": benefit.cadence.value,
            "per": benefit.per.value,
            "in_kind": benefit.in_kind,
        }

    def _reason(self, reason: ConditionOutcome) -> str:
        told = {
            "text": reason.text.in_language(self._language),
            "outcome": reason.outcome.value,
            "law": reason.law.in_language(self._language),
        }
        facts = ",".join(f"%({name})s" for name in reason.facts_used)
        return _literal(_json(told)[:-1]) + f',"facts":[{facts}]}}'


def _json(value: dict[str, Any]) -> str:
    return orjson.dumps(value).decode()


def _literal(text: str) -> str:
    """As it stands in a template."""
    return text.replace("%", "%%")
