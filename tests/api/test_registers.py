"""What a plugin asks another's register: only what its manifest names, about the citizen of its call, and one step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from core.ids import NationalId
from services.plugins.contract import AgencyError, Call, Host, RegisterRefused, RegisterSilent
from services.plugins.plugin import Plugin
from tests.support.app import Served

ASKED: Final = ("oic", "vehicleCover", {"chassis": ["MXC00000000000001"]})
WHO: Final = "{ viewer { id roadTax { registered { status } } } }"
Answer = Callable[[Host, Call], Awaitable[Any]]


@pytest.fixture
def anyone(sitthi: Served) -> Any:
    """`anyone(answer)` has the insurance commission's register answer so, and gives what the Department then gets."""

    async def ask(answer: Answer, *asked: Any) -> Any:
        registry, got = sitthi.house.registry, list[Any]()

        async def registered(host: Host, _: Call) -> Any:
            try:
                got.append(await host.registers.ask(*(asked or ASKED)))
            except (RegisterRefused, RegisterSilent, LookupError) as error:
                got.append(error)
            return []

        def changed(plugin: Plugin) -> Plugin:
            own: Mapping[str, Any] = {"oic": {"vehicleCover": answer}, "dlt": {"registered": registered}}
            return replace(plugin, functions={**plugin.functions, **own.get(plugin.slug, {})})

        plugins = tuple(changed(one) for one in registry.plugins)
        registry.swap(plugins)
        sitthi.house.schemas.swap(await sitthi.house.schemas.composed(plugins))
        await sitthi.graph(WHO, persona="worker")
        [only] = got
        return only

    return ask


async def _covered(_: Host, __: Call) -> Any:
    return {"vehicles": [{"chassis": "MXC00000000000001", "covered": True}]}


async def _too_much(_: Host, __: Call) -> Any:
    return {"vehicles": [{"chassis": "MXC00000000000001", "covered": True, "insurer": "SKP"}]}


async def _declines(_: Host, __: Call) -> Any:
    raise AgencyError("INSURER_UNKNOWN")


async def _breaks(_: Host, __: Call) -> Any:
    raise ConnectionError


async def _asks_on(host: Host, _: Call) -> Any:
    return await host.registers.ask(*ASKED)


async def test_an_answer_comes_as_the_manifest_says(anyone: Any) -> None:
    assert await anyone(_covered) == {"vehicles": [{"chassis": "MXC00000000000001", "covered": True}]}


@pytest.mark.parametrize("answer", [_too_much, _breaks, _asks_on])
async def test_more_than_the_manifest_says_a_break_and_a_register_that_asks_on_are_silence(
    anyone: Any, answer: Answer
) -> None:
    assert isinstance(await anyone(answer), RegisterSilent)


async def test_a_declared_error_is_a_refusal_with_its_code(anyone: Any) -> None:
    refused = await anyone(_declines)
    assert (type(refused), refused.code) == (RegisterRefused, "INSURER_UNKNOWN")


@pytest.mark.parametrize("asked", [("oic", "policies", {}), ("dopa", "vehicleCover", {}), ("oic", "check", {})])
async def test_what_the_manifest_does_not_name_is_asked_of_nobody(anyone: Any, asked: tuple[Any, ...]) -> None:
    assert isinstance(await anyone(_covered, *asked), LookupError)


async def test_the_register_hears_of_the_citizen_of_the_call_alone(anyone: Any) -> None:
    heard = list[NationalId | None]()

    async def answer(_: Host, call: Call) -> Any:
        heard.append(call.person)
        return {"vehicles": []}

    assert await anyone(answer) == {"vehicles": []}
    assert len(heard) == 1
    assert heard[0] is not None
