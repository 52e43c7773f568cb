from __future__ import annotations

from typing import Any

import pytest

from services.plugins.runner import MalformedReply, Trouble, WrongSubject
from services.plugins.runner.subjects import SubjectClient

ME, YOU, OTHER = "0000000000001", "0000000000019", "1100000000008"


class Says:
    def __init__(self, told: Any) -> None:
        self.told = told

    async def ask(self, path: str, body: Any, *, on_behalf_of: str) -> Any:
        return self.told

    async def send(self, path: str, body: Any, *, on_behalf_of: str, key: str) -> Any:
        return self.told


def of(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"people": list(rows)}


async def about(body: dict[str, Any], told: Any, *, required: bool = True) -> Any:
    return await SubjectClient(Says(told), required=required).ask("/x", body, on_behalf_of="o")


@pytest.mark.parametrize(
    ("told", "required"),
    [({"pid": ME, "a": 1}, True), ({"pid": ME}, False), ({"a": 1}, False), ([1], False), (None, False)],
)
async def test_an_answer_about_whom_was_asked_about_passes(told: Any, required: bool) -> None:
    assert await about({"pid": ME}, told, required=required) == told


@pytest.mark.parametrize(
    ("told", "required"),
    [
        ({"pid": YOU}, True),
        ({"pid": YOU}, False),
        ({"pid": int(ME)}, True),
        ({"pid": [ME]}, False),
        ({"a": 1}, True),
        ({"pid": None}, True),
        ([ME], True),
        (None, True),
    ],
)
async def test_an_answer_about_anybody_else_or_nobody_is_refused(told: Any, required: bool) -> None:
    with pytest.raises(WrongSubject) as caught:
        await about({"pid": ME}, told, required=required)
    assert ME not in str(caught.value)


@pytest.mark.parametrize(
    "told",
    [
        of(),
        of({"pid": ME, "answer": 1}),
        of({"pid": YOU, "answer": 1}, {"pid": ME, "answer": 2}),
        of({"pid": ME, "answer": 1}, {"pid": ME, "answer": 1}),
    ],
)
async def test_of_several_some_may_be_missing_and_the_same_may_be_said_twice(told: Any) -> None:
    assert await about({"pids": [ME, YOU]}, told) == told


@pytest.mark.parametrize("row", [{"pid": OTHER}, {"answer": 1}, {"pid": None}, {"pid": int(ME)}])
@pytest.mark.parametrize("required", [True, False])
async def test_of_several_one_who_was_not_asked_about_spoils_all(row: dict[str, Any], required: bool) -> None:
    with pytest.raises(WrongSubject):
        await about({"pids": [ME, YOU]}, of({"pid": ME, "answer": 1}, row), required=required)


@pytest.mark.parametrize("told", [None, [], {}, {"people": {}}, {"people": [1]}, of({"pid": ME, "a": 1}, {"pid": ME})])
async def test_of_several_what_contradicts_itself_or_is_no_list_is_malformed(told: Any) -> None:
    with pytest.raises(MalformedReply) as caught:
        await about({"pids": [ME, YOU]}, told)
    assert caught.value.why is Trouble.MALFORMED


async def test_a_question_about_nobody_is_not_looked_at() -> None:
    assert await about({"house": "1"}, {"pid": OTHER}) == {"pid": OTHER}


async def test_the_answer_to_an_effect_is_looked_at_as_well() -> None:
    client = SubjectClient(Says({"pid": YOU}), required=False)
    with pytest.raises(WrongSubject):
        await client.send("/x", {"pid": ME}, on_behalf_of="o", key="k")
