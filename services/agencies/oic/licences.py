"""ForSure: the register of agents' and brokers' licences, and what anybody may ask of it.

A licence is public, with its holder's name. What harms people is a licence that is over, and one that is somebody
else's: so a check says first whether it is good today, and whether it is of the name that was asked for.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from services.agencies.oic.tables import AHEAD, DIGITS, answered, insert, instant, rejected_of, remember
from services.plugins.contract import BANGKOK, Call, Host, StoreReading, StoreTransaction, Text

SHOWN_MAX: Final = 10
WORDS_MAX: Final = 8
QR: Final = r"OIC:([0-9]{10}):([0-9]{2})"
STATEMENT: Final = "insurance-licence"
STATED_FOR: Final = timedelta(days=7)
"""How long a signed code is good: what is suspended meanwhile, it does not tell."""
CODE_LENGTH_MAX: Final = 4_000
_SIGNED: Final = r"[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+~?"
TITLES: Final = (
    *("นางสาว", "นาย", "นาง", "น.ส.", "ดร.", "ว่าที่ร้อยตรี", "บริษัท", "ห้างหุ้นส่วนจำกัด", "บจก.", "บมจ.", "หจก."),
    *("mrs.", "mr.", "ms.", "miss", "dr.", "mrs", "mr", "ms", "dr"),
)
"""What stands before a name, or in one, and says nothing of whose it is; in Thai without a space, too."""
AFTER: Final = frozenset(
    {"จำกัด", "มหาชน", "จำกัด(มหาชน", "co", "co.", "ltd", "ltd.", "limited", "public", "company"},
)
_COLUMNS: Final = (
    "number", "role", "business", "holder", "name_th", "name_en", "issued_on", "expires_on", "status", "insurers",
    "reported_at",
)  # fmt: skip
_ADVICE: Final = {
    "VALID": Text(th="ใบอนุญาตนี้ใช้ได้ในวันนี้", en="This licence is good today."),
    "EXPIRED": Text(
        th="ใบอนุญาตนี้หมดอายุแล้ว อย่าทำประกันภัยหรือจ่ายเงินกับผู้ถือ",
        en="This licence has expired: buy nothing from its holder.",
    ),
    "SUSPENDED": Text(
        th="ใบอนุญาตนี้ถูกพักใช้ อย่าทำประกันภัยหรือจ่ายเงินกับผู้ถือ",
        en="This licence is suspended: buy nothing from its holder.",
    ),
    "REVOKED": Text(
        th="ใบอนุญาตนี้ถูกเพิกถอน อย่าทำประกันภัยหรือจ่ายเงินกับผู้ถือ",
        en="This licence was revoked: buy nothing from its holder.",
    ),
    "NOT_FOUND": Text(
        th="ไม่พบใบอนุญาตเลขนี้ โปรดตรวจสอบเลขอีกครั้ง",
        en="The register has no such licence: check the number again.",
    ),
}
_SOMEBODY_ELSE: Final = Text(
    th="ใบอนุญาตนี้เป็นของผู้อื่น อาจมีการแอบอ้าง อย่าจ่ายเงิน โทร. 1186",
    en="This is somebody else's licence: the person may be an impostor. Pay nothing, call 1186.",
)


async def take(host: Host, call: Call) -> dict[str, Any]:
    """Of several reports about a licence the latest holds; the same content again changes nothing."""
    now = host.clock.now()
    async with host.store.transaction() as tx:
        if (told := await answered(tx, call)) is not None:
            return told
        insurers = {row["code"] for row in await tx.fetch("SELECT code FROM insurer")}
        records = call.arguments["records"]
        latest = await _latest(tx, sorted({record["number"] for record in records}))
        rejected, changed = [], dict[str, dict[str, Any]]()
        for place, record in enumerate(records):
            fault, row = _fault(record, insurers, now), _row(record)
            before = latest.get(row["number"])
            if fault is None and before is not None and row["reported_at"] <= before["reported_at"]:
                if all(row[name] == before[name] for name in _COLUMNS if name != "reported_at"):
                    continue
                fault = "LICENCE_CONFLICT", "/reportedAt"
            if fault is not None:
                rejected.append(rejected_of(place, *fault))
                continue
            latest[row["number"]] = changed[row["number"]] = row
        await _write(tx, [changed[number] for number in sorted(changed)])
        return await remember(tx, call, rejected, now)


async def checked(host: Host, call: Call) -> dict[str, Any]:
    """One licence, by number or by the content of its QR code, and whether it is that person's."""
    told, now = call.arguments, host.clock.now()
    today = now.astimezone(BANGKOK).date()
    number, stated = plain_number(told.get("number")), None
    if told.get("qr") is not None:
        number, stated = read_code(str(told["qr"]))
    async with host.store.reading() as tx:
        rows = await tx.fetch("SELECT * FROM licence WHERE number = :number", {"number": number})
        if not rows:
            advice = _ADVICE["NOT_FOUND"]
            return {"status": "NOT_FOUND", "message": advice.th, "messageEn": advice.en}
        [licence] = await _shown(tx, rows, today)
    asked = [name for name in (stated, told.get("name")) if name is not None]
    matches = all(is_named(str(name), rows[0]["name_th"], rows[0]["name_en"]) for name in asked) if asked else None
    advice = _SOMEBODY_ELSE if matches is False else _ADVICE[licence["status"]]
    is_good = licence["status"] == "VALID" and matches is not False
    return {
        "status": licence["status"],
        "message": advice.th,
        "messageEn": advice.en,
        "nameMatches": matches,
        "licence": None if matches is False else licence,  # whoever guesses at names is not told the right one
        "signed": await _signed(host, rows[0], now) if is_good else None,
    }


