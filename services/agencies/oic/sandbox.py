"""The Office of Insurance Commission: compulsory motor policies as insurers report them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from services.plugins.contract.sandbox import Desk, Feed, Household, Person, Record, Rows, Sandbox, Table

INSURERS: Final = {
    "SKP": ("ศุภกรประกันภัย", "Suphakon Insurance"),
    "RMI": ("ร่มไม้ประกันภัย", "Rom Mai Insurance"),
    "NGI": ("น้ำเงินประกันภัย", "Nam Ngoen Insurance"),
    "TPK": ("ทิวพฤกษ์ประกันภัย", "Thio Phruek Insurance"),
    "BWI": ("บัวขาวประกันภัย", "Bua Khao Insurance"),
    "LMC": ("ลมเหนือประกันภัย", "Lom Nuea Insurance"),
}
"""Code, Thai and English name of insurers that do not exist."""


def _rows(_: Household, p: Person, _day: date) -> Rows:
    for v in p.vehicles:
        for y in v.policies:
            yield (
                y.number, p.national_id, v.chassis, v.plate, v.province, y.insurer, y.vehicle_class,
                f"{y.start}", f"{y.end}", y.status, f"{y.reported_on}",
            )  # fmt: skip


def policies(desk: Desk, pid: str, _: Mapping[str, Any]) -> Record:
    """Compulsory policies, the latest start first, from 16:30 to 16:30 in Bangkok. `status` is as last reported."""
    sql = (
        "SELECT number, chassis, plate, province, insurer, vehicle_class, start_on, end_on, status, reported_on "
        "FROM policy WHERE holder_pid = ? ORDER BY start_on DESC, number"
    )
    found = []
    for row in desk.all(sql, pid):
        insurer_th, insurer_en = INSURERS[row["insurer"]]
        start_at, end_at = (f"{row.pop(day)}T16:30:00+07:00" for day in ("start_on", "end_on"))
        place = desk.province(row["province"])
        names = {
            "insurer_th": insurer_th,
            "insurer_en": insurer_en,
            "province_th": place.name_th,
            "province_en": place.name_en,
        }
        found.append(row | names | {"start_at": start_at, "end_at": end_at})
    return {"policies": found}


def _as_it_is(_: Desk, row: Record) -> Record:
    return row


def _report(_: Desk, row: Record) -> Record:
    """As an insurer reports it: that a policy has run out follows from its days."""
    return {
        "number": row["number"],
        "insurer": row["insurer"],
        "class": "compulsory",
        "vehicleClass": row["vehicle_class"],
        "holder": row["holder_pid"],
        "chassis": row["chassis"],
        "plate": row["plate"],
        "province": row["province"],
        "start": row["start_on"],
        "end": row["end_on"],
        "status": "cancelled" if row["status"] == "cancelled" else "active",
        "reportedAt": f"{row['reported_on']}T00:00:00+07:00",
    }


def _voluntary(desk: Desk, row: Record) -> Record | None:
    """Every third policy is bought with a voluntary one of the same days, of the five classes in turn."""
    serial = int(row["chassis"][-6:])
    if serial % 3:
        return None
    kind = _CLASSES[serial // 3 % len(_CLASSES)]
    return {**_report(desk, row), "number": f"{row['number']}-V", "class": kind}


_CLASSES: Final = ("1", "2", "2+", "3", "3+")
_INSURERS: Final = tuple(
    {"code": code, "nameTh": th, "nameEn": en, "reportedAt": "2000-01-01T00:00:00+07:00"}
    for code, (th, en) in INSURERS.items()
)

_AGENT: Final = {"role": "agent", "business": "non-life", "holder": "person", "reportedAt": "2020-01-01T00:00:00+07:00"}
_LICENCES: Final = (
    _AGENT | {
        "number": "0001000011", "nameTh": "นางสาวสุดา ตัวอย่างดี", "nameEn": "Miss Suda Tuayangdi",
        "issued": "2019-06-01", "expires": "2099-05-31", "status": "active", "insurers": ["SKP", "RMI"],
    },
    _AGENT | {
        "number": "0001000022", "nameTh": "นายมานะ ตัวอย่างดี", "nameEn": "Mr Mana Tuayangdi",
        "issued": "2015-06-01", "expires": "2019-05-31", "status": "active", "insurers": ["NGI"],
    },
    _AGENT | {
        "number": "0001000033", "business": "life", "nameTh": "นางปราณี สมมุติ", "nameEn": "Mrs Pranee Sommut",
        "issued": "2018-01-15", "expires": "2098-01-14", "status": "suspended", "insurers": ["BWI"],
    },
    _AGENT | {
        "number": "0001000044", "nameTh": "นายวีระ สมมุติ", "nameEn": "Mr Weera Sommut",
        "issued": "2018-03-01", "expires": "2098-02-28", "status": "revoked", "insurers": ["TPK"],
    },
    _AGENT | {
        "number": "0002000055", "role": "broker", "holder": "juristic", "nameTh": "บริษัท ร่มใหญ่โบรกเกอร์ จำกัด",
        "nameEn": "Rom Yai Broker Co., Ltd.", "issued": "2017-09-01", "expires": "2097-08-31", "status": "active",
        "insurers": [],
    },
)  # fmt: skip
"""Licences of people and a company that do not exist, one of each standing."""


SANDBOX: Final = Sandbox(
    tables=(
        Table(
            "policy",
            "number, holder_pid, chassis, plate, province, insurer, vehicle_class, start_on, end_on, status, "
            "reported_on",
            ("holder_pid, start_on", "chassis"),
            _rows,
        ),
    ),
    answers={"policies": policies},
    feeds=(
        Feed("insurers", _as_it_is, rows=_INSURERS),
        Feed("licences", _as_it_is, rows=_LICENCES),
        Feed("reports", _report, table="policy"),
        Feed("reports", _voluntary, table="policy"),
    ),
)
