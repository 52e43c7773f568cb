"""Every table that names a person belongs to exactly one store, which says why it is held, for how long, and what
erasure does to it; or it is nobody's, for a reason."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import Column, Uuid

from api.privacy import declared_stores, stores_of
from core.database import load_models
from core.jobs import IDEMPOTENCY_KEPT
from core.personal_data import Fate, Nobodys, Rows, Store
from core.sealed import Binding
from identity.provider.housekeeping import SESSIONS_KEPT
from services.apply.drafts.service import KEPT as DRAFTS_KEPT
from services.apply.service import ApplyService
from services.exchange.catalogue import load_catalogue
from services.exchange.privacy.personal_data import NOBODYS
from services.exchange.privacy.records import page
from services.exchange.privacy.retention import THIS, retention_classes
from services.exchange.privacy.stopping import stopping
from services.exchange.rest.repository import REQUESTS_KEPT
from services.pay.keeping import ACCOUNTS_KEPT
from services.plugins.documents.service import KEPT as DOCUMENTS_KEPT
from services.receive.shares.checks.asking import DAYS_MAX
from services.receive.shares.checks.asking import KEPT as CHECKS_KEPT
from services.receive.shares.making import LASTS_MAX
from services.receive.shares.service import SHOWN_FOR
from tests.harness.test_append_only import KEYS
from tests.support.app import Served

ROOT: Final = Path(__file__).parents[2]
TABLES: Final = load_models().tables
STORES: Final = declared_stores()
ROWS: Final = {rows.table: rows for store in STORES for rows in store.rows}
NOT_PEOPLE: Final = {
    "id": "a row's own key", "application": "an application", "decision": "a decision", "award": "an award",
    "run": "a payment run", "payday": "a payday of several runs", "destination": "a row of payout_destination",
    "instalment": "an instalment",
    "receipt": "a receipt", "session": "a browser session", "family": "a token family", "delegation": "a delegation",
    "passkey": "a passkey of the same person",
    "entry": "a decision of the access log", "record": "a record of the access log", "correction": "a correction",
    "consent": "a consent", "dispute": "a dispute", "transaction_id": "of the ledger", "account": "of the ledger",
    "request": "a request",
    "evidence": "a file of evidence", "agreement": "an agreement", "cursor_id": "a record of the access log",
    "juristic": "a juristic person", "appointment": "an appointment to act for a juristic person",
    "lease": "a worker's turn", "act": "what two officers do",
    "overpayment": "an overpayment", "plan": "a plan of recovery", "repeats": "an instalment",
    "offer": "an offer to a wallet", "share": "a share", "document": "an issued document",
    "supplements": "an underpayment", "bill": "a bill", "channel": "a way to be told", "message": "a message",
}  # fmt: skip
"""Names of columns that hold keys of other things, wherever they stand."""
A_PERSON: Final = re.compile(
    r"person|citizen|beneficiary|delegate|actor|officer|maker|checker|handler|agent|by|.+_by|unit_key"
)
"""Names of columns that hold people, whatever their type."""
KEYS_OF_THINGS: Final = {
    "change.subject": "an application, a payment, a message, a draft or a bill",
    "draft.subject": "a programme or a service",
    "privacy_event.subject": "a request or a hold",
    "application.subject": "a programme or a service",
    "award.subject": "a programme or a service",
    "instalment.subject": "a programme or a service",
    "receipt.subject": "a programme or a service",
    "agreement.suspended_by": "an agency",
    "delegation_event.by_officer_of": "an agency",
    "juristic_event.by_officer_of": "an agency",
    "service_case.pay_by": "an instant",
    "held_paper.paper": "a paper",
    "standing_act.issued": "an offer to a wallet, or a paper",
    "legal_hold.released_by": "an officer",
}


def may_name_a_person(column: Column[object]) -> bool:
    place = f"{column.table.name}.{column.name}"
    if place in KEYS_OF_THINGS or (column.name in NOT_PEOPLE and place != "person.id"):
        return False
    return isinstance(column.type, Uuid) or A_PERSON.fullmatch(column.name) is not None


def declared(table: str) -> Rows | Nobodys:
    found = ROWS.get(table) or NOBODYS.get(table)
    assert found is not None, f"{table}: declare it in a room's personal_data.py, or in NOBODYS with the reason"
    return found


@pytest.mark.parametrize("table", sorted(TABLES))
def test_a_table_belongs_to_one_store_or_to_nobody_with_a_reason(table: str) -> None:
    owners = [store.name for store in STORES if table in store.tables]
    assert len(owners) + (table in NOBODYS) == 1, owners
    if table in NOBODYS:
        assert NOBODYS[table].reason


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_column_that_may_name_a_person_is_declared(table: str) -> None:
    found = declared(table)
    people = found.people if isinstance(found, Rows) else frozenset(found.names)
    undeclared = {c.name for c in TABLES[table].columns if may_name_a_person(c)} - people
    assert undeclared == set(), "say whose they are in Rows.of or Rows.names"


def test_nothing_is_declared_that_is_not_there() -> None:
    for name, rows in ROWS.items():
        there = set(TABLES[name].columns.keys())
        assert rows.people | rows.hidden | set(rows.blank) <= there, name
    assert set(NOBODYS) <= set(TABLES)


@pytest.mark.parametrize("table", sorted(ROWS))
def test_the_fate_of_a_table_is_one_that_the_database_allows(table: str) -> None:
    rows = ROWS[table]
    only_grows = table in KEYS or rows.table in {"access_record", "log_leaf", "correction_event", "consent_receipt"}
    if only_grows:
        assert rows.fate in (Fate.UNREADABLE, Fate.UNNAMED), "no program deletes or changes a row of it"
    if rows.fate is Fate.UNREADABLE and rows.of:
        bindings = [c.info.get("sealed") for c in TABLES[table].columns]
        assert any(isinstance(b, Binding) and b.subject in rows.of for b in bindings), "sealed under the person's key"
    if only_grows and any(isinstance(c.info.get("sealed"), Binding) for c in TABLES[table].columns):
        assert rows.fate is Fate.UNREADABLE
    assert bool(rows.blank) == (rows.fate is Fate.BLANKED)


@pytest.mark.parametrize("table", [name for name, rows in ROWS.items() if rows.fate is Fate.BLANKED])
def test_what_is_blanked_is_every_sealed_column(table: str) -> None:
    sealed = {c.name for c in TABLES[table].columns if isinstance(c.info.get("sealed"), Binding)}
    assert sealed <= set(ROWS[table].blank)


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.name)
def test_a_store_says_all_that_the_record_of_processing_needs(store: Store) -> None:
    for text in (store.title, store.description, store.purpose, *store.recipients, *store.elsewhere):
        assert text.th
        assert text.en
        assert re.search("[ก-๙]", text.th)
    assert store.retention in retention_classes()
    assert store.rows or store.elsewhere


def test_no_two_stores_have_one_name_and_the_house_has_every_one(sitthi: Served) -> None:
    names = Counter(store.name for store in STORES)
    assert max(names.values()) == 1
    house = [one.about.name for one in stores_of(sitthi.house, sitthi.house.rooms.get(ApplyService))]
    assert sorted(house) == sorted(names)
    assert house[-1] == "data-key", "what is sealed under the key is erased before it"


def test_every_purpose_of_the_catalogue_says_whether_it_can_be_stopped() -> None:
    assert set(stopping()) == set(load_catalogue().purposes)


def test_rules_of_retention_name_tables_and_columns_that_are_there() -> None:
    for kind in retention_classes().values():
        for rule in kind.rules:
            assert rule.table in ROWS, rule
            columns = TABLES[rule.table].columns.keys()
            assert {rule.from_, *rule.when} <= set(columns), rule
            fate = ROWS[rule.table].fate
            assert fate is not Fate.UNREADABLE, "it only grows"
            assert rule.do != "blank" or fate is Fate.BLANKED


def test_what_the_file_says_deletes_a_class_is_there() -> None:
    for kind in retention_classes().values():
        if kind.by not in (THIS, "erasure"):
            assert importlib.util.find_spec(kind.by) is not None, kind


def test_the_numbers_in_the_file_are_those_of_the_programs() -> None:
    kept = {name: kind.kept for name, kind in retention_classes().items() if kind.by != THIS}
    assert kept["traffic"] == SESSIONS_KEPT
    assert kept["agency-traffic"] == REQUESTS_KEPT
    assert kept["requests"] == IDEMPOTENCY_KEPT
    assert kept["documents"] == DOCUMENTS_KEPT
    assert kept["drafts"] == DRAFTS_KEPT
    assert kept["shares"] == LASTS_MAX + SHOWN_FOR
    assert kept["checks"] == timedelta(days=DAYS_MAX) + CHECKS_KEPT
    assert retention_classes()["accounting"].kept == ACCOUNTS_KEPT


def test_the_page_of_the_record_of_processing_is_up_to_date() -> None:
    written = (ROOT / "docs/records-of-processing.md").read_text(encoding="utf-8")
    assert written == page(STORES, load_catalogue()), "run .venv/bin/sitthi reference"
