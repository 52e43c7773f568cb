"""Whether a question asks for what the state already knows, and for what.

A question is understood by what the citizen reads of it (title and description) and by the name of its property, each
in Thai and English, however it is spelt (:mod:`wording`), and by the form of its answer. What the citizen reads counts
more: a name may be excused by a title that says whose `taxId` it is, a title is not excused by a name nobody sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final, TypeAlias

from core.text import Text
from services.exchange.catalogue.about import Phrases
from services.exchange.catalogue.files import CatalogueFile
from services.exchange.catalogue.loader import load_catalogue
from services.exchange.catalogue.model import Attribute, Catalogue
from services.exchange.catalogue.questions import QUESTIONS, Questions, read_questions
from services.exchange.catalogue.values import Kind
from services.exchange.catalogue.wording import english, places, singular, stripped, thai

GLUED_LENGTH_MIN: Final = 8
"""From so many letters on, words that are written as one are found inside a longer one, too."""
PPDDSS_DIGITS: Final = 6
"""The code of a subdistrict."""
_PLACE_EN: Final = ("area", "place", "location", "ppddss")
_PLACE_TH: Final = ("พื้นที่", "ท้องที่")
_BIRTH: Final = frozenset({"born", "birth"})
_GAP: Final = "\x00"
CITIZEN: Final = "citizen"
"""The steward of what nobody in the state holds: a form is where it is asked for."""
_SENTENCE: Final = re.compile(r"[.;:!?\n–—]")

_English: TypeAlias = tuple[str, ...]


class Held(StrEnum):
    """Who holds what was asked for."""

    ATTRIBUTE = "attribute"
    HOST = "host"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a question asks for although nobody should; `instead` says what to do."""

    held: Held
    id: str
    title: Text
    instead: Text


@dataclass(frozen=True, slots=True)
class Question:
    """One property of a form, as a citizen and a program see it."""

    name: str
    titles: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    """What the citizen reads above it: titles of the objects it stands in, or their names where they have none."""
    takes_file: bool = False
    digits: int | None = None
    """The answer is a text of exactly so many digits."""
    is_date: bool = False


@dataclass(frozen=True, slots=True)
class _Words:
    """The phrases of one meaning, ready to be compared."""

    strong_en: tuple[_English, ...]
    glued: tuple[str, ...]
    alone_en: frozenset[_English]
    alone_glued: frozenset[str]
    strong_th: tuple[str, ...]
    alone_th: frozenset[str]
    unless_en: frozenset[str]
    unless_th: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Said:
    """One text, ready to be compared."""

    words: _English
    """In English, in the singular, without what adds nothing."""
    run: str
    """In Thai."""
    own: bool
    """Whether it says that it is about the citizen."""
    owned: frozenset[int] = frozenset()
    """The places of `words` before which the citizen is named: what stands there is nobody else's."""


