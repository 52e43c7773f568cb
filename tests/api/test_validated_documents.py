"""What came of validating a document is remembered: per schema, so many, and no longer than the schema lives."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
import strawberry
from strawberry.schema.schema import validate_document

from api import graphql
from api.graphql import VALIDATED_MAX, CachedDocuments, ValidatedDocuments


def schema_with(field: str) -> strawberry.Schema:
    def answer(self: Any) -> int:
        return 1

    query = strawberry.type(type("Query", (), {field: strawberry.field(answer)}))
    return strawberry.Schema(query, extensions=[CachedDocuments, ValidatedDocuments])


async def run(schema: strawberry.Schema, query: str) -> Any:
    answer = await schema.execute(query)
    return answer.data if not answer.errors else "refused"


async def test_a_document_is_validated_once_for_each_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    validated = 0
    validate = validate_document

    def count(*arguments: Any) -> Any:
        nonlocal validated
        validated += 1
        return validate(*arguments)

    monkeypatch.setattr(graphql, "validate_document", count)
    one, other = schema_with("one"), schema_with("other")
    for _ in range(3):
        assert await run(one, "{ one }") == {"one": 1}
        assert await run(other, "{ one }") == "refused"
    assert validated == 2


async def test_a_schema_that_was_replaced_is_let_go() -> None:
    schema = schema_with("one")
    await run(schema, "{ one }")
    await run(schema, "{ unknown }")
    gone = weakref.ref(schema._schema)
    del schema
    gc.collect()
    assert gone() is None


async def test_only_so_many_documents_are_remembered_the_latest() -> None:
    schema = schema_with("one")
    for number in range(VALIDATED_MAX + 1):
        await run(schema, f"query q{number} {{ one }}")
    known = graphql._validated[schema._schema]
    assert len(known) == VALIDATED_MAX
    names = [document.definitions[0].name.value for document, _ in known]
    assert (names[0], names[-1]) == ("q1", f"q{VALIDATED_MAX}")
