"""What an officer fills in to propose an agreement, and whether it can be agreed on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

import orjson
from pydantic import Field

from core.errors import BadInput
from core.text import Text
from identity.proposals.acts import Form, read
from services.exchange.catalogue import AskerRole, Catalogue
from services.exchange.facts import Basis

QUOTA_MAX: Final = 10_000_000
VALID_YEARS_MAX: Final = 5
_VALID_MAX: Final = timedelta(days=366 * VALID_YEARS_MAX)
_WORDS_MAX: Final = 4_000
_FOR_AGENCIES: Final = frozenset({AskerRole.AGENCY, AskerRole.SYSTEM, AskerRole.OFFICER})

_PARTIES: Final = Text(
    th="คู่สัญญาต้องเป็นหน่วยงานสองหน่วยงานที่ต่างกันและมีในทะเบียน",
    en="the parties must be two different agencies of the catalogue",
)
_PURPOSE: Final = Text(
    th="ไม่มีวัตถุประสงค์ {purpose} ที่หน่วยงานขอข้อมูลได้", en="there is no purpose {purpose} that agencies ask for"
)
_ATTRIBUTE: Final = Text(
    th="{attribute} ไม่ใช่ข้อมูลของเจ้าของข้อมูลนั้น หรือไม่ใช่ข้อมูลของวัตถุประสงค์ใดที่ระบุ",
    en="{attribute} is not the steward's to give, or is for none of these purposes",
)
_QUOTA: Final = Text(th="โควตาต่อนาทีต้องไม่เกินโควตาต่อวัน", en="the quota of a minute cannot exceed that of a day")
_VALIDITY: Final = Text(
    th="วันสุดท้ายต้องไม่ก่อนวันแรกหรือวันนี้ และข้อตกลงมีอายุไม่เกิน 5 ปี",
    en="the last day must not lie before the first one or today, and an agreement lasts 5 years at most",
)


class Proposed(Form):
    """The terms, as they are filled in."""

    steward: str = Field(min_length=1, max_length=40)
    requester: str = Field(min_length=1, max_length=40)
    purposes: list[str] = Field(min_length=1, max_length=50)
    attributes: list[str] = Field(min_length=1, max_length=500)
    per_day: int = Field(gt=0, le=QUOTA_MAX)
    per_minute: int = Field(gt=0, le=QUOTA_MAX)
    valid_from: date
    valid_until: date
    law: str = Field(min_length=5, max_length=_WORDS_MAX)
    confidentiality_th: str = Field(min_length=5, max_length=_WORDS_MAX)
    confidentiality_en: str = Field(min_length=5, max_length=_WORDS_MAX)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the terms in canonical form (RFC 8785; all keys are ASCII): what two officers agree to."""
        return hashlib.sha256(orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)).digest()


def checked(given: Mapping[str, Any], catalogue: Catalogue, today: date) -> Proposed:
    """The terms, sorted, each named once. Raises :class:`BadInput` with the path of the first field that is wrong."""
    form = read(Proposed, given)
    form = form.model_copy(update={"purposes": sorted(set(form.purposes)), "attributes": sorted(set(form.attributes))})
    if form.steward == form.requester or not {form.steward, form.requester} <= set(catalogue.agencies):
        raise BadInput(_PARTIES, path=("requester",))
    _check_purposes(form, catalogue)
    for name in form.attributes:
        if not _may_give(form, name, catalogue):
            raise BadInput(_ATTRIBUTE.filled(attribute=name), path=("attributes",))
    if form.per_minute > form.per_day:
        raise BadInput(_QUOTA, path=("per_minute",))
    if form.valid_until < max(form.valid_from, today) or form.valid_until - form.valid_from > _VALID_MAX:
        raise BadInput(_VALIDITY, path=("valid_until",))
    return form


def _check_purposes(form: Proposed, catalogue: Catalogue) -> None:
    for name in form.purposes:
        entry = catalogue.purposes.get(name)
        own = entry is None or entry.purpose.basis is Basis.OWN_DATA or not entry.askers & _FOR_AGENCIES
        if own or (entry is not None and entry.requester not in (None, form.requester)):
            raise BadInput(_PURPOSE.filled(purpose=name), path=("purposes",))


def _may_give(form: Proposed, name: str, catalogue: Catalogue) -> bool:
    entries = [catalogue.purposes[purpose] for purpose in form.purposes]
    agency, colon, operation = name.partition(":")
    if colon:  # records that are not in the catalogue
        return agency == form.steward and operation.isidentifier() and any(entry.records for entry in entries)
    attribute = catalogue.attributes.get(name)
    if attribute is None or attribute.is_tie or attribute.steward != form.steward:
        return False
    return any(entry.covers(attribute) for entry in entries)