class Meanings:
    """Made once of a catalogue and its questions; attributes that nobody provides (yet) have to be asked for."""

    def __init__(self, catalogue: Catalogue, questions: Questions) -> None:
        self._catalogue, self.questions = catalogue, questions
        self._polite_en = frozenset(questions.politeness.en)
        self._polite_th = tuple(sorted(map(thai, questions.politeness.th), key=len, reverse=True))
        self._passing_en = tuple(tuple(map(singular, english(phrase))) for phrase in questions.passing.en)
        self._passing_th = tuple(map(thai, questions.passing.th))
        self._others = _flat(questions.others)
        self._wishes = _flat(questions.wishes)
        self._own = _flat(questions.own)
        self._copies = _flat(questions.copies)
        held = [a for a in catalogue.attributes.values() if a.about.planned is None and a.steward != CITIZEN]
        self._attributes = {
            a.id: (self._words(a.about.synonyms, a.about.alone, a.about.unless), _of_attribute(a, catalogue))
            for a in held
        }
        self._hosts = {
            h.id: (self._words(h.synonyms, h.alone, Phrases()), Meaning(Held.HOST, h.id, h.title, h.instead))
            for h in questions.host
        }
        # What somebody has one of for life: whoever asks for it, and wherever it is for, it is the same.
        self._unvarying = {*self._hosts, *(a.id for a in held if a.type.kind is Kind.DATE)}
        self._whose_th = tuple(phrase for phrase in self._own[1] if phrase.startswith("ของ"))
        self._digits = {h.digits: h.id for h in questions.host if h.digits is not None}
        self._documents = [
            (tuple(map(self._bare, d.words.en)), tuple(map(thai, d.words.th)), _of_document(d.id, d.attribute))
            for d in questions.documents
        ]

    def of(self, question: Question) -> tuple[Meaning, ...]:
        """What it asks for of what is held; empty where it may be asked. The nearest meaning comes first."""
        if document := self._document(question):
            return (document,)
        within = [self._said(text) for text in question.within]
        titles = [self._said(text) for text in question.titles]
        name = self._said(question.name)
        found: dict[str, int] = {}
        for said in titles:
            _add(found, self._asked(said, [] if said.own else within))
        _add(found, self._asked(name, [] if any(title.own for title in titles) else [*titles, *within]))
        for text in question.descriptions:
            if self._asks(text):
                said = self._said(text)
                _add(found, self._asked(said, [] if said.own else [*titles, *within], strong_only=True))
        if not found:
            _add(found, self._by_form(question, [name, *titles, *within]))
        return tuple(self._meaning(key) for key in sorted(found, key=lambda key: -found[key]))

    def attribute(self, name: str) -> Attribute | None:
        return self._catalogue.attributes.get(name)

    def demands(self, text: str) -> bool:
        """Whether one of its sentences begins as a question or an order does. Only then is a reason a question: others
        may well name what an agency does know."""
        asking = self.questions.asking
        starts_en, starts_th = tuple(f"{phrase} " for phrase in asking.en), tuple(map(thai, asking.th))
        return any(
            " ".join(english(sentence)).startswith(starts_en) or thai(sentence).startswith(starts_th)
            for sentence in _SENTENCE.split(text)
        )

    def _meaning(self, key: str) -> Meaning:
        return (self._attributes.get(key) or self._hosts[key])[1]

    def _asked(self, said: _Said, around: Iterable[_Said], *, strong_only: bool = False) -> dict[str, int]:
        """Meanings in one text, with the length of the words that told."""
        nearby = list(around)
        found: dict[str, int] = {}
        for key, (words, _) in (*self._attributes.items(), *self._hosts.items()):
            wishes = key not in self._hosts
            if not strong_only and (length := _alone(words, said, self._polite_th)):
                if not any(self._excused(one.words, one.run, words, wishes=False) for one in nearby):
                    found[key] = length
                continue
            for length, rest_en, rest_th in _strong(words, said):
                around_en = tuple(word for one in nearby for word in one.words)
                around_th = _GAP.join(one.run for one in nearby)
                if key in self._unvarying and self._is_owned(said, words):
                    found[key] = max(found.get(key, 0), length)
                    continue
                if self._excused(rest_en, rest_th, words, wishes=wishes):
                    continue
                if self._excused(around_en, around_th, words, wishes=wishes):
                    continue
                found[key] = max(found.get(key, 0), length)
        return found

    def _is_owned(self, said: _Said, words: _Words) -> bool:
        """Whether it says right beside the synonym that it is the citizen's: `your date of birth, for the bank`."""
        if any(at in said.owned for one in words.strong_en for at in places(one, said.words)):
            return True
        return any(f"{run}{own}" in said.run for run in words.strong_th for own in self._whose_th)

    def _excused(self, rest_en: _English, rest_th: str, words: _Words, *, wishes: bool) -> bool:
        """Whether the words beside a synonym make it somebody else's, or something else."""
        en, th = self._others
        more_en, more_th = self._wishes if wishes else (frozenset[str](), ())
        beside = {*en, *more_en, *words.unless_en}
        return any(word in beside for word in rest_en) or any(
            phrase in rest_th for phrase in (*th, *more_th, *words.unless_th)
        )

    def _document(self, question: Question) -> Meaning | None:
        texts = [" ; ".join((question.name, *question.titles)), *question.descriptions]
        en_copies, th_copies = self._copies
        for text in texts:
            words, run = tuple(map(singular, english(text))), thai(text)
            bare = tuple(word for word in words if word not in self._polite_en)
            copy = question.takes_file or any(w in en_copies for w in words) or any(t in run for t in th_copies)
            if not copy:
                continue
            for en, th, meaning in self._documents:
                if any(_stands(one, bare) for one in en) or any(one in run for one in th):
                    return meaning
        return None

    def _by_form(self, question: Question, texts: list[_Said]) -> dict[str, int]:
        """By the form of the answer, where the words leave it open."""
        en, th = self._others
        if any(word in en for one in texts for word in one.words) or any(t in one.run for one in texts for t in th):
            return {}
        if question.digits in self._digits:
            return {self._digits[question.digits]: 1}
        told = {word for one in texts for word in one.words}
        told |= {word for word in _PLACE_TH if any(word in one.run for one in texts)}
        if question.digits == PPDDSS_DIGITS and told & {*_PLACE_EN, *_PLACE_TH} and "address" in self._attributes:
            return {"address": 1}
        return {"birth_date": 1} if question.is_date and told & _BIRTH else {}

    def _asks(self, text: str) -> bool:
        words, run = " " + " ".join(english(text)) + " ", thai(text)
        asking = self.questions.asking
        return any(f" {phrase} " in words for phrase in asking.en) or any(thai(phrase) in run for phrase in asking.th)

    def _said(self, text: str) -> _Said:
        own_en, own_th = self._own
        words = english(text)
        run = thai(text)
        for passing in self._passing_th:
            run = run.replace(passing, _GAP)
        plain = tuple(map(singular, words))
        gaps = {at + step for phrase in self._passing_en for at in places(phrase, plain) for step in range(len(phrase))}
        kept = tuple(
            _GAP if at in gaps else plain[at]
            for at, word in enumerate(words)
            if at in gaps or word not in self._polite_en
        )
        left = [at for at, word in enumerate(words) if at in gaps or word not in self._polite_en]
        owned = frozenset(n for n, at in enumerate(left) if at and plain[at - 1] in own_en)
        own = any(word in own_en for word in words) or any(phrase in run for phrase in own_th)
        return _Said(kept, run, own, owned)

    def _bare(self, phrase: str) -> _English:
        """English words of a phrase without what adds nothing; with it, where nothing else is left."""
        words = english(phrase)
        return tuple(singular(word) for word in words if word not in self._polite_en) or words

    def _words(self, synonyms: Phrases, alone: Phrases, unless: Phrases) -> _Words:
        strong: list[_English] = []
        weak: list[_English] = [_numberless(self._bare(phrase)) for phrase in alone.en]
        for phrase in synonyms.en:
            bare = self._bare(phrase)
            # A phrase of which one common word is left without the rest says nothing in the middle of others.
            (strong if len(bare) > 1 or len(english(phrase)) == 1 else weak).append(bare)
        squashed = [*map(_squashed, synonyms.en), *("".join(words) for words in strong)]
        en, th = _flat(unless)
        return _Words(
            strong_en=tuple(strong),
            glued=tuple(dict.fromkeys(word for word in squashed if len(word) >= 3)),
            alone_en=frozenset(tuple(sorted(words)) for words in (*weak, *map(_numberless, strong))),
            alone_glued=frozenset(map(_squashed, alone.en)),
            strong_th=tuple(map(thai, synonyms.th)),
            alone_th=frozenset(map(thai, alone.th)),
            unless_en=en,
            unless_th=th,
        )


