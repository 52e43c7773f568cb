"""Declaring a look at a whole population: one officer of the agency that pays proposes it, another approves it.

There is no other way to a run: only :meth:`BulkAct.perform` makes the row that :class:`Determinations` works on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from core.clock import Clock
from core.errors import BadInput
from core.text import Text
from identity.proposals.acts import Approval, Form, ProposalKind, read
from services.exchange.catalogue import Catalogue
from services.exchange.facts import Asker, AskerKind, Bulk
from welfare.determination.errors import BeneficiariesDiffer, NotCovered, NotForEverybody, NotYourProgramme
from welfare.determination.models import DeterminationRun
from welfare.determination.published import digest_of
from welfare.determination.purposes import (
    BORN,
    DECEASED,
    HOUSEHOLD_SIZE,
    PROVINCE,
    PURPOSES,
    WHOM,
    Kind,
    PurposeRule,
    Whom,
)
from welfare.entitlements.assessment import CHILD
from welfare.entitlements.room import vocabulary_of
from welfare.programmes import (
    Channel,
    ForEach,
    Programme,
    ProgrammeCatalogue,
    Version,
    freeze,
    load_programme,
    thaw,
)

if TYPE_CHECKING:
    from welfare.determination.whole import Trial

PROPOSES: Final = "bulk.propose"
APPROVES: Final = "bulk.approve"
PROGRAMMES_MAX: Final = 20
FILE_LENGTH_MAX: Final = 100_000
LABEL: Final = Text(
    th="ระบบสวัสดิการ ตามที่เจ้าหน้าที่สองคนของหน่วยงานอนุมัติ", en="The welfare platform, as two officers of the agency decided"
)
_PURPOSE: Final = Text(th="วัตถุประสงค์", en="purpose")
_PROGRAMMES: Final = Text(th="โครงการ", en="programmes")
_PEOPLE: Final = Text(th="ประชากร", en="population")
_FACTS: Final = Text(th="ข้อมูลที่อ่านของทุกคน", en="facts read of each")
_SENSITIVE: Final = Text(th="ข้อมูลอ่อนไหวและฐานกฎหมาย", en="sensitive among them, and the law")
_AGREEMENTS: Final = Text(th="ข้อตกลงที่อ้าง", en="agreements it rests on")
_KEPT: Final = Text(th="เก็บผลไว้ไม่เกินกี่วัน", en="days until all of it is deleted")
_TELLS: Final = Text(th="แจ้งผู้ที่มีสิทธิรายใหม่", en="people who are newly entitled are told")
_RULE: Final = Text(th="กฎเกณฑ์ที่ทดลอง", en="rule that is tried")
_ONE: Final = Text(th="ลองได้ครั้งละหนึ่งโครงการ และต้องมีไฟล์", en="a rule is tried with its file, one at a time")
_DAYS: Final = Text(th="จำนวนวันต้องอยู่ระหว่าง 1 ถึง {most}", en="1 to {most} days")


class _BulkForm(Form):
    purpose: str = Field(max_length=60)
    programmes: list[str] = Field(min_length=1, max_length=PROGRAMMES_MAX)
    population: Whom = Whom.EVERYBODY
    keep_days: int
    tell: bool = False
    file: str | None = Field(default=None, max_length=FILE_LENGTH_MAX)
    """Of a rule that is tried: the text of its programme's file; looked at by itself, as it has lines."""
    on: date | None = None
    proposed: bool = False


def asker_of(agency: str, run: UUID | None = None) -> Asker:
    return Asker(AskerKind.SYSTEM, "welfare-bulk", agency, LABEL, request=run)


