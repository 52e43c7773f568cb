"""Binds the fields of a plugin's SDL to its operations.

`Citizen.<namespace>` and `Query.<namespace>` answer a namespace at once, without asking anybody. Each field of the
namespace's type is bound to the operation of its name; a look at a citizen's records goes through the gate of the
exchange, so that it is in their access log before it is answered. Below, an answer is plain data under the SDL's names.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

import orjson
from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, get_named_type

from api.rate_limits import CallerLimits
from core.addresses import address_of
from core.assurance import Aal, Assurance, Demand, Ial
from core.errors import NotAllowed
from core.graph import Delegate, Info, MoneyAmount, Rights
from core.graph.rights import describe, stand_before
from core.ids import NationalId
from core.money import Money
from services.exchange.facts import Asker, AskerKind, Gate
from services.exchange.graph import look_purpose, viewer_asker
from services.plugins.contract import Delegates, Manifest
from services.plugins.plugin import CITIZEN, Plugin
from services.plugins.runner import Runner
from services.plugins.standing import Standing, must_be_open

AGENT: Final = "sitthi-graph"
"""The AgentID under which the graph asks agencies; in whose name it does is in the access log."""

ALONE: Final = "Open to nobody who acts for the citizen."
RETIRED: Final = "The service is over. Its names leave the graph a year after its end."


@dataclass(frozen=True, slots=True)
class Namespace:
    """The value behind a namespace field."""

    person: UUID | None
    """The citizen it is about; None below `Query`."""


def bind(schema: GraphQLSchema, plugin: Plugin, runner: Runner) -> None:
    """Gives the plugin's new fields in a schema that nobody uses yet their resolvers."""
    namespace = plugin.manifest.namespace
    assert namespace is not None, "the registry lets no SDL in without one"
    alone = {name for name, spec in plugin.manifest.operations.items() if spec.citizen_alone}
    for parent, type_name in plugin.graph.namespaces.items():
        field = _type(schema, parent).fields[namespace]
        field.resolve = _of_citizen if parent == CITIZEN else _of_anyone
        if plugin.standing is Standing.RETIRED:
            field.deprecation_reason = RETIRED
        if parent == CITIZEN:
            declared = rights_of(plugin.manifest)
            describe(field, declared)
            stand_before(field, declared)
        for name, field in _type(schema, type_name).fields.items():
            field.resolve = _operation(plugin, name, runner, pays=get_named_type(field.type).name == "Money")
            if name in alone:
                field.description = f"{field.description}\n\n{ALONE}" if field.description else ALONE
                stand_before(field, Rights(Delegate.NOTHING))
    for type_name in plugin.graph.objects.keys() - set(plugin.graph.namespaces.values()):
        for name, field in _type(schema, type_name).fields.items():
            if get_named_type(field.type).name == "Money":
                field.resolve = _money_field(name)


def rights_of(manifest: Manifest) -> Rights:
    """What a service asks of whoever looks at a citizen's records in it, as its manifest declares."""
    delegate = Delegate.NOTHING if manifest.delegates is Delegates.NOTHING else Delegate.VIEW
    return Rights(delegate, Demand(Assurance(Ial(manifest.assurance.value), Aal.AAL_1)))


def _of_citizen(citizen: Any, _: GraphQLResolveInfo[Any]) -> Namespace:
    return Namespace(citizen.person)


def _of_anyone(_: Any, __: GraphQLResolveInfo[Any]) -> Namespace:
    return Namespace(None)


def _operation(plugin: Plugin, operation: str, runner: Runner, *, pays: bool) -> Callable[..., Awaitable[Any]]:
    agency = plugin.manifest.agency.slug

    async def ask(person: UUID | None, info: GraphQLResolveInfo[Any], arguments: Mapping[str, Any]) -> Any:
        async def read(national_id: NationalId) -> Any:
            return await runner.run(
                plugin,
                operation,
                asker=AGENT,
                person=national_id,
                arguments=arguments,
                viewer=info.context.viewer,
            )

        if person is None:
            await _bounded(plugin, operation, info, arguments)
            return await runner.run(plugin, operation, asker=AGENT, arguments=arguments)
        gate, asker, purpose = info.context.room(Gate), _asker(info, person), look_purpose(cast("Info", info))
        return await gate.look(person, f"{agency}:{operation}", agency, read, asker=asker, purpose=purpose)

    async def resolve(namespace: Namespace, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        must_be_open(plugin.standing, plugin.manifest.title.text)
        written = orjson.dumps(arguments, option=orjson.OPT_SORT_KEYS)
        key = ("plugin", plugin.slug, operation, namespace.person, written)
        answer = await _once(info.context.memo, key, lambda: ask(namespace.person, info, arguments))
        return _amounts(answer) if pays else answer

    return resolve


async def _bounded(plugin: Plugin, operation: str, info: GraphQLResolveInfo[Any], arguments: Mapping[str, Any]) -> None:
    """Counts a question that the manifest bounds. Raises `RateLimited`."""
    asked, request = plugin.manifest.operations[operation].asked, info.context.request
    if asked is not None:
        address = "" if request is None else address_of(request.scope)
        await info.context.room(CallerLimits).question(plugin.slug, operation, asked, address, arguments)


async def _once(memo: dict[Hashable, Any], key: Hashable, ask: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Joins the same question if this request is asking it already, under another alias: one look, one call.

    Shielded, because one alias that is given up must not take the answer from the other.
    """
    if key not in memo:
        task = memo[key] = asyncio.create_task(ask())
        task.add_done_callback(lambda done: _finish(memo, key, done))
    return await asyncio.shield(memo[key])


def _finish(memo: dict[Hashable, Any], key: Hashable, done: asyncio.Task[Any]) -> None:
    del memo[key]
    if not done.cancelled():
        done.exception()  # seen, even when nobody waits for it any more


def _asker(info: GraphQLResolveInfo[Any], person: UUID) -> Asker:
    """The viewer about themself, or who acts for them.

    Raises :class:`NotSignedIn`, and :class:`NotAllowed` for anyone else's records.
    """
    asker = viewer_asker(cast("Info", info))  # graphql-core's own info has the same context
    about = asker.applicant if asker.kind is AskerKind.DELEGATE else UUID(hex=asker.id)
    if about != person:
        raise NotAllowed
    return asker


def _money_field(name: str) -> Callable[[dict[str, Any], GraphQLResolveInfo[Any]], Any]:
    return lambda answer, _: _amounts(answer[name])


def _amounts(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_amounts(item) for item in answer]
    return MoneyAmount.of(answer) if isinstance(answer, Money) else answer


def _type(schema: GraphQLSchema, name: str) -> GraphQLObjectType:
    return cast("GraphQLObjectType", schema.type_map[name])
