"""What an answer tells: with the first of a stream alone, with none that was not valid."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import strawberry

from api.deprecations import announce
from api.graphql import CachedDocuments, ValidatedDocuments
from tests.api.deprecations.test_using import notice


@strawberry.type
class Query:
    @strawberry.field
    def old(self) -> int:
        return 1

    @strawberry.field
    def fails(self) -> int | None:
        raise RuntimeError


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def old(self) -> AsyncIterator[int]:
        for number in range(3):
            yield number


def schema_of() -> strawberry.Schema:
    schema = strawberry.Schema(Query, subscription=Subscription, extensions=[CachedDocuments, ValidatedDocuments])
    announce(schema._schema, [notice("Query.old"), notice("Subscription.old")])
    return schema


def told(result: Any) -> list[str]:
    return [one["coordinate"] for one in (result.extensions or {}).get("deprecations", [])]


async def test_of_a_stream_the_first_answer_tells_it() -> None:
    stream: Any = await schema_of().stream("subscription { old }")
    assert [told(one) async for one in stream] == [["Subscription.old"], [], []]


async def test_an_answer_with_an_error_beside_tells_it_and_a_refusal_does_not() -> None:
    schema = schema_of()
    assert told(await schema.execute("{ old fails }")) == ["Query.old"]
    for query in ("{ old unknown }", "{ old", "{ fails }"):
        assert told(await schema.execute(query)) == []
    assert told(await schema.execute("query A { old } query B { fails }", operation_name="A")) == ["Query.old"]
    assert told(await schema.execute("query A { old } query B { fails }", operation_name="B")) == []