def _strong(words: _Words, said: _Said) -> Iterator[tuple[int, _English, str]]:
    """Where a synonym stands: how long it is, and what stands beside it."""
    for one in words.strong_en:
        for at in places(one, said.words):
            yield len("".join(one)), (*said.words[:at], *said.words[at + len(one) :]), said.run
    for glued in words.glued:
        for at, word in enumerate(said.words):
            if word == glued or (len(glued) >= GLUED_LENGTH_MIN and glued in word):
                rest = word.replace(glued, "")
                yield len(glued), (*said.words[:at], rest, *said.words[at + 1 :]), said.run
    for run in words.strong_th:
        if run in said.run:
            yield len(run), said.words, said.run.replace(run, _GAP, 1)


def _alone(words: _Words, said: _Said, polite_th: tuple[str, ...]) -> int:
    """The length of the text where it says nothing but the meaning; 0 where it does not, or says more."""
    plain = _numberless(said.words)
    if plain and not said.run and (tuple(sorted(plain)) in words.alone_en or "".join(plain) in words.alone_glued):
        return len("".join(plain))
    run = stripped(said.run, polite_th) if said.run else ""
    if run and run in words.alone_th:  # a translation beside it changes nothing
        return len(run)
    only_polite = run in polite_th
    return len("".join(plain)) if plain and only_polite and tuple(sorted(plain)) in words.alone_en else 0


