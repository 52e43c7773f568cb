"""Objects without resolvers are written down at once, and nobody can tell by the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Any, cast

import pytest
import strawberry
from graphql import GraphQLObjectType
from strawberry.extensions import FieldExtension, SchemaExtension
from strawberry.scalars import JSON
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Library

from core.graph.plain import PLAIN, PlainValues
from core.graph.rights import Delegate, Rights, stand_before


@strawberry.enum
class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Leaf:
    word: str
    number: int = 1
    share: float | None = None
    colour: Colour = Colour.RED
    colours: list[Colour] = strawberry.field(default_factory=lambda: [Colour.BLUE])
    sure: bool | None = None
    anything: JSON | None = None
    words: list[str | None] | None = None


@strawberry.type
class Known(Named):
    leaf: Leaf | None = None


class Louder(FieldExtension):
    def resolve(self, next_: Callable[..., Any], source: Any, info: Any, **kwargs: Any) -> Any:
        return next_(source, info, **kwargs).upper()


def as_an_attribute(resolver: Callable[..., Any]) -> Any:
    return strawberry.field(metadata=PLAIN)(resolver)


TOLD: list[str] = []
"""By whom the resolvers of :class:`Holder` were asked."""


@strawberry.type
class Holder(Named):
    word: str

    @as_an_attribute
    def length(self) -> int:
        TOLD.append("length")
        return len(self.word)

    @as_an_attribute
    def whose(self, info: strawberry.Info) -> str:
        return f"{self.word} of {info.context}"

    @as_an_attribute
    def within(self) -> Leaf | None:
        return Leaf(word=self.word) if self.word else None

    @as_an_attribute
    def often(self) -> list[Leaf]:
        if not self.word:
            raise ValueError("nothing to tell")
        return [Leaf(word=letter) for letter in self.word]

    @as_an_attribute
    def field_name(self, info: strawberry.Info) -> str:
        """Wants more of `info` than it may."""
        return info.field_name


@strawberry.type
class Branch:
    holder: Holder | None = None
    leaf: Leaf | None
    leaves: list[Leaf]
    grid: list[list[Leaf | None]]
    named: Named | None = None
    known: Known | None = None
    shouted: str = strawberry.field(default="quiet", extensions=[Louder()])

    @strawberry.field
    def counted(self) -> int:
        return len(self.leaves)

    @strawberry.field
    async def later(self) -> Leaf:
        return Leaf(word="later")


def leaf(word: Any, **more: Any) -> Leaf:
    return Leaf(word=word, **more)


def branch(*leaves: Any, of: Any = None, **more: Any) -> Branch:
    return Branch(leaf=of, leaves=list(leaves), grid=[[leaf("a"), None], []], **more)


@strawberry.type
class Query:
    given: strawberry.Private[Any]
    branch: Branch | None = strawberry.field(resolver=lambda root: root.given)
    branches: list[Branch | None] | None = strawberry.field(resolver=lambda root: [root.given, None, root.given])


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def grown(self) -> AsyncIterator[Branch]:
        for number in range(3):
            yield branch(leaf(str(number)), of=leaf(f"leaf {number}"))


LEAF = "word number share colour colours sure anything words __typename"
WHOLE = f"{{ branch {{ leaf {{ {LEAF} }} leaves {{ {LEAF} }} grid {{ word }} }} }}"
ANSWERED = [
    leaf(
        word="b",
        number=2,
        share=0.5,
        colour=Colour.BLUE,
        colours=[],
        sure=True,
        anything={"x": [1, None]},
        words=["c", None],
    )
]


def schema(executor: type[Any], *extensions: type[SchemaExtension]) -> strawberry.Schema:
    return strawberry.Schema(Query, types=[Known], execution_context_class=executor, extensions=extensions)


async def told(executor: type[Any], document: str, given: Any, **variables: Any) -> tuple[Any, list[Any]]:
    """Data and errors."""
    result = await schema(executor).execute(document, variables, root_value=Query(given=given))
    return result.data, [error.formatted for error in result.errors or []]


@pytest.mark.parametrize(
    "document",
    [
        WHOLE,
        "{ branch { one: leaf { w: word again: word } leaves { number } leaf { colour } } }",
        "query($no: Boolean = false) { branch { leaf { word @include(if: $no) number @skip(if: $no) } } }",
        """{ branch { ...part leaves { ...leaf ... on Leaf { share } } } }
        fragment part on Branch { leaf { ...leaf } } fragment leaf on Leaf { word colour }""",
        "{ branch { counted shouted leaf { word } later { word } } branches { leaf { word } leaves { word } } }",
        "{ branch { named { name __typename ... on Known { leaf { word } } } known { name leaf { number } } } }",
    ],
)
async def test_the_answer_is_the_librarys(document: str) -> None:
    given = branch(*ANSWERED * 3, of=leaf("a"), named=Known(name="k", leaf=leaf("n")), known=Known(name="k"))
    expected = await told(Library, document, given)
    assert expected[1] == []
    found = await told(PlainValues, document, given)
    assert found == expected
    assert repr(found) == repr(expected)  # in the same order


@pytest.mark.parametrize("word", ["abc", ""])
@pytest.mark.parametrize("asked", ["name length whose within { word } __typename", "often { word }", "fieldName"])
async def test_a_resolver_that_is_as_good_as_an_attribute_is_asked_at_once(word: str, asked: str) -> None:
    document = f"{{ branch {{ holder {{ {asked} }} }} }}"
    given = branch(holder=Holder(name="n", word=word))
    expected = await told(Library, document, given)
    assert await told(PlainValues, document, given) == expected
    assert bool(expected[1]) == (asked.startswith("often") and not word)


async def test_it_is_asked_once_where_nothing_is_wrong() -> None:
    TOLD.clear()
    await told(PlainValues, "{ branch { holder { length name } } }", branch(holder=Holder(name="n", word="abc")))
    assert TOLD == ["length"]


async def test_an_object_that_is_not_of_the_type_is_refused_as_by_the_library() -> None:
    document, given = "{ branch { holder { name } } }", branch(holder=leaf("k"))
    expected = await told(Library, document, given)
    assert expected[1]
    assert await told(PlainValues, document, given) == expected


class Broken:
    word = "w"

    @property
    def number(self) -> int:
        raise RuntimeError("secret")


async def late() -> Leaf:
    return leaf("late")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: branch(leaf("a"), leaf(None)),  # null where none may be
        lambda: branch(leaf("a", number="many")),  # not a number
        lambda: branch(leaf("a", colour="GREEN")),  # no member
        lambda: branch(leaf("a", colours=None)),  # no list
        lambda: branch(leaf("a", words="letters")),  # a text is no list
        lambda: branch(leaf("a", share=float("nan"))),
        lambda: branch(leaf("a", number=2**40)),
        lambda: branch(leaf("a", words=["b", ValueError("c")])),  # told as an error
        lambda: branch(of=Broken()),
        lambda: branch(Broken(), leaf("a")),
        lambda: branch(of=ValueError("refused")),
        lambda: branch(None, leaf("a")),
        lambda: branch(leaf("a"), of=object()),
    ],
)
async def test_what_is_wrong_is_told_as_the_library_tells_it(wrong: Callable[[], Branch]) -> None:
    for document in (WHOLE, f"{{ branches {{ leaves {{ {LEAF} }} leaf {{ word number }} }} }}"):
        expected = await told(Library, document, wrong())
        assert await told(PlainValues, document, wrong()) == expected


async def test_what_comes_later_is_waited_for() -> None:
    document = "{ branch { leaf { word } leaves { word } } }"
    found = await told(PlainValues, document, branch(late(), leaf("a"), of=late()))
    assert found == await told(Library, document, branch(late(), leaf("a"), of=late()))
    assert found[0]["branch"] == {"leaf": {"word": "late"}, "leaves": [{"word": "late"}, {"word": "a"}]}


async def test_a_list_of_another_kind_is_taken_too() -> None:
    given = Branch(leaf=None, leaves=cast("Any", (leaf("a"), leaf("b"))), grid=[])
    assert (await told(PlainValues, WHOLE, given)) == (await told(Library, WHOLE, given))


async def test_whoever_stands_before_a_field_is_asked() -> None:
    asked = []

    class Noting(Rights):
        def check(self, context: Any) -> None:
            asked.append(context)

    graph = schema(PlainValues)
    kind = graph._schema.type_map["Leaf"]  # Strawberry shows it nowhere else
    assert isinstance(kind, GraphQLObjectType)
    stand_before(kind.fields["word"], Noting(Delegate.NOTHING))
    result = await graph.execute(WHOLE, root_value=Query(given=branch(leaf("a"), of=leaf("b"))), context_value="me")
    assert result.errors is None
    assert asked == ["me", "me", "me"]  # leaf, one of leaves, one of the grid


async def test_an_extension_that_stands_before_every_field_is_asked() -> None:
    seen = []

    class Seeing(SchemaExtension):
        def resolve(self, _next: Callable[..., Any], root: Any, info: Any, *args: str, **kwargs: Any) -> Any:
            seen.append(info.field_name)
            return _next(root, info, *args, **kwargs)

    graph = schema(PlainValues, Seeing)
    result = await graph.execute("{ branch { leaf { word } } }", root_value=Query(given=branch(of=leaf("b"))))
    assert result.errors is None
    assert seen == ["branch", "leaf", "word"]


async def test_objects_without_resolvers_cost_the_library_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    executed = []
    original = PlainValues.execute_field

    def noted(self: Any, parent: Any, *args: Any) -> Any:
        executed.append(parent.name)
        return original(self, parent, *args)

    monkeypatch.setattr(PlainValues, "execute_field", noted)
    document = f"{{ branch {{ counted leaf {{ {LEAF} }} leaves {{ {LEAF} }} }} }}"
    data, errors = await told(PlainValues, document, branch(*ANSWERED * 9, of=leaf("a")))
    assert not errors
    assert len(data["branch"]["leaves"]) == 9
    assert sorted(set(executed)) == ["Branch", "Query"]


async def test_what_one_event_of_a_subscription_needed_is_not_kept_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = []
    original = PlainValues.build_per_event_executor

    def noted(self: Any, payload: Any) -> Any:
        kept.append((len(self.writers), len(self._relevant_sub_fields)))
        return original(self, payload)

    monkeypatch.setattr(PlainValues, "build_per_event_executor", noted)
    graph = strawberry.Schema(Query, subscription=Subscription, execution_context_class=PlainValues)
    events = await graph.subscribe("subscription { grown { leaf { word } leaves { word number } } }")
    found = [event.data async for event in cast("Any", events)]
    assert found == [
        {"grown": {"leaf": {"word": f"leaf {number}"}, "leaves": [{"word": str(number), "number": 1}]}}
        for number in range(3)
    ]
    assert kept == [kept[0]] * 3