class BulkAct:
    """An :class:`identity.proposals.acts.Act`."""

    kind = ProposalKind.BULK_RUN
    title = Text(th="ตรวจสิทธิทั้งประชากร", en="look at a whole population")
    proposes, approves = PROPOSES, APPROVES

    def __init__(self, clock: Clock, bulk: Bulk, catalogue: Catalogue, programmes: ProgrammeCatalogue) -> None:
        self._clock, self._bulk, self._catalogue, self._programmes = clock, bulk, catalogue, programmes

    async def prepare(self, _session: AsyncSession, agency: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Raises `BadInput`, :class:`NotYourProgramme`, :class:`NotForEverybody`, :class:`NotCovered`, `BulkRefused`
        where no agreement covers it, and what is wrong with a file."""
        form = read(_BulkForm, {**given, "file": None})
        file = given.get("file")
        if file is not None and (not isinstance(file, str) or len(file) > FILE_LENGTH_MAX):
            raise BadInput(_ONE, path=("file",))
        rule, purpose = PURPOSES.get(form.purpose), self._catalogue.purposes.get(form.purpose)
        if rule is None or purpose is None:
            raise BadInput(Text(th="ไม่มีวัตถุประสงค์นี้", en="there is no such purpose"), path=("purpose",))
        if not 1 <= form.keep_days <= rule.days_max:
            raise BadInput(_DAYS.filled(most=rule.days_max), path=("keep_days",))
        slugs = sorted(set(form.programmes))
        payload = {**form.model_dump(mode="json"), "programmes": slugs, "kind": rule.kind.value, "candidate": None}
        if rule.kind is Kind.IMPACT:
            if file is None or len(slugs) != 1 or form.tell:
                raise BadInput(_ONE, path=("file",))
            trial, digest = self._trial(agency, slugs[0], file, form.on, proposed=form.proposed)
            payload["candidate"] = {"version": freeze(trial.after), "on": trial.on.isoformat(), "digest": digest}
            reads = {name for version in trial.versions for name in self._reads(version, form.purpose)}
            reads |= _told_of(trial, rule)
        elif file is not None:
            raise BadInput(_ONE, path=("file",))
        else:
            reads = {name for slug in slugs for name in self._reads_of(agency, slug, form.purpose)} | rule.reads
        payload["attributes"] = sorted(reads)
        agreements = await self._bulk.check(payload["attributes"], asker=asker_of(agency), purpose=purpose.purpose)
        return {**payload, "agreements": sorted(agreements)}

    async def concerns(self, _session: AsyncSession, _payload: Mapping[str, Any]) -> frozenset[UUID]:
        """Everybody, and so nobody more than others."""
        return frozenset()

    async def perform(self, session: AsyncSession, payload: Mapping[str, Any], approval: Approval) -> str:
        now = self._clock.now()
        session.add(
            DeterminationRun(
                id=approval.proposal,
                agency=approval.agency,
                maker=approval.maker,
                checker=approval.checker,
                purpose=payload["purpose"],
                kind=payload["kind"],
                programmes=payload["programmes"],
                attributes=payload["attributes"],
                population=payload["population"],
                tells=payload["tell"],
                candidate=payload["candidate"],
                state="APPROVED",
                approved_at=now,
                keep_until=now + timedelta(days=payload["keep_days"]),
                evaluated={},
            )
        )
        await session.flush()
        return approval.proposal.hex

    def lines(self, payload: Mapping[str, Any]) -> Sequence[tuple[Text, str]]:
        purpose = self._catalogue.purposes[payload["purpose"]]
        candidate = payload["candidate"]
        tried = []
        if candidate is not None:
            version = thaw(candidate["version"])
            tried = [(_RULE, f"{version.law.th} · {candidate['on']} · {candidate['digest']}")]
        return [
            (_PURPOSE, f"{purpose.purpose.id}: {purpose.purpose.text.th}"),
            (_PROGRAMMES, ", ".join(payload["programmes"])),
            *tried,
            (_PEOPLE, WHOM[Whom(payload["population"])].th),
            (_FACTS, ", ".join(payload["attributes"])),
            *((_SENSITIVE, f"{name}: {law.th}") for name, law in self._sensitive(payload)),
            (_AGREEMENTS, ", ".join(payload["agreements"])),
            (_KEPT, str(payload["keep_days"])),
            (_TELLS, "yes" if payload["tell"] else "no"),
        ]

    def _programme(self, agency: str, slug: str) -> Programme:
        found = self._programmes[slug]
        if found.payer != agency:
            raise NotYourProgramme
        return found

    def _reads_of(self, agency: str, slug: str, purpose: str) -> frozenset[str]:
        programme = self._programme(agency, slug)
        version = programme.version_on(self._clock.today())
        if version is None or programme.on_request or programme.channel is Channel.NONE:
            raise NotForEverybody(programme=slug)
        return self._reads(version, purpose)

    def _trial(self, agency: str, slug: str, file: str, on: date | None, *, proposed: bool) -> tuple[Trial, str]:
        known = self._programmes.get(slug)
        written = load_programme(file, f"{slug}.yaml", vocabulary_of(self._catalogue))
        if written.payer != agency or (known is not None and known.payer != agency):
            raise NotYourProgramme
        if known is not None and known.for_each is not written.for_each:
            raise BeneficiariesDiffer
        from welfare.determination.impact import first_difference, law_to_be  # noqa: PLC0415 - and with it Polars,
        from welfare.determination.whole import Trial  # noqa: PLC0415 - which takes long, and few commands need

        day = on or first_difference(known, written, self._clock.today(), proposed=proposed)
        after = law_to_be(written, day, proposed=proposed)
        if after is None or written.on_request:
            raise NotForEverybody(programme=slug)
        return Trial(known, after, day), digest_of(written, after)

    def _reads(self, version: Version, purpose: str) -> frozenset[str]:
        """Facts that the purpose names, of the person, of the house and of each child. Raises :class:`NotCovered`."""
        allowed = self._catalogue.purposes[purpose].attributes or frozenset()
        beyond = [name for name in version.needs if name.removeprefix(CHILD) not in allowed]
        if beyond:
            raise NotCovered(programme=version.programme, facts=", ".join(beyond))
        return frozenset(version.needs)

    def _sensitive(self, payload: Mapping[str, Any]) -> list[tuple[str, Text]]:
        read = {name.removeprefix(CHILD) for name in payload["attributes"]}
        laws = self._catalogue.purposes[payload["purpose"]].sensitive
        return [(name, laws[name]) for name in sorted(read & laws.keys())]


def _told_of(trial: Trial, rule: PurposeRule) -> frozenset[str]:
    """By what the figures are divided, and who lives together where something is paid once in a house."""
    houses = {HOUSEHOLD_SIZE} if trial.is_of_houses else set()
    if trial.after.for_each is ForEach.PERSON:
        return rule.reads | houses
    return frozenset({DECEASED, CHILD + BORN, CHILD + PROVINCE} | houses)
