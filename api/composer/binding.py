"""Binds the fields of a plugin's SDL to its operations.

`Citizen.<namespace>` and `Query.<namespace>` answer a namespace at once, without asking anybody. Each field of the
namespace's type is bound to the operation of its name; a look at a citizen's records goes through the gate of the
exchange, so that it is in their access log before it is answered. Below, an answer is plain data under the SDL's names.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema, get_named_type

from core.errors import NotAllowed
from core.graph import Info, MoneyAmount
from core.ids import NationalId
from core.money import Money
from services.exchange.facts import OWN_VIEW, Asker, Gate
from services.exchange.graph import viewer_asker
from services.plugins.plugin import CITIZEN, Plugin
from services.plugins.runner import Runner

AGENT: Final = "sitthi-graph"
"""The AgentID under which the graph asks agencies; in whose name it does is in the access log."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """The value behind a namespace field."""

    person: UUID | None
    """The citizen it is about; None below `Query`."""


def bind(schema: GraphQLSchema, plugin: Plugin, runner: Runner) -> None:
    """Gives the plugin's new fields in a schema that nobody uses yet their resolvers."""
    namespace = plugin.manifest.namespace
    assert namespace is not None, "the registry lets no SDL in without one"
    for parent, type_name in plugin.graph.namespaces.items():
        _type(schema, parent).fields[namespace].resolve = _of_citizen if parent == CITIZEN else _of_anyone
        for name, field in _type(schema, type_name).fields.items():
            field.resolve = _operation(plugin, name, runner, pays=get_named_type(field.type).name == "Money")
    for type_name in plugin.graph.objects.keys() - set(plugin.graph.namespaces.values()):
        for name, field in _type(schema, type_name).fields.items():
            if get_named_type(field.type).name == "Money":
                field.resolve = _money_field(name)


def _of_citizen(citizen: Any, _: GraphQLResolveInfo[Any]) -> Namespace:
    return Namespace(citizen.person)


def _of_anyone(_: Any, __: GraphQLResolveInfo[Any]) -> Namespace:
    return Namespace(None)


def _operation(plugin: Plugin, operation: str, runner: Runner, *, pays: bool) -> Callable[..., Awaitable[Any]]:
    agency = plugin.manifest.agency.slug

    async def resolve(namespace: Namespace, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        async def read(person: NationalId) -> Any:
            return await runner.run(plugin, operation, asker=AGENT, person=person, arguments=arguments)

        if namespace.person is None:
            answer = await runner.run(plugin, operation, asker=AGENT, arguments=arguments)
        else:
            gate = info.context.room(Gate)
            asker = _asker(info, namespace.person)
            what = f"{agency}:{operation}"
            answer = await gate.look(namespace.person, what, agency, read, asker=asker, purpose=OWN_VIEW)
        return _amounts(answer) if pays else answer

    return resolve


def _asker(info: GraphQLResolveInfo[Any], person: UUID) -> Asker:
    """The viewer, about themself. Raises :class:`NotSignedIn`, and :class:`NotAllowed` for anyone else's records."""
    asker = viewer_asker(cast("Info", info))  # graphql-core's own info has the same context
    if asker.id != person.hex:
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
