"""`sitthi juristic` at the terminal of an agency's officers."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.commands import juristic, officer_acts
from core.clock import bangkok_day
from core.text import Text
from identity.juristic.companies import Company, RegisteredDirector
from identity.juristic.looks import Looks
from identity.juristic.numbers import JuristicNumber
from tests.identity.juristic.conftest import juristic_number
from tests.identity.officers.test_command import REASON, Terminal, key_file, proposed
from tests.identity.officers_of_tests import number

NUMBER = juristic_number(1).digits
ROLES = ("officers.propose", "juristic.propose", "juristic.approve")


def said(*words: str, given: str | None = None, ok: bool = True) -> str:
    done = CliRunner().invoke(juristic.app, list(words), input=given)
    assert (done.exit_code == 0) is ok, done.output
    return done.output


@pytest.fixture
def office(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("SITTHI_DATABASE_URL", database_url)
    monkeypatch.setenv("SITTHI_DATA", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    office = Terminal()
    monkeypatch.setattr(officer_acts, "_with_officer", office.act)
    for running in (1, 2):
        office.add(running, "oic", *ROLES)
    return office


def approved(office: Terminal, told: str) -> str:
    return office("approve", proposed(told), "--as", "two")


def test_a_company_its_officer_and_its_system_are_entered_and_ended(office: Terminal, tmp_path: Path) -> None:
    titles = ("--kind", "INSURER", "--title-th", "บริษัท", "--title-en", "Company", "--directors", "2")
    directors = f"{number(10).digits}\n{number(11).digits}\n"
    approved(office, said("propose", NUMBER, *titles, *REASON, "--as", "one", given=directors))
    assert NUMBER in said("list", "--as", "one")

    until = (bangkok_day(office.clock.now()) + timedelta(days=9)).isoformat()
    given = f"{number(20).digits}\nนาย\nMr\n"
    words = ("propose-officer", NUMBER, "--power", "report:policies", "--until", until, *REASON, "--as", "one")
    told = approved(office, said(*words, given=given))
    [appointment] = re.findall(r"[0-9a-f]{32}", told)
    jwks = ("--jwks", str(key_file(tmp_path, "a")), "--name-th", "ระบบ", "--name-en", "System")
    told = approved(office, said("propose-client", NUMBER, *jwks, *REASON, "--as", "one"))
    [client] = re.findall(r"oic-juristic-\w{8}", told)

    shown = said("show", NUMBER, "--as", "one")
    assert f"officer\t{appointment}\tholds" in shown
    assert client in shown
    assert number(20).digits not in shown
    said("end-officer", appointment, *REASON, "--as", "one")
    said("end-client", client, *REASON, "--as", "one")
    assert f"officer\t{appointment}\tAGENCY" in said("show", NUMBER, "--as", "one")
    assert "APPOINTMENT_DECIDED" in said("end-officer", appointment, *REASON, "--as", "one", ok=False)
    approved(office, said("propose-end", NUMBER, *REASON, "--as", "one"))
    assert "struck off" in said("list", "--as", "one")


def test_what_is_no_company_of_the_agency_is_not_found(office: Terminal) -> None:
    assert "NOT_FOUND" in said("show", NUMBER, "--as", "one", ok=False)
    assert "MALFORMED_JURISTIC_NUMBER" in said("show", "123", "--as", "one", ok=False)


def test_the_register_of_companies_is_asked_and_followed(office: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    titles = ("--kind", "INSURER", "--title-th", "บริษัท", "--title-en", "Company", "--directors", "2")
    directors = f"{number(10).digits}\n{number(11).digits}\n"
    approved(office, said("propose", NUMBER, *titles, *REASON, "--as", "one", given=directors))
    told: Company | None = None

    class Register:
        async def company(self, asked: JuristicNumber) -> Company | None:
            assert asked.digits == NUMBER
            return told

    made = Looks.__init__

    def connected(self: Looks, *given: Any) -> None:
        made(self, *given)
        self.companies = Register()

    monkeypatch.setattr(Looks, "__init__", connected)
    assert "2 directors are here; 2 sign together; not known there" in said("look", NUMBER, "--as", "one")
    left = RegisteredDirector(number(11), Text(th="นาย", en="Mr"), signs=True)
    told = Company(
        juristic_number(1), Text(th="ก", en="Renamed"), is_dissolved=False, signatures=1, directors=(left,),
        as_of=office.clock.now(),
    )  # fmt: skip
    assert "1 directors are here; 1 sign together; as of " in said("look", NUMBER, "--as", "one")
    assert "Renamed" in said("list", "--as", "one")
    told = replace(told, is_dissolved=True)
    assert "dissolved" in said("look", NUMBER, "--as", "one")
    assert "struck off" in said("list", "--as", "one")
    assert "NOT_FOUND" in said("look", NUMBER, "--as", "one", ok=False)