def _stands(one: _English, words: _English) -> bool:
    """Whether the phrase stands among the words, or is written as one of them."""
    glued = "".join(one)
    return next(places(one, words), None) is not None or (len(glued) >= 6 and any(glued in word for word in words))


def _numberless(words: _English) -> _English:
    return tuple(word for word in words if not word.isdigit())


def _squashed(phrase: str) -> str:
    return "".join(english(phrase))


def _flat(phrases: Phrases) -> tuple[frozenset[str], tuple[str, ...]]:
    """For comparing word by word, and within a Thai run."""
    return frozenset(singular(word) for word in phrases.en), tuple(thai(phrase) for phrase in phrases.th)


def _add(found: dict[str, int], more: dict[str, int]) -> None:
    for key, length in more.items():
        found[key] = max(found.get(key, 0), length)


def _of_attribute(attribute: Attribute, catalogue: Catalogue) -> Meaning:
    deprecated = attribute.about.deprecated
    if deprecated is not None:
        return _of_attribute(catalogue.attributes[deprecated.replaced_by], catalogue)
    return Meaning(Held.ATTRIBUTE, attribute.id, attribute.title, _instead(attribute))


def _instead(attribute: Attribute) -> Text:
    if attribute.type.kind is Kind.PEOPLE:
        return Text(
            th="ไม่ต้องถาม ผู้ยื่นเลือกเด็กเป็นผู้รับประโยชน์ และระบบอ่านทะเบียนบ้านเอง",
            en="Remove it: a child is chosen as the beneficiary, and who lives together the exchange alone reads",
        )
    if attribute.derived is not None:
        return Text(
            th=f"ไม่ต้องถาม ระบบคำนวณ `{attribute.id}` ให้ผู้พิจารณาเอง",
            en=f"Remove it: the exchange works out `{attribute.id}` for whoever decides",
        )
    return Text(
        th=f'ใช้ "x-attribute": "{attribute.id}" และเพิ่มใน [[needs]]',
        en=f'Give it "x-attribute": "{attribute.id}" and name that in [[needs]]',
    )


def _of_document(document: str, attribute: str | None) -> Meaning:
    name = document.replace("_", " ")
    use = Text(th="", en="") if attribute is None else Text(th=f" เช่น `{attribute}`", en=f", such as `{attribute}`")
    return Meaning(
        Held.DOCUMENT,
        document,
        Text(th=f"สำเนาเอกสารของรัฐ ({document})", en=f"a copy of a document that the state issued ({name})"),
        Text(
            th=f"ไม่ต้องขอสำเนา ใช้ข้อมูลที่เอกสารนั้นพิสูจน์{use.th} (มติ ครม. 2 ต.ค. 2561)",
            en=f"Remove it, and read the fact that it proves{use.en} (Cabinet, 2 October 2561)",
        ),
    )


@cache
def load_meanings() -> Meanings:
    """Of the catalogue that comes with the program, read once. Raises :class:`core.strict_yaml.FileError`."""
    catalogue = load_catalogue()
    file = CatalogueFile(QUESTIONS, files(__package__).joinpath("data", QUESTIONS).read_text("utf-8"))
    return Meanings(catalogue, read_questions(file, catalogue.attributes))
