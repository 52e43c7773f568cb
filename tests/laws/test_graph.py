"""The laws of the graph: the names clients rely on, who may call what, and ids that tell nobody anything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from graphql import (
    DefinitionNode,
    EnumTypeDefinitionNode,
    GraphQLEnumType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    parse,
    print_ast,
)
from sqlalchemy import select
from sqlmodel import col

from api.citizen import NODES
from core.graph import Access, global_id
from core.ids import GlobalId, new_id
from identity.inbox.models import Message
from services.apply.evidence.service import EvidenceDesk
from services.exchange.access_log.models import AccessRecord
from services.receive.standing.models import StandingAct
from services.sandbox.population.personas import persona as persona_of
from tests.laws.cases import (
    PROGRAMME,
    PURPOSE,
    WORDS,
    application_of,
    bill_of,
    check_of,
    credential_of,
    dispute_of,
    document_of,
    draft_of,
    issued_to_graduate,
    order_of,
    payments_of,
    person_of,
    receipt_of,
    recovery_of,
    share_of,
)
from tests.laws.schema import WHOLE, fields_of, our_fields
from tests.services.apply.evidence.papers import paper
from tests.support.app import Served

CONTRACT: Final = parse((Path(__file__).parent / "contract.graphql").read_text()).definitions
ROOTS: Final = ("Query", "Subscription", "Mutation")
NODE = "query($id: ID!) { node(id: $id) { id __typename } }"
SIGNED_OUT: Final[Mapping[str, str]] = {
    "form": f'{{ form(programme: "{PROGRAMME}") {{ subject }} }}',
    "changes": "subscription { changes { id } }",
}
"""A question for each field that is the viewer's alone; the mutations' are in test_mutations.py."""


@pytest.mark.parametrize("definition", CONTRACT, ids=lambda node: str(node.name.value))
def test_the_names_that_clients_rely_on_are_in_the_graph(definition: DefinitionNode) -> None:
    """docs/adr/0002 and the first release: fields may be added, none may go or change its type."""
    told: Any = definition
    found: Any = WHOLE.type_map[told.name.value]
    if isinstance(definition, EnumTypeDefinitionNode):
        assert isinstance(found, GraphQLEnumType)
        assert {v.name.value for v in told.values} <= set(found.values)
        return
    for field in told.fields:
        assert field.name.value in found.fields, field.name.value
        real = found.fields[field.name.value]
        assert str(real.type) == print_ast(field.type), field.name.value
        for argument in getattr(field, "arguments", None) or ():
            assert str(real.args[argument.name.value].type) == print_ast(argument.type), field.name.value
    assert {i.name.value for i in getattr(told, "interfaces", None) or ()} <= {
        i.name for i in getattr(found, "interfaces", ())
    }


@pytest.mark.parametrize("root", ROOTS)
def test_every_root_field_declares_who_may_call_it(root: str) -> None:
    undeclared = [f.python_name for f in our_fields(root) if not isinstance(f.metadata.get("access"), Access)]
    assert undeclared == []


def test_every_field_that_is_the_viewers_alone_is_asked_signed_out() -> None:
    names = [f for root in ("Query", "Subscription") for f in our_fields(root)]
    assert {f.python_name for f in names if f.metadata["access"] is Access.VIEWER} == set(SIGNED_OUT)


@pytest.mark.parametrize("field", SIGNED_OUT)
async def test_signed_out_the_viewers_fields_say_so(sitthi: Served, field: str) -> None:
    async with sitthi.http.stream(
        "POST", "/graphql", json={"query": SIGNED_OUT[field]}, headers={"accept": "text/event-stream"}
    ) as answer:
        body = (await answer.aread()).decode()
    assert "NOT_SIGNED_IN" in body
    assert '"data":{' not in body.replace(f'"data":{{"{field}":null}}', "")


def test_every_field_of_citizen_and_every_namespace_of_a_plugin_is_nullable() -> None:
    """So that one agency down leaves the rest whole. `id` alone is there whenever the citizen is."""
    assert [n for n, f in fields_of("Citizen").items() if isinstance(f.type, GraphQLNonNull)] == ["id"]
    for namespace in ("insurance", "transcripts"):
        inside = WHOLE.type_map[str(fields_of("Citizen")[namespace].type)]
        assert isinstance(inside, GraphQLObjectType)
        assert not any(isinstance(f.type, GraphQLNonNull) for f in inside.fields.values()), namespace


def test_every_node_has_a_loader_and_every_loader_a_node() -> None:
    node: Any = WHOLE.type_map["Node"]
    assert {kind.name for kind in WHOLE.get_possible_types(node)} == set(NODES)
    assert not any(isinstance(kind, GraphQLUnionType) for kind in WHOLE.type_map.values())


async def _citizen(sitthi: Served) -> str:
    return str((await sitthi.graph("{ viewer { id } }", persona="graduate"))["viewer"]["id"])


async def _consent(sitthi: Served) -> str:
    made = await sitthi.do("grantConsent", "consent { id }", "graduate", purpose=PURPOSE, textVersion=WORDS)
    return str(made["consent"]["id"])


async def _correction(sitthi: Served) -> str:
    made = await sitthi.do("requestCorrection", "correction { id }", "graduate", attribute="name", statement="ชื่อสะกดผิด")
    return str(made["correction"]["id"])


async def _privacy_request(sitthi: Served) -> str:
    made = await sitthi.do("requestMyData", "request { id }", "graduate", kind="ACCESS")
    return str(made["request"]["id"])


async def _entitlement(sitthi: Served) -> str:
    data = await sitthi.graph("{ viewer { entitlements { id } } }", persona="graduate")
    return str(data["viewer"]["entitlements"][0]["id"])


async def _row(sitthi: Served, type_name: str, table: type[Any], owner: Any) -> str:
    person = await person_of(sitthi, "graduate")
    async with sitthi.house.db.read() as session:
        key = await session.scalar(select(col(table.id)).where(owner == person).limit(1))
    assert key is not None
    return str(global_id(type_name, key))


async def _message(sitthi: Served) -> str:
    await application_of(sitthi, "graduate")
    return await _row(sitthi, "Message", Message, col(Message.person))


async def _access_entry(sitthi: Served) -> str:
    await sitthi.graph("{ viewer { profile { birthDate { value } } } }", persona="graduate")
    return await _row(sitthi, "AccessEntry", AccessRecord, col(AccessRecord.subject))


async def _person(sitthi: Served) -> str:
    return str(global_id("Person", await person_of(sitthi, "graduate")))


async def _bill(sitthi: Served) -> str:
    return await bill_of(sitthi, "graduate")


async def _recovery(sitthi: Served) -> str:
    return await recovery_of(sitthi, "graduate")


async def _payment(sitthi: Served) -> str:
    [payment] = await payments_of(sitthi, "graduate", 1)
    return payment


async def _application(sitthi: Served) -> str:
    return await application_of(sitthi, "graduate")


async def _receipt(sitthi: Served) -> str:
    return await receipt_of(sitthi, "graduate")


async def _dispute(sitthi: Served) -> str:
    return await dispute_of(sitthi, "graduate")


async def _delegation(sitthi: Served) -> str:
    given = {"kind": "CARER", "direction": "I_ACT", "nationalId": persona_of("elder").national_id, "scopes": ["VIEW"]}
    made = await sitthi.do("proposeDelegation", "delegation { id }", "graduate", **given)
    return str(made["delegation"]["id"])


async def _evidence(sitthi: Served) -> str:
    async def body() -> AsyncIterator[bytes]:
        yield paper()

    desk = sitthi.house.rooms.get(EvidenceDesk)
    row = await desk.take(await person_of(sitthi, "graduate"), "key-of-this-test", body())
    return str(global_id("Evidence", row.id))


async def _draft(sitthi: Served) -> str:
    return await draft_of(sitthi, "graduate")


async def _document(sitthi: Served) -> str:
    return await document_of(sitthi, "graduate")


async def _order(sitthi: Served) -> str:
    return await order_of(sitthi, "graduate")


async def _credential(sitthi: Served) -> str:
    return await credential_of(sitthi, "graduate")


async def _share(sitthi: Served) -> str:
    return await share_of(sitthi, "graduate")


async def _check(sitthi: Served) -> str:
    return await check_of(sitthi, "graduate")


async def _standing_act(sitthi: Served) -> str:
    done = await sitthi.do("workOnIssued", "issued { id }", "officer official", **await issued_to_graduate(sitthi))
    assert done["problems"] == []
    return await _row(sitthi, "StandingAct", StandingAct, col(StandingAct.person))


OWN: Final[Mapping[str, Callable[[Served], Awaitable[str]]]] = {
    "Citizen": _citizen,
    "Person": _person,
    "AccessEntry": _access_entry,
    "Consent": _consent,
    "Correction": _correction,
    "PrivacyRequest": _privacy_request,
    "Entitlement": _entitlement,
    "Application": _application,
    "IssuedDocument": _document,
    "DocumentOrder": _order,
    "WalletCredential": _credential,
    "Share": _share,
    "CheckAsked": _check,
    "StandingAct": _standing_act,
    "Evidence": _evidence,
    "Draft": _draft,
    "Payment": _payment,
    "Recovery": _recovery,
    "Bill": _bill,
    "Receipt": _receipt,
    "Dispute": _dispute,
    "Delegation": _delegation,
    "Message": _message,
}
"""For each type that is somebody's: one of the graduate's."""
EVERYBODYS: Final = {"Programme": "{ programmes { id } }", "Service": "{ services(first: 1) { nodes { id } } }"}


def test_every_type_of_node_is_somebodys_or_everybodys() -> None:
    assert set(OWN) | set(EVERYBODYS) == set(NODES)


@pytest.mark.parametrize("type_name", OWN)
async def test_what_is_anothers_and_what_never_was_are_alike(sitthi: Served, type_name: str) -> None:
    own = await OWN[type_name](sitthi)
    assert (await sitthi.graph(NODE, {"id": own}, persona="graduate"))["node"] == {"id": own, "__typename": type_name}
    unknown = str(global_id(type_name, new_id()))
    for persona in ("official", None):
        for strange in (own, unknown):
            answer = (await sitthi.post(NODE, {"id": strange}, persona=persona)).json()
            assert answer == {"data": {"node": None}}, (persona, strange == own)


@pytest.mark.parametrize("type_name", OWN)
async def test_an_id_forged_into_another_type_finds_nothing(sitthi: Served, type_name: str) -> None:
    key = GlobalId.parse(await OWN[type_name](sitthi)).id
    for other in sorted(set(NODES) - {type_name, "Person", "Citizen"}):
        data = await sitthi.graph(NODE, {"id": str(global_id(other, key))}, persona="graduate")
        assert data == {"node": None}, other


@pytest.mark.parametrize("type_name", EVERYBODYS)
async def test_what_is_everybodys_is_found_signed_out(sitthi: Served, type_name: str) -> None:
    data = await sitthi.graph(EVERYBODYS[type_name])
    [first, *_] = data["programmes"] if type_name == "Programme" else data["services"]["nodes"]
    assert (await sitthi.graph(NODE, {"id": first["id"]}))["node"]["__typename"] == type_name
    unknown = str(global_id(type_name, new_id()))
    assert (await sitthi.graph(NODE, {"id": unknown}))["node"] is None


@pytest.mark.parametrize("id_", ["", "x", "Q2l0aXplbjo", "ก", "A" * 300, "\x00", PROGRAMME, "Q2l0aXplbjp4eA"])
async def test_what_is_no_id_of_ours_finds_nothing(sitthi: Served, id_: str) -> None:
    assert await sitthi.graph(NODE, {"id": id_}, persona="elder") == {"node": None}
