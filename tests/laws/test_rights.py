"""Every field says what a delegate may do with it; what gives a right or moves money asks for a sure sign-in."""

from __future__ import annotations

from typing import Any, Final

import pytest

from api.citizen import DELEGATES_FIND, NODES
from api.composer.binding import ALONE
from core.assurance import Aal, Demand
from core.graph import Delegate
from core.graph.mutations import UnitOfWork
from core.graph.rights import Rights, declares
from services.plugins.contract import Delegates
from tests.laws.schema import fields_of, our_fields
from tests.support.app import Served

DEMANDING: Final = {
    "apply": (Aal.AAL_1, None),
    "change_payout_destination": (Aal.AAL_2_2, 300),
    "propose_delegation": (Aal.AAL_2_1, 900),
    "answer_recovery": (Aal.AAL_2_1, 900),
    "accept_delegation": (Aal.AAL_2_1, 900),
    "find_juristic_person": (Aal.AAL_2_1, 900),
    "propose_juristic_officer": (Aal.AAL_2_1, 900),
    "approve_juristic_officer": (Aal.AAL_2_1, 900),
    "accept_juristic_officer": (Aal.AAL_2_1, 900),
    "add_juristic_system": (Aal.AAL_2_1, 900),
    "replace_juristic_system_keys": (Aal.AAL_2_1, 900),
    "make_slip_code": (Aal.AAL_2_1, 900),
    "request_erasure": (Aal.AAL_2_2, 300),
    "leave": (Aal.AAL_2_2, 300),
}
"""Mutations that give somebody a right, or move where money goes: the authenticator and the age in seconds."""
UNDEMANDING: Final = {
    "supplement", "withdraw", "appeal", "reopen", "confirm_receipt", "rate",
    "dispute", "contest_dispute", "close_dispute",
    "grant_consent", "withdraw_consent", "request_correction", "supplement_correction", "withdraw_correction",
    "end_delegation", "end_session", "end_all_sessions", "end_juristic_officer", "end_juristic_system",
    "request_my_data", "cancel_erasure", "restrict_use", "object_to_use", "lift_restriction",
    "rename_passkey", "remove_passkey", "set_contact", "remove_contact", "mark_read",
    "add_notices", "confirm_notices", "remove_notices", "set_notice_wishes",
    "save_draft", "discard_draft",  # nothing is applied for yet
    "pay_fee",  # makes a bill; money moves at the bank, by whoever has the code
    "work_on_case",  # an officer's: each act asks what it takes (identity/officers/demands)
    "issue_document", "offer_credential",  # as sure as its service says
    "revoke_credential",  # a wallet that is lost must be easy to shut out
    "work_on_issued",  # an officer's: as that
    "prepare_share", "create_share",  # as sure as the service says whose document it is
    "revoke_share",
    "answer_check",  # a consent; of what they see they are as sure as the service says
}  # fmt: skip
"""Whoever writes a mutation puts it into one of the two, having thought. To end a right must be easy."""
THE_CITIZENS_ALONE: Final = {
    "privacy_requests", "access_log", "corrections", "inbox", "delegations", "payout_destination", "account",
    "changes_cursor", "notices", "documents", "document_orders", "credentials", "standing_acts", "recoveries",
    "underpayments", "bills", "shares", "checks_asked", "statement",
    "juristic_persons",
}  # fmt: skip
"""Fields of `Citizen` that no delegation opens: what others did, what was agreed to, and the ways in."""
FOR_DELEGATES: Final = {
    "apply": Delegate.APPLY, "supplement": Delegate.APPLY, "withdraw": Delegate.APPLY, "appeal": Delegate.APPLY,
    "save_draft": Delegate.APPLY, "discard_draft": Delegate.APPLY,
    "reopen": Delegate.APPLY, "issue_document": Delegate.APPLY,
    "confirm_receipt": Delegate.RECEIVE, "rate": Delegate.RECEIVE,
    "dispute": Delegate.RECEIVE, "contest_dispute": Delegate.RECEIVE, "close_dispute": Delegate.RECEIVE,
    "grant_consent": Delegate.CONSENT, "withdraw_consent": Delegate.CONSENT,
}  # fmt: skip


def shown(kind: str) -> list[Any]:
    """The Strawberry fields of a type that are in the graph."""
    return [field for field in our_fields(kind) if field.graphql_name or camel(field.python_name) in fields_of(kind)]


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@pytest.mark.parametrize("kind", ["Query", "Mutation", "Subscription", "Citizen"])
def test_every_field_says_what_a_delegate_may_do_with_it(kind: str) -> None:
    assert [field.python_name for field in shown(kind) if not declares(field.metadata)] == []


def test_what_is_the_citizens_alone_is_open_to_nobody_else() -> None:
    closed = {f.python_name for f in shown("Citizen") if Rights.of(f.metadata).delegate is Delegate.NOTHING}
    assert closed == THE_CITIZENS_ALONE


def test_a_delegate_may_do_what_is_on_this_list_and_nothing_else() -> None:
    told = {f.python_name: Rights.of(f.metadata).delegate for f in shown("Mutation")}
    assert {name: delegate for name, delegate in told.items() if delegate is not Delegate.NOTHING} == FOR_DELEGATES


def test_every_mutation_demands_a_sure_sign_in_or_was_found_to_need_none() -> None:
    demands = {f.python_name: Rights.of(f.metadata).demand for f in shown("Mutation")}
    assert {name for name, demand in demands.items() if demand is None} == UNDEMANDING
    found = {name: (d.assurance.aal, d.age_seconds_max) for name, d in demands.items() if isinstance(d, Demand)}
    assert found == DEMANDING


@pytest.mark.parametrize("field", shown("Mutation"), ids=lambda field: str(field.python_name))
def test_the_unit_of_work_checks_what_the_mutation_declares_and_the_schema_says_it(field: Any) -> None:
    [unit] = [extension for extension in field.extensions if isinstance(extension, UnitOfWork)]
    assert unit.declared == Rights.of(field.metadata)
    assert unit.declared.words in (fields_of("Mutation")[camel(field.python_name)].description or "")


def test_every_node_is_named_as_open_or_closed_to_delegates() -> None:
    assert set(NODES) == set(DELEGATES_FIND)
    closed = {name for name, delegate in DELEGATES_FIND.items() if delegate is Delegate.NOTHING}
    assert {"AccessEntry", "Consent", "Message", "Delegation"} <= closed


async def test_a_plugins_namespace_says_what_its_manifest_declares(sitthi: Served) -> None:
    for plugin in sitthi.house.registry.plugins:
        namespace = plugin.manifest.namespace
        if namespace is None or namespace not in fields_of("Citizen"):
            continue
        words = fields_of("Citizen")[namespace].description
        assert f"ial{plugin.manifest.assurance.value}" in words
        assert ("scope VIEW" in words) is (plugin.manifest.delegates is not Delegates.NOTHING)


async def test_a_question_that_is_the_citizens_alone_says_so(sitthi: Served) -> None:
    closed = {
        f"{plugin.slug}.{name}"
        for plugin in sitthi.house.registry.plugins
        for name, spec in plugin.manifest.operations.items()
        if spec.citizen_alone
    }
    assert closed == {"oic.claims"}
    said = {name for name, field in fields_of("Insurance").items() if ALONE in (field.description or "")}
    assert said == {"claims"}
