"""What a field asks of its caller, at both sides of each boundary."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import strawberry

from core.assurance import Aal, Assurance, Demand, Ial
from core.clock import FixedClock
from core.database import Database
from core.graph import Access, Context, Delegate, Info, Rooms, Viewer, citizen_field, field, rights
from core.graph.rights import Rights, declares, guard, unmet
from core.ids import new_id
from core.text import Language
from core.viewer import Acting
from tests.conftest import NOW

FRESH = Demand(Assurance(Ial.IAL_2_3, Aal.AAL_2_2), age_seconds_max=300)
ME = Viewer(new_id(), "app", frozenset(), "ial2.3-aal2.2", NOW + timedelta(hours=1), authenticated_at=NOW)


@strawberry.type
class Citizen:
    @citizen_field(Delegate.VIEW)
    def seen(self) -> str | None:
        return "seen"

    @citizen_field(Delegate.VIEW)
    async def seen_later(self) -> str | None:
        return "seen later"

    @strawberry.field
    def undeclared(self) -> str | None:
        return "mine"

    @citizen_field(Delegate.NOTHING, demand=FRESH)
    def payout(self) -> str | None:
        """Where it goes."""
        return "an account"


@strawberry.type
class Query:
    @field(Access.PUBLIC)
    def viewer(self) -> Citizen | None:
        return Citizen()

    @field(Access.VIEWER)
    def own(self) -> str | None:
        return "own"


@strawberry.type
class Subscription:
    @strawberry.subscription(metadata={"access": Access.VIEWER})  # type: ignore[untyped-decorator]
    async def changes(self, info: Info) -> AsyncGenerator[str, None]:
        yield "changed"


def made() -> strawberry.Schema:
    schema = strawberry.Schema(query=Query, subscription=Subscription)
    guard(schema._schema)
    return schema


SCHEMA = made()


@pytest.fixture
def context(clock: FixedClock) -> Context:
    nothing: Any = None
    database: Database = nothing
    return Context(database, clock, Rooms(), ME, Language.EN, new_id())


def acting(*scopes: str) -> Viewer:
    return replace(ME, acting=Acting(new_id(), new_id(), frozenset(scopes)))


async def asked(context: Context, fields: str) -> tuple[Any, list[str]]:
    answer: Any = await SCHEMA.execute(f"{{ {fields} }}", context_value=context)
    return answer.data, [getattr(error.original_error, "code", "?") for error in answer.errors or ()]


@pytest.mark.parametrize(
    ("acr", "age", "met"),
    [
        ("ial2.3-aal2.2", 300, True),
        ("ial2.3-aal2.2", 301, False),
        ("ial3-aal3", 0, True),
        ("ial2.3-aal2.1", 0, False),
        ("ial2.2-aal2.2", 0, False),
        ("ial2.3", 0, False),
        ("urn:else", 0, False),
        ("ial2.3-aal2.2", None, False),
    ],
)
async def test_a_demand_is_met_by_level_and_age_together(
    context: Context, clock: FixedClock, acr: str, age: int | None, met: bool
) -> None:
    at = None if age is None else clock.now() - timedelta(seconds=age)
    context.viewer = replace(ME, acr=acr, authenticated_at=at)
    data, codes = await asked(context, "viewer { payout }")
    assert (data["viewer"]["payout"], codes) == (("an account", []) if met else (None, ["STEP_UP_REQUIRED"]))
    assert unmet(context) == (None if met else FRESH)


async def test_a_failing_sibling_hides_no_other(context: Context) -> None:
    context.viewer = replace(ME, acr="ial2.3")
    data, codes = await asked(context, "viewer { payout seen }")
    assert (data, codes) == ({"viewer": {"payout": None, "seen": "seen"}}, ["STEP_UP_REQUIRED"])


async def test_what_would_have_met_all_is_the_highest_of_each_scale_and_the_shortest_age(context: Context) -> None:
    older = Demand(Assurance(Ial.IAL_3, Aal.AAL_1), age_seconds_max=900)
    ageless = Demand(Assurance(Ial.IAL_1_1, Aal.AAL_3))
    joined = FRESH.joined(older).joined(ageless)
    assert (joined.assurance.acr, joined.age_seconds_max) == ("ial3-aal3", 300)
    assert ageless.joined(ageless) == ageless
    assert joined.challenge == 'error="insufficient_user_authentication", acr_values="ial3-aal3", max_age="300"'
    assert "max_age" not in ageless.challenge


@pytest.mark.parametrize(
    ("scopes", "fields", "codes"),
    [
        (("VIEW",), "viewer { seen seenLater }", []),
        (("APPLY", "RECEIVE"), "viewer { seen seenLater }", ["NOT_DELEGATED"] * 2),
        (("VIEW", "APPLY", "RECEIVE", "NOTHING", "AS_ANYONE"), "viewer { undeclared }", ["NOT_DELEGATED"]),
        (("VIEW", "APPLY", "RECEIVE"), "viewer { payout }", ["NOT_DELEGATED"]),
        (("VIEW", "APPLY", "RECEIVE"), "own", ["NOT_DELEGATED"]),
        ((), "viewer { __typename }", []),
    ],
)
async def test_a_delegate_may_what_is_declared_and_what_declares_nothing_is_closed(
    context: Context, scopes: tuple[str, ...], fields: str, codes: list[str]
) -> None:
    context.viewer = acting(*scopes)
    assert (await asked(context, fields))[1] == codes


async def test_the_citizen_is_asked_for_no_scope(context: Context) -> None:
    assert await asked(context, "viewer { seen undeclared payout } own") == (
        {"viewer": {"seen": "seen", "undeclared": "mine", "payout": "an account"}, "own": "own"},
        [],
    )


async def test_signed_out_a_guard_has_no_say(context: Context) -> None:
    context.viewer = None
    assert (await asked(context, "viewer { undeclared payout }"))[1] == []


async def test_a_delegate_may_not_listen_to_what_is_not_delegated(context: Context) -> None:
    context.viewer = acting("VIEW", "APPLY", "RECEIVE")
    refused: Any = await SCHEMA.subscribe("subscription { changes }", context_value=context)
    answers = [answer async for answer in refused] if hasattr(refused, "__aiter__") else [refused]
    assert [error.original_error.code for answer in answers for error in answer.errors or ()] == ["NOT_DELEGATED"]
    context.viewer = ME
    heard: Any = await SCHEMA.subscribe("subscription { changes }", context_value=context)
    assert [answer.data async for answer in heard] == [{"changes": "changed"}]


def test_the_schema_says_what_a_field_asks() -> None:
    fields: Any = SCHEMA._schema.type_map["Citizen"]
    assert fields.fields["payout"].description.endswith("proved at most 300 seconds ago; else STEP_UP_REQUIRED.")
    assert fields.fields["seen"].description == "Open to who acts for the citizen with scope VIEW."
    assert fields.fields["undeclared"].description is None


def test_only_what_says_so_declares() -> None:
    assert not declares({"access": Access.VIEWER})
    assert declares(rights(Delegate.NOTHING))
    assert Rights.of({}) == Rights(Delegate.NOTHING, None)