async def _signed(host: Host, row: Mapping[str, Any], now: datetime) -> str:
    """For the holder's QR code: what the register says today, to be verified without a network for some days."""
    ends = datetime.combine(date.fromisoformat(row["expires_on"]) + timedelta(days=1), time(), BANGKOK)
    claims = {
        "number": row["number"],
        "name": row["name_th"],
        "role": row["role"],
        "business": row["business"],
        "expires": row["expires_on"],
    }
    return await host.statements.sign(STATEMENT, claims, until=min(ends, now + STATED_FOR))


async def search(host: Host, call: Call) -> dict[str, Any]:
    """Licences whose holder's name has all the words that are asked for, in Thai or in English."""
    words = sorted(set(words_of(call.arguments["name"])), key=len, reverse=True)[:WORDS_MAX]
    if not words:
        return {"licences": [], "more": False}
    today = host.clock.now().astimezone(BANGKOK).date()
    values: dict[str, Any] = {f"w{n}": word for n, word in enumerate(words)}
    has = " AND ".join(
        f"EXISTS (SELECT 1 FROM licence_word WHERE word = :w{n} AND licence_word.number = licence.number)"  # noqa: S608 - names of values
        for n in range(1, len(words))
    )
    sql = (
        "SELECT licence.* FROM licence_word AS first JOIN licence ON licence.number = first.number "  # noqa: S608 - names of values
        f"WHERE first.word = :w0{' AND ' + has if has else ''} ORDER BY licence.number LIMIT {SHOWN_MAX + 1}"
    )
    async with host.store.reading() as tx:
        rows = await tx.fetch(sql, values)
        return {"licences": await _shown(tx, rows[:SHOWN_MAX], today), "more": len(rows) > SHOWN_MAX}


def words_of(name: str) -> list[str]:
    """A name as it is compared: one form of each letter, without titles, punctuation and what is not seen."""
    plain = unicodedata.normalize("NFC", name).lower().replace("\u0e4d\u0e32", "\u0e33").replace("เเ", "แ")
    plain = "".join(sign for sign in plain if unicodedata.category(sign) not in ("Cf", "Cc") or sign.isspace())
    found = []
    for word in plain.split():
        rest = word.strip(",()")
        for title in TITLES:
            if rest.startswith(title) and (not title[0].isascii() or rest == title):
                rest = rest[len(title) :]
                break
        if rest not in AFTER and (bare := rest.strip(".,()")):
            found.append(bare)
    return found


def is_named(asked: str, *names: str) -> bool:
    wanted = words_of(asked)
    return bool(wanted) and any(wanted == words_of(name) for name in names)


def plain_number(number: Any) -> str:
    return "".join(sign for sign in str(number or "").translate(DIGITS) if sign.isascii() and sign.isdigit())[:20]


def qr_of(number: str) -> str:
    """The number with its check digits (ISO 7064, MOD 97-10), against misreading: anybody can make such a code."""
    return f"OIC:{number}:{98 - int(number) * 100 % 97:02d}"


