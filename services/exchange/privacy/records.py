"""The record of processing (PDPA 2562 s.39), made from what the rooms declare; public, and a page of docs/."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from core.personal_data import Fate, Nobodys, Store
from core.text import Text
from services.exchange.catalogue import Catalogue
from services.exchange.privacy.personal_data import NOBODYS
from services.exchange.privacy.retention import RetentionClass, retention_classes
from services.exchange.privacy.stopping import stopping

CONTROLLER: Final = Text(
    th="หน่วยงานที่ให้บริการระบบนี้ ข้อเท็จจริงแต่ละรายการเป็นของหน่วยงานเจ้าของข้อมูล ซึ่งเป็นผู้ควบคุมข้อมูลส่วนบุคคลของรายการนั้น",
    en="The agency that runs this system. Each fact belongs to its steward agency, which is the controller of it.",
)
RIGHTS: Final[tuple[tuple[str, Text], ...]] = (
    ("s.30, s.31", Text(th="ขอสำเนาข้อมูล: requestMyData ตอบภายใน 30 วัน", en="a copy: `requestMyData`, within 30 days")),
    ("s.32", Text(th="คัดค้าน: objectToUse", en="objection: `objectToUse`")),
    (
        "s.33",
        Text(
            th="ลบบางหมวด: requestErasure ออกจากระบบ: leave มีผลหลังเจ็ดวัน",
            en="erasure: `requestErasure`, `leave`; it begins after seven days in which it can be taken back",
        ),
    ),
    ("s.34", Text(th="ระงับการใช้: restrictUse มีผลทันที", en="restriction: `restrictUse`, with effect at once")),
    ("s.36", Text(th="แก้ไขที่ต้นทาง: requestCorrection", en="correction at the source: `requestCorrection`")),
)
MEASURES: Final[tuple[Text, ...]] = (
    Text(
        th="คอลัมน์ที่มีข้อมูลส่วนบุคคลเข้ารหัส AES-256-GCM ผูกกับแถว กุญแจหมุนเวียนได้ขณะให้บริการ",
        en="Columns with personal data are sealed with AES-256-GCM, bound to their row; keys rotate while serving.",
    ),
    Text(
        th="เลขประจำตัวประชาชนค้นด้วยดัชนีที่อ่านกลับไม่ได้ ไม่อยู่ใน URL บันทึก หรือข้อผิดพลาด",
        en="National IDs are found by a keyed blind index, and stand in no address, log, trace or error.",
    ),
    Text(
        th="ทุกการเข้าถึงข้อเท็จจริงบันทึกก่อนตอบ ในต้นไม้แฮชที่ลงนาม",
        en="Every look at a fact is in the access log before it is answered, in a signed Merkle tree.",
    ),
    Text(
        th="บันทึกที่แก้ไขไม่ได้เข้ารหัสด้วยกุญแจของแต่ละบุคคล ลบได้ด้วยการทำลายกุญแจ",
        en="Records that never change are sealed under a key of each person's own, and erased by destroying it.",
    ),
    Text(
        th="การดำเนินการสำคัญต้องยืนยันตัวตนด้วยพาสคีย์ภายในห้านาที",
        en="To take all data away or to erase them needs a passkey within the last five minutes.",
    ),
)


def records(stores: Iterable[Store], catalogue: Catalogue) -> dict[str, Any]:
    """The whole record as JSON, in the order of s.39."""
    classes = retention_classes()
    return {
        "law": "PDPA 2562 s.39",
        "controller": _both(CONTROLLER),
        "stores": [_store(store, classes[store.retention]) for store in stores],
        "purposes": [_purpose(catalogue, name) for name in sorted(catalogue.purposes)],
        "retention": [_class(one) for one in classes.values()],
        "rights": [{"section": section, **_both(text)} for section, text in RIGHTS],
        "measures": [_both(text) for text in MEASURES],
        "holds_nothing_of_anybody": [_nobodys(name, NOBODYS[name]) for name in sorted(NOBODYS)],
    }


def page(stores: Sequence[Store], catalogue: Catalogue) -> str:
    """The same as a page for people, Thai first."""
    told = records(stores, catalogue)
    lines = [
        "# บันทึกรายการกิจกรรมการประมวลผลข้อมูลส่วนบุคคล · Records of processing",
        "",
        "Made from the code by `sitthi reference` (PDPA 2562 s.39); served at `/open/records-of-processing.json`.",
        "",
        f"{told['controller']['th']}",
        "",
        f"{told['controller']['en']}",
        "",
        "## ข้อมูลที่เก็บ · What is held",
        "",
    ]
    for store in told["stores"]:
        lines += _section(store)
    lines += [
        "## วัตถุประสงค์ · Purposes",
        "",
        "| purpose | ไทย | basis | objection | restriction |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in told["purposes"]:
        lines.append(
            f"| `{one['id']}` {one['en']} | {one['th']} | {one['basis']} | {one['objection']} | {one['restriction']} |"
        )
    lines += [
        "",
        "## ระยะเวลาเก็บ · Retention",
        "",
        "| class | ไทย | English | law | by |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in told["retention"]:
        law = f"{one['law']['th']} · {one['law']['en']}"
        lines.append(f"| `{one['id']}` | {one['th']} | {one['en']} | {law} | {one['by']} |")
    lines += ["", "## สิทธิ · Rights", "", *(f"- {r['section']}: {r['th']} · {r['en']}" for r in told["rights"])]
    lines += ["", "## มาตรการความปลอดภัย · Security", "", *(f"- {m['th']} · {m['en']}" for m in told["measures"])]
    lines += ["", "## ตารางที่ไม่มีข้อมูลของใคร · Tables about nobody", ""]
    lines += [f"- `{one['table']}`: {one['reason']}" for one in told["holds_nothing_of_anybody"]]
    return "\n".join(lines) + "\n"


def _section(store: dict[str, Any]) -> list[str]:
    recipients = "; ".join(f"{one['th']} · {one['en']}" for one in store["recipients"]) or "–"
    tables = ", ".join(f"`{one['name']}` ({one['on_erasure']})" for one in store["tables"]) or "–"
    elsewhere = [f"- {one['th']} · {one['en']}" for one in store["elsewhere"]]
    return [
        f"### {store['title']['th']} · {store['title']['en']} (`{store['name']}`)",
        "",
        f"{store['description']['th']}",
        "",
        f"{store['description']['en']}",
        "",
        f"- วัตถุประสงค์ · purpose: {store['purpose']['th']} · {store['purpose']['en']}",
        f"- ฐานทางกฎหมาย · basis: PDPA {store['basis']}" + (", s.26" if store["sensitive"] else ""),
        f"- ระยะเวลา · kept: `{store['retention']}`, {store['kept']['th']} · {store['kept']['en']}",
        f"- ผู้รับข้อมูล · recipients: {recipients}",
        f"- ตาราง · tables, and what erasure does: {tables}",
        *elsewhere,
        "",
    ]


def _store(store: Store, kind: RetentionClass) -> dict[str, Any]:
    return {
        "name": store.name,
        "title": _both(store.title),
        "description": _both(store.description),
        "purpose": _both(store.purpose),
        "basis": store.basis.value,
        "sensitive": store.sensitive,
        "retention": store.retention,
        "kept": _both(kind.text),
        "recipients": [_both(one) for one in store.recipients],
        "tables": [
            {"name": rows.table, "on_erasure": rows.fate.value if rows.of else Fate.UNNAMED.value}
            for rows in store.rows
        ],
        "elsewhere": [_both(one) for one in store.elsewhere],
    }


def _purpose(catalogue: Catalogue, name: str) -> dict[str, Any]:
    entry, stop = catalogue.purposes[name], stopping().get(name)
    return {
        "id": name,
        **_both(entry.purpose.text),
        "basis": entry.purpose.basis.value,
        "attributes": sorted(entry.attributes) if entry.attributes is not None else "all",
        "requester": entry.requester,
        "objection": "-" if stop is None or stop.own else ("possible" if stop.objection else "not possible"),
        "restriction": "-" if stop is None or stop.own else ("stops" if stop.restriction else "goes on"),
    }


def _class(kind: RetentionClass) -> dict[str, Any]:
    days = kind.kept.days if kind.kept is not None else None
    return {"id": kind.id, "days": days, **_both(kind.text), "law": _both(kind.law), "by": kind.by}


def _nobodys(name: str, given: Nobodys) -> dict[str, str]:
    return {"table": name, "reason": given.reason}


def _both(text: Text) -> dict[str, str]:
    return {"th": text.th, "en": text.en}
