"""Nothing that is asked is known, nothing that is needed is not asked, and what is sent is taken or its field named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from services.apply.delivery.answers import UnusableForm, validator_of
from services.apply.form_rules import Asked, FormRules

NAMES = ("a", "b", "c", "d", "e", "f")
KINDS: Mapping[str, tuple[dict[str, Any], tuple[Any, ...], Any]] = {
    "yes": ({"type": "boolean"}, (True, False), "x"),
    "pick": ({"type": "string", "enum": ["one", "two"]}, ("one", "two"), "three"),
    "count": ({"type": "integer", "minimum": 0, "maximum": 2}, (0, 1, 2), 3),
}
"""Of each kind: its schema, values of it, and one that is none."""


@dataclass(frozen=True)
class Rule:
    """`asks` is needed when `of` is `value`, or is there at all; `otherwise` when it is not."""

    of: str
    value: Any
    asks: str
    way: str

    def schema(self) -> dict[str, Any]:
        met = {"properties": {self.of: {"const": self.value}}, "required": [self.of]}
        ways: dict[str, dict[str, Any]] = {
            "if": {"if": met, "then": {"required": [self.asks]}},
            "else": {"if": met, "else": {"required": [self.asks]}},
            "there": {"dependentRequired": {self.of: [self.asks]}},
            "schema": {"dependentSchemas": {self.of: {"required": [self.asks]}}},
        }
        return ways[self.way]

    def met(self, whole: Mapping[str, Any], unknown: frozenset[str]) -> bool | None:
        if self.of in unknown:
            return None
        if self.way in ("there", "schema"):
            return self.of in whole
        same = self.of in whole and whole[self.of] == self.value and type(whole[self.of]) is type(self.value)
        return same if self.way == "if" else not same


@dataclass(frozen=True)
class World:
    """A form, and what the state knows of it."""

    kinds: Mapping[str, str]
    required: frozenset[str]
    rules: tuple[Rule, ...]
    held: frozenset[str]
    known: Mapping[str, Any]

    @property
    def form(self) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": {name: KINDS[kind][0] for name, kind in self.kinds.items()},
            "required": sorted(self.required),
            "additionalProperties": False,
            "allOf": [{}, *(rule.schema() for rule in self.rules)],
        }

    @property
    def made(self) -> FormRules:
        return FormRules(self.form, [(name,) for name in self.held])

    @property
    def told(self) -> dict[tuple[str, ...], Any]:
        return {(name,): value for name, value in self.known.items()}

    @property
    def unknown(self) -> frozenset[str]:
        return self.held - set(self.known)

    def expected(self, answers: Mapping[str, Any]) -> dict[tuple[str, ...], Asked]:
        """By the words of the rules, without a schema."""
        whole = {**answers, **self.known}
        found: dict[tuple[str, ...], Asked] = {}
        for name in self.kinds.keys() - self.held:
            asking = [rule.met(whole, self.unknown) for rule in self.rules if rule.asks == name]
            if name in self.required or True in asking:
                found[(name,)] = Asked(applies=True, required=True)
            elif None in asking:
                found[(name,)] = Asked(applies=None, required=False)
            else:
                found[(name,)] = Asked(applies=not asking, required=False)
        return found


@st.composite
def worlds(draw: st.DrawFn) -> World:
    kinds = {name: draw(st.sampled_from(sorted(KINDS))) for name in NAMES[: draw(st.integers(2, len(NAMES)))]}
    names = st.sampled_from(sorted(kinds))
    rules = []
    for _ in range(draw(st.integers(0, 4))):
        of, asks = draw(names), draw(names)
        if of != asks:
            way = draw(st.sampled_from(["if", "else", "there", "schema"]))
            rules.append(Rule(of, draw(st.sampled_from(KINDS[kinds[of]][1])), asks, way))
    held = frozenset(draw(st.sets(names, max_size=3)))
    known = {name: draw(st.sampled_from(KINDS[kinds[name]][1])) for name in sorted(held) if draw(st.booleans())}
    return World(kinds, frozenset(draw(st.sets(names, max_size=2))), tuple(rules), held, known)


@st.composite
def answered(draw: st.DrawFn, world: World) -> dict[str, Any]:
    open_ = sorted(world.kinds.keys() - world.held)
    chosen = draw(st.sets(st.sampled_from(open_))) if open_ else set()
    return {name: draw(st.sampled_from(KINDS[world.kinds[name]][1])) for name in sorted(chosen)}


@given(st.data())
def test_a_question_applies_as_the_rules_say_and_nothing_known_is_asked(data: st.DataObject) -> None:
    world = data.draw(worlds())
    answers = data.draw(answered(world))
    found = world.made.questions(answers, world.told)
    assert found == world.expected(answers)
    assert not {path[0] for path in found} & world.held


@given(st.data())
def test_whoever_answers_what_is_asked_of_them_has_answered_all_that_is_needed(data: st.DataObject) -> None:
    world = data.draw(worlds())
    answers: dict[str, Any] = {}
    for _ in NAMES:
        for (name,), asked in world.made.questions(answers, world.told).items():
            if asked.required and name not in answers:
                answers[name] = data.draw(st.sampled_from(KINDS[world.kinds[name]][1]))
    assert world.made.flaws(answers, world.told) == ()
    world.made.check(answers, world.told)


@given(st.data())
def test_what_is_left_out_or_wrong_is_named(data: st.DataObject) -> None:
    world = data.draw(worlds())
    answers = data.draw(answered(world))
    wrong = {name: KINDS[world.kinds[name]][2] for name in answers if data.draw(st.booleans())}
    answers |= wrong
    flaws = world.made.flaws(answers, world.told)
    needed = {path for path, asked in world.made.questions(answers, world.told).items() if asked.required}
    assert {one.place for one in flaws if one.missing} == {path for path in needed if path[0] not in answers}
    assert {one.place for one in flaws if not one.missing} == {(name,) for name in wrong}
    if flaws:
        with pytest.raises(BadInput) as refused:
            world.made.check(answers, world.told)
        assert refused.value.path[1:] in {one.place for one in flaws}


@given(st.data())
def test_when_every_fact_is_known_the_form_is_its_own_judge(data: st.DataObject) -> None:
    world = data.draw(worlds())
    known = {name: KINDS[world.kinds[name]][1][0] for name in world.held}
    answers = data.draw(answered(world))
    says = validator_of(world.form).is_valid({**answers, **known})
    assert (world.made.flaws(answers, {(name,): value for name, value in known.items()}) == ()) is says


def test_what_hangs_on_a_fact_that_nobody_told_may_be_answered_and_need_not_be() -> None:
    form = {
        "type": "object",
        "properties": {"nationality": {"type": "string"}, "permit": {"type": "string", "maxLength": 5}},
        "if": {"properties": {"nationality": {"const": "thai"}}},
        "else": {"required": ["permit"]},
        "additionalProperties": False,
    }
    rules = FormRules(form, [("nationality",)])
    at = ("nationality",)
    assert rules.questions({}, {at: "lao"})[("permit",)] == Asked(applies=True, required=True)
    assert rules.questions({}, {at: "thai"})[("permit",)] == Asked(applies=False, required=False)
    assert rules.questions({})[("permit",)] == Asked(applies=None, required=False)
    assert [one.missing for one in rules.flaws({}, {at: "lao"})] == [True]
    assert rules.flaws({}) == rules.flaws({"permit": "A-1"}) == ()
    assert [one.place for one in rules.flaws({"permit": "too long"})] == [("permit",)]


def test_a_part_that_stands_in_a_condition_alone_is_asked_with_it() -> None:
    form = {
        "type": "object",
        "properties": {"pays": {"enum": ["bank", "cash"]}},
        "oneOf": [
            {"properties": {"pays": {"const": "bank"}, "bank": {"type": "string"}}, "required": ["pays", "bank"]},
            {"properties": {"pays": {"const": "cash"}, "counter": {"type": "string"}}, "required": ["pays", "counter"]},
        ],
        "unevaluatedProperties": False,
    }
    rules = FormRules(form)
    before = rules.questions({})
    assert (before[("bank",)].applies, before[("counter",)].applies) == (True, True), "both are still open"
    after = rules.questions({"pays": "cash"})
    assert after[("counter",)] == Asked(applies=True, required=True)
    assert after[("bank",)].applies is False
    assert rules.flaws({"pays": "cash", "counter": "3"}) == ()
    assert rules.flaws({"pays": "cash"}) != ()


def test_a_question_inside_one_that_does_not_apply_does_not_apply() -> None:
    child = {"type": "object", "properties": {"school": {"type": "string"}}, "required": ["school"]}
    form = {
        "type": "object",
        "properties": {"has": {"type": "boolean"}, "child": child},
        "if": {"properties": {"has": {"const": True}}, "required": ["has"]},
        "then": {"required": ["child"]},
    }
    rules = FormRules(form)
    assert rules.questions({"has": False})[("child", "school")] == Asked(applies=False, required=False)
    assert rules.questions({"has": True})[("child", "school")] == Asked(applies=True, required=True)


def test_elements_of_a_list_are_judged_each_and_named_by_their_place() -> None:
    item = {"type": "object", "properties": {"plate": {"type": "string", "maxLength": 3}}, "required": ["plate"]}
    rules = FormRules({"type": "object", "properties": {"cars": {"type": "array", "items": item}}})
    assert rules.questions({})[("cars", "[]", "plate")].applies is True
    flaws = rules.flaws({"cars": [{"plate": "ok"}, {"plate": "long"}, {}]})
    assert {(one.place, one.missing) for one in flaws} == {
        (("cars", 1, "plate"), False), (("cars", 2, "plate"), True)
    }  # fmt: skip
    assert rules.without({"cars": [{"plate": "a", "x": 1}], "y": {"z": 1}}, [("cars", "[]", "plate"), ("y", "z")]) == {
        "cars": [{"x": 1}]
    }


def test_a_reference_is_followed_and_one_that_leads_away_is_no_form() -> None:
    form = {"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}
    assert [one.place for one in FormRules(form).flaws({"a": "x"})] == [("a",)]
    for broken in ({"$ref": "https://example.invalid/x"}, {"type": "nothing"}, {"properties": {"a": {"pattern": "("}}}):
        with pytest.raises(UnusableForm):
            FormRules(broken)


def test_what_a_fact_is_like_is_not_the_citizens_fault() -> None:
    form = {
        "type": "object",
        "properties": {"name": {"type": "integer"}, "a": {"type": "string"}},
        "required": ["name"],
    }
    rules = FormRules(form, [("name",)])
    assert rules.flaws({"a": "x"}, {("name",): {"given_th": "ก"}}) == rules.flaws({"a": "x"}) == ()


def test_a_name_that_the_form_does_not_have_is_not_said_again() -> None:
    rules = FormRules({"type": "object", "properties": {"a": {}}, "additionalProperties": False})
    with pytest.raises(BadInput) as refused:
        rules.check({"somchai 0123": 1})
    assert refused.value.path == ("answers",)


def test_an_answer_that_does_not_apply_takes_with_it_what_hangs_on_it() -> None:
    def when(of: str, asks: str) -> dict[str, Any]:
        met = {"properties": {of: {"const": True}}, "required": [of]}
        return {"if": met, "then": {"required": [asks]}}

    yes = {"type": "boolean"}
    form = {"type": "object", "properties": dict.fromkeys("abc", yes), "allOf": [when("a", "b"), when("b", "c")]}
    rules, given_ = FormRules(form), {"a": False, "b": True, "c": True}
    assert rules.questions(given_)[("c",)].applies is True
    found, left = rules.settled(given_)
    assert (left, found[("c",)].applies, found[("b",)].applies) == ({"a": False}, False, False)
    assert rules.settled({**given_, "a": True})[1] == {"a": True, "b": True, "c": True}


@given(st.data())
def test_what_is_left_of_the_answers_is_what_applies(data: st.DataObject) -> None:
    world = data.draw(worlds())
    answers = data.draw(answered(world))
    found, left = world.made.settled(answers, world.told)
    assert left.items() <= answers.items()
    assert all(found[(name,)].applies is not False for name in left)
    assert world.made.settled(left, world.told) == (found, left)