def read_code(code: str) -> tuple[str, str | None]:
    """The number in what was scanned, and the holder's name where it is a signed code.

    Whether the signature holds is not asked: what counts is what the register says now of that number and that name.
    """
    statement = re.fullmatch(_SIGNED, code.strip().rpartition("#")[2]) if len(code) <= CODE_LENGTH_MAX else None
    if statement is None:
        return number_in(code), None
    try:
        claims = json.loads(base64.urlsafe_b64decode(statement[1] + "=" * (-len(statement[1]) % 4)))
    except (ValueError, RecursionError):
        return "", None
    told = claims if isinstance(claims, dict) else {}
    number, name, kind = (told.get(key) for key in ("number", "name", "vct"))
    if not isinstance(number, str) or not isinstance(name, str) or not str(kind).endswith(f"/{STATEMENT}"):
        return "", None
    return plain_number(number), name


def number_in(qr: Any) -> str:
    """Of a code that was read right, else nothing."""
    found = re.fullmatch(QR, str(qr).strip())
    return found[1] if found is not None and qr_of(found[1]) == found[0] else ""


def status_of(row: Mapping[str, Any], today: date) -> str:
    """A licence is good to the end of its last day, in Bangkok."""
    if row["status"] != "active":
        return str(row["status"]).upper()
    return "VALID" if today <= date.fromisoformat(row["expires_on"]) else "EXPIRED"


def _fault(record: Mapping[str, Any], insurers: set[str], now: datetime) -> tuple[str, str] | None:
    issued, expires = date.fromisoformat(record["issued"]), date.fromisoformat(record["expires"])
    if not issued <= min(expires, now.astimezone(BANGKOK).date()):
        return "LICENCE_DATES", "/issued"
    if not words_of(record["nameTh"]) or not words_of(record["nameEn"]):
        return "LICENCE_NAME", "/nameTh"
    if not set(record["insurers"]) <= insurers:
        return "INSURER_UNKNOWN", "/insurers"
    if datetime.fromisoformat(record["reportedAt"]) > now + AHEAD:
        return "REPORT_IN_FUTURE", "/reportedAt"
    return None


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "number": record["number"],
        "role": record["role"],
        "business": record["business"],
        "holder": record["holder"],
        "name_th": " ".join(record["nameTh"].split()),
        "name_en": " ".join(record["nameEn"].split()),
        "issued_on": record["issued"],
        "expires_on": record["expires"],
        "status": record["status"],
        "insurers": json.dumps(sorted(record["insurers"])),
        "reported_at": instant(datetime.fromisoformat(record["reportedAt"])),
    }


async def _latest(tx: StoreTransaction, numbers: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for at in range(0, len(numbers), 500):
        values: dict[str, Any] = {f"n{n}": number for n, number in enumerate(numbers[at : at + 500])}
        names = ", ".join(f":{name}" for name in values)
        sql = f"SELECT * FROM licence WHERE number IN ({names})"  # noqa: S608 - names of values
        found |= {row["number"]: row for row in await tx.fetch(sql, values)}
    return found


async def _write(tx: StoreTransaction, rows: Sequence[Mapping[str, Any]]) -> None:
    changed = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
    after = f" ON CONFLICT (number) DO UPDATE SET {changed} WHERE licence.reported_at < excluded.reported_at"
    await insert(tx, "licence", _COLUMNS, rows, after)
    # of what is kept now, whose rows are held: a later report that came meanwhile has won
    kept = await _latest(tx, [row["number"] for row in rows])
    words = []
    for row in (kept[row["number"]] for row in rows):
        await tx.execute("DELETE FROM licence_word WHERE number = :number", {"number": row["number"]})
        named = sorted({*words_of(row["name_th"]), *words_of(row["name_en"])})
        words += [{"word": word, "number": row["number"]} for word in named]
    await insert(tx, "licence_word", ("word", "number"), words, " ON CONFLICT (word, number) DO NOTHING")


async def _shown(tx: StoreReading, rows: Sequence[Mapping[str, Any]], today: date) -> list[dict[str, Any]]:
    names = {row["code"]: row for row in await tx.fetch("SELECT code, name_th, name_en FROM insurer")}
    return [
        {
            "number": row["number"],
            "qr": qr_of(row["number"]),
            "role": row["role"].upper(),
            "business": row["business"].upper().replace("-", "_"),
            "holder": row["holder"].upper(),
            "name": row["name_th"],
            "nameEn": row["name_en"],
            "issuedOn": date.fromisoformat(row["issued_on"]),
            "expiresOn": date.fromisoformat(row["expires_on"]),
            "status": status_of(row, today),
            "insurers": [names[code]["name_th"] for code in json.loads(row["insurers"])],
            "insurersEn": [names[code]["name_en"] for code in json.loads(row["insurers"])],
        }
        for row in rows
    ]
