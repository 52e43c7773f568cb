"""What is held of people for their wallets (core/personal_data.py)."""

from __future__ import annotations

from typing import Final

from core.crypto import KeyRing
from core.personal_data import Fate, LegalBasis, PersonalData, Rows, Store
from core.personal_rows import TableStore
from core.text import Text

BATCH: Final = "the batch in which its agency had it made"
CREDENTIALS: Final = Store(
    name="credentials",
    title=Text(th="เอกสารรับรองในกระเป๋าดิจิทัล", en="Credentials in your wallet"),
    description=Text(
        th="เอกสารรับรองที่กระเป๋าดิจิทัลของท่านรับไปแล้ว ซึ่งไม่รวมข้อความในเอกสาร ที่ท่านขอไว้ไม่เกินหนึ่งชั่วโมง "
        "และที่หน่วยงานทำไว้ให้ท่านแต่ท่านยังไม่ได้รับ",
        en="Which credentials your wallet fetched, without what they say; what you asked for within the last hour; and "
        "those that an agency had made for you and that you have not fetched.",
    ),
    purpose=Text(th="ออกและเพิกถอนเอกสารรับรองตามที่ท่านขอ", en="To issue credentials, and to take them back"),
    basis=LegalBasis.PUBLIC_TASK,
    retention="credentials",
    sensitive=True,
    rows=(
        Rows(
            "credential_offer",
            ("person",),
            Fate.DELETED,
            hidden=frozenset({"reference", "code", "transaction_code", "secrets_sealed", "content_sealed", "token"}),
            alone=True,
        ),
        Rows("wallet_credential", ("person",), Fate.DELETED, alone=True),
        Rows(
            "ready_credential",
            ("person",),
            Fate.DELETED,
            {"batch": BATCH},
            hidden=frozenset({"credential_sealed"}),
            alone=True,
        ),
        Rows("credential_batch_line", ("person",), Fate.DELETED, {"batch": BATCH}, alone=True),
        Rows(
            "credential_batch",
            (),
            Fate.UNNAMED,
            {"started_by": "an officer of the agency", "lease": "whose turn it is"},
        ),
    ),
)


def personal_data(keys: KeyRing) -> list[PersonalData]:
    return [TableStore(CREDENTIALS, keys)]
