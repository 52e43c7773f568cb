"""Evidence is received, kept sealed, given back, and made part of an application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update
from sqlmodel import col

from core.clock import FixedClock
from core.crypto import KeyRing, SealBroken
from core.database import Database
from core.errors import BadInput, IdempotencyConflict, NotFound, ServiceUnavailable
from core.ids import GlobalId, MalformedGlobalId, NationalId, new_id
from core.text import Text
from identity.people import PeopleRegister
from services.apply.evidence.contents import look
from services.apply.evidence.errors import (
    EvidenceCut,
    EvidenceError,
    EvidenceInfected,
    EvidenceNotTaken,
    EvidenceSubmitted,
    EvidenceTooLarge,
    EvidenceTooSlow,
    EvidenceTypeRefused,
    EvidenceUnsafe,
    TooMuchEvidence,
)
from services.apply.evidence.models import Evidence, EvidencePiece
from services.apply.evidence.service import PIECE_BYTES, UNUSED_KEPT, Bounds, EvidenceDesk
from services.apply.models import Application
from services.apply.states import Status
from tests.services.apply.evidence.papers import paper, picture, with_action
from tests.services.apply.evidence.test_cleaning import HOME, noted

SMALL = Bounds(unused_files_max=3, unused_bytes_max=2_000_000, application_files_max=2, file_bytes_max=1_000_000)


class HereExaminer:
    """Looks in this process, which is quicker; that it is another is tested beside (test_examining)."""

    async def examine(self, content: bytes) -> str:
        return look(content)


@dataclass
class WordScanner:
    says: str | Exception | None = "clamd"
    seen: list[bytes] = field(default_factory=list)

    def must_be_open(self) -> None:
        return None

    async def scan(self, content: bytes) -> str | None:
        self.seen.append(content)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@dataclass
class Room:
    database: Database
    clock: FixedClock
    keys: KeyRing
    desk: EvidenceDesk
    scanner: WordScanner

    def like(self, bounds: Bounds) -> EvidenceDesk:
        return EvidenceDesk(
            self.database,
            self.clock,
            self.keys,
            PeopleRegister(self.keys, self.clock),
            HereExaminer(),
            self.scanner,
            bounds,
        )

    async def person(self, digits: str = "0000000000001") -> UUID:
        number = next(n for n in (NationalId.parse(d) for d in _valid(digits)))
        async with self.database.write() as session:
            [person] = (await PeopleRegister(self.keys, self.clock).resolve(session, [number])).values()
        return person

    async def send(self, person: UUID, content: bytes, key: str = "", desk: EvidenceDesk | None = None) -> Evidence:
        return await (desk or self.desk).take(person, key or new_id().hex, parts(content), len(content))

    async def application(self, person: UUID, subject: str = "programme:test") -> Application:
        now, key = self.clock.now(), new_id()
        row = Application(
            person=person, id=key, beneficiary=person, unit_key=f"person:{key.hex}", subject=subject,
            title={"th": "ทดสอบ", "en": "test"}, status=Status.SUBMITTED.value, version=1, answers_sealed=b"",
            missing=[], created_at=now, updated_at=now,
        )  # fmt: skip
        async with self.database.write() as session:
            session.add(row)
        return row

    async def submit(self, application: Application, *named: UUID) -> None:
        async with self.database.write() as session:
            await self.desk.submit(session, application, [str(GlobalId("Evidence", key)) for key in named])

    async def delete(self, person: UUID, evidence: UUID) -> None:
        async with self.database.write() as session:
            await self.desk.delete(session, person, evidence)

    async def kept(self) -> tuple[int, int]:
        async with self.database.read() as session:
            rows = await session.scalar(select(func.count()).select_from(Evidence))
            pieces = await session.scalar(select(func.count()).select_from(EvidencePiece))
        return int(rows or 0), int(pieces or 0)


def _valid(digits: str) -> list[str]:
    """With its check digit (MOD 11 of the twelve before it)."""
    body = digits[:12]
    check = (11 - sum(int(d) * (13 - i) for i, d in enumerate(body)) % 11) % 10
    return [body + str(check)]


async def parts(content: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), size):
        yield content[begin : begin + size]


async def broken(content: bytes, error: BaseException) -> AsyncIterator[bytes]:
    yield content
    raise error


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing("k1", {"k1": bytes(32)}, bytes(32))


@pytest.fixture
def room(database: Database, clock: FixedClock, keys: KeyRing) -> Room:
    scanner, people = WordScanner(), PeopleRegister(keys, clock)
    return Room(database, clock, keys, EvidenceDesk(database, clock, keys, people, HereExaminer(), scanner), scanner)


@pytest.fixture(scope="module")
def photograph() -> bytes:
    """Of more than two pieces."""
    content = picture("PNG", 500)
    assert len(content) > 2 * PIECE_BYTES
    return content


async def test_what_is_sent_comes_back_byte_for_byte(room: Room, photograph: bytes) -> None:
    person = await room.person()
    row = await room.send(person, photograph)
    assert (row.media_type, row.size, row.scanner) == ("image/png", len(photograph), "clamd")
    assert await room.desk.content(row) == photograph
    assert room.scanner.seen == [photograph]


async def test_where_a_photograph_was_taken_is_scanned_and_not_kept(room: Room) -> None:
    person, sent = await room.person(), noted("JPEG", 6)
    row = await room.send(person, sent, "key-1")
    kept = await room.desk.content(row)
    assert room.scanner.seen == [sent]
    assert HOME.encode() in sent
    assert HOME.encode() not in kept
    assert row.size == len(kept) < len(sent)
    assert (await room.send(person, sent, "key-1")).id == row.id


async def test_no_plain_byte_of_it_lies_in_the_database(room: Room, photograph: bytes) -> None:
    row = await room.send(await room.person(), photograph)
    async with room.database.read() as session:
        pieces = (await session.scalars(select(EvidencePiece).order_by(col(EvidencePiece.position)))).all()
    assert [piece.position for piece in pieces] == list(range(-(-row.size // PIECE_BYTES)))
    lying = b"".join(piece.content_sealed for piece in pieces)
    assert all(photograph[at : at + 16] not in lying for at in range(0, len(photograph) - 16, 997))


async def test_pieces_in_another_order_or_of_another_file_do_not_open(room: Room, photograph: bytes) -> None:
    person = await room.person()
    row, other = await room.send(person, photograph), await room.send(person, picture("PNG", 510))
    async with room.database.read() as session:
        found = (await session.scalars(select(EvidencePiece))).all()
    sealed = {(piece.evidence, piece.position): piece.content_sealed for piece in found}
    for there in ((row.id, 1), (other.id, 0)):
        async with room.database.write() as session:
            first = update(EvidencePiece).where(col(EvidencePiece.evidence) == row.id, col(EvidencePiece.position) == 0)
            await session.execute(first.values(content_sealed=sealed[there]))
        with pytest.raises(SealBroken):
            await room.desk.content(row)


async def test_a_file_whose_last_piece_was_taken_away_is_not_given(room: Room, photograph: bytes) -> None:
    row = await room.send(await room.person(), photograph)
    async with room.database.write() as session:
        await session.execute(text("DELETE FROM evidence_piece WHERE position = 2"))
    with pytest.raises(NotFound):
        await room.desk.content(row)


async def test_what_was_erased_with_the_persons_key_opens_no_more(room: Room) -> None:
    row = await room.send(await room.person(), paper())
    async with room.database.write() as session:
        await session.execute(text("DELETE FROM subject_key"))
    with pytest.raises(NotFound):
        await room.desk.content(row)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"MZ", EvidenceTypeRefused),
        (with_action("/Launch"), EvidenceUnsafe),
        (paper()[:-20], EvidenceError),
        (b"", EvidenceCut),
    ],
)
async def test_what_is_refused_leaves_nothing_and_is_never_scanned(
    room: Room, content: bytes, error: type[Exception]
) -> None:
    person = await room.person()
    with pytest.raises(error):
        await room.send(person, content)
    assert (await room.kept(), room.scanner.seen) == ((0, 0), [])


@pytest.mark.parametrize("says", [EvidenceInfected(), ServiceUnavailable(Text(th="ตรวจ", en="scan"))])
async def test_what_the_scanner_does_not_pass_leaves_nothing(room: Room, says: Exception) -> None:
    person = await room.person()
    room.scanner.says = says
    with pytest.raises(type(says)):
        await room.send(person, paper())
    assert await room.kept() == (0, 0)


async def test_a_body_that_breaks_off_or_is_of_another_length_leaves_nothing(room: Room) -> None:
    person, content = await room.person(), paper()
    with pytest.raises(EvidenceCut):
        await room.desk.take(person, "k", broken(content, EvidenceCut()), len(content))
    for declared in (len(content) - 1, len(content) + 1):
        with pytest.raises(EvidenceCut):
            await room.desk.take(person, "k", parts(content), declared)
    assert await room.kept() == (0, 0)
    await room.send(person, content, "k")  # the key was not used up


async def test_a_server_that_is_stopped_in_the_middle_leaves_nothing(room: Room) -> None:
    person, begun = await room.person(), asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield paper()
        begun.set()
        await asyncio.Event().wait()

    sending = asyncio.create_task(room.desk.take(person, "k", endless()))
    await begun.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await room.kept() == (0, 0)
    await room.send(person, paper(), "k")


async def test_an_upload_without_a_byte_for_too_long_and_one_that_trickles_are_ended(room: Room) -> None:
    person = await room.person()

    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b"%"
            await asyncio.sleep(0.01)

    async def silent() -> AsyncIterator[bytes]:
        yield b"%"
        await asyncio.Event().wait()

    slow = room.like(replace(SMALL, whole_seconds_max=0.2))
    with pytest.raises(EvidenceTooSlow):
        await slow.take(person, "k", trickle())
    with pytest.raises(EvidenceTooSlow):
        await room.like(replace(SMALL, idle_seconds_max=0.05)).take(person, "k", silent())


async def test_a_body_that_is_too_long_is_not_read_to_its_end(room: Room) -> None:
    person, read = await room.person(), 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 100_000
            yield bytes(100_000)

    desk = room.like(SMALL)
    with pytest.raises(EvidenceTooLarge):
        await desk.take(person, "k", endless())
    assert read <= SMALL.file_bytes_max + 100_000
    read = 0
    with pytest.raises(EvidenceTooLarge):
        await desk.take(person, "k", endless(), SMALL.file_bytes_max + 1)
    assert read == 0


async def test_a_file_of_just_the_size_is_taken(room: Room) -> None:
    person, content = await room.person(), paper()
    with pytest.raises(EvidenceTooLarge):
        await room.send(person, content, desk=room.like(replace(SMALL, file_bytes_max=len(content) - 1)))
    await room.send(person, content, desk=room.like(replace(SMALL, file_bytes_max=len(content))))


async def test_the_same_under_the_same_key_is_kept_once_and_another_is_refused(room: Room) -> None:
    person, other = await room.person(), await room.person("0000000000020")
    row = await room.send(person, paper(), "k")
    assert (await room.send(person, paper(), "k")).id == row.id
    with pytest.raises(IdempotencyConflict):
        await room.send(person, paper(2), "k")
    assert (await room.send(other, paper(2), "k")).id != row.id
    assert (await room.kept())[0] == 2


@pytest.mark.parametrize("key", ["", "k" * 201])
async def test_without_a_key_nothing_is_read(room: Room, key: str) -> None:
    with pytest.raises(BadInput):
        await room.desk.take(new_id(), key, broken(b"", AssertionError("it was read")))


async def test_the_same_sent_many_times_at_once_from_several_processes_is_kept_once(room: Room) -> None:
    person, content = await room.person(), paper()
    desks = [room.like(Bounds()) for _ in range(6)]
    rows: Sequence[Evidence] = await asyncio.gather(*(room.send(person, content, "k", desk) for desk in desks))
    assert len({row.id for row in rows}) == 1
    assert (await room.kept())[0] == 1


async def test_of_many_at_once_from_several_processes_only_as_many_as_the_bound_are_kept(room: Room) -> None:
    person = await room.person()
    desks = [room.like(SMALL) for _ in range(8)]
    ends = await asyncio.gather(
        *(room.send(person, paper(), f"k{n}", desk) for n, desk in enumerate(desks)), return_exceptions=True
    )
    assert sum(isinstance(end, Evidence) for end in ends) == SMALL.unused_files_max
    assert {type(end) for end in ends} == {Evidence, TooMuchEvidence}
    assert (await room.kept())[0] == SMALL.unused_files_max
    await room.send(await room.person("0000000000020"), paper(), desk=desks[0])  # whose bound it is not


async def test_one_person_sends_so_many_at_once_and_no_more(room: Room) -> None:
    person, goes_on = await room.person(), asyncio.Event()
    started: asyncio.Queue[None] = asyncio.Queue()

    async def waiting() -> AsyncIterator[bytes]:
        started.put_nowait(None)
        await goes_on.wait()
        yield paper()

    under_way = [asyncio.create_task(room.desk.take(person, f"k{n}", waiting())) for n in range(2)]
    for _ in under_way:
        await started.get()
    with pytest.raises(TooMuchEvidence):
        await room.send(person, paper(), "k2")
    goes_on.set()
    await asyncio.gather(*under_way)
    await room.send(person, paper(), "k2")


async def test_bytes_of_what_is_unused_are_bounded_together(room: Room) -> None:
    person, content = await room.person(), picture("PNG", 100)
    desk = room.like(replace(SMALL, unused_bytes_max=2 * len(content)))
    await room.send(person, content, desk=desk)
    await room.send(person, content, desk=desk)
    with pytest.raises(TooMuchEvidence):
        await room.send(person, paper(), desk=desk)


async def test_evidence_becomes_part_of_an_application_and_then_stays(room: Room) -> None:
    person = await room.person()
    row, application = await room.send(person, paper()), await room.application(person)
    await room.submit(application, row.id, row.id)
    await room.submit(application, row.id)  # the same again changes nothing
    assert [one.id for one in await room.desk.for_officers(application)] == [row.id]
    with pytest.raises(EvidenceSubmitted):
        await room.delete(person, row.id)
    with pytest.raises(EvidenceSubmitted):
        await room.submit(await room.application(person), row.id)


async def test_an_officer_is_shown_nothing_that_nobody_scanned(room: Room) -> None:
    person = await room.person()
    room.scanner.says = None
    row, application = await room.send(person, paper()), await room.application(person)
    await room.submit(application, row.id)
    assert await room.desk.for_officers(application) == []


async def test_what_is_anothers_or_was_never_there_is_named_in_vain(room: Room) -> None:
    person, other = await room.person(), await room.person("0000000000020")
    row, application = await room.send(other, paper()), await room.application(person)
    for key in (row.id, new_id()):
        with pytest.raises(NotFound):
            await room.submit(application, key)
        with pytest.raises(NotFound):
            await room.delete(person, key)
    assert await room.desk.own(person, row.id) is None
    async with room.database.write() as session:
        with pytest.raises(MalformedGlobalId):
            await room.desk.submit(session, application, [str(GlobalId("Application", row.id))])


async def test_an_application_takes_so_many_and_an_agencys_service_none(room: Room) -> None:
    person = await room.person()
    desk = room.like(SMALL)
    rows = [await room.send(person, paper(), desk=desk) for _ in range(3)]
    room.desk, application = desk, await room.application(person)
    with pytest.raises(TooMuchEvidence):
        await room.submit(application, *(row.id for row in rows))
    await room.submit(application, rows[0].id, rows[1].id)
    with pytest.raises(TooMuchEvidence):
        await room.submit(application, rows[2].id)
    with pytest.raises(EvidenceNotTaken):
        await room.submit(await room.application(person, "service:test"), rows[2].id)


async def test_what_is_deleted_is_gone_with_all_its_pieces(room: Room, photograph: bytes) -> None:
    person = await room.person()
    row = await room.send(person, photograph, "k")
    await room.delete(person, row.id)
    assert await room.kept() == (0, 0)
    assert (await room.send(person, photograph, "k")).id != row.id


async def test_what_no_application_names_goes_after_a_week_and_the_rest_with_its_application(room: Room) -> None:
    person = await room.person()
    loose, used = await room.send(person, paper()), await room.send(person, paper(2))
    application = await room.application(person)
    await room.submit(application, used.id)
    room.clock.advance(UNUSED_KEPT)
    assert await room.desk.expire() == 0
    room.clock.advance(timedelta(seconds=1))
    assert await room.desk.expire() == 1
    assert await room.desk.own(person, loose.id) is None
    async with room.database.write() as session:
        await session.execute(text("UPDATE application SET unit_key = 'erased:x'"))
    assert await room.desk.expire() == 1
    assert await room.kept() == (0, 0)


@dataclass
class Law:
    holds: set[UUID | None] = field(default_factory=set)
    gone: bool = False

    async def held(self, _session: object) -> set[UUID | None]:
        return self.holds

    async def has_left(self, _session: object, _person: UUID, _since: object) -> bool:
        return self.gone


@pytest.mark.parametrize("everybody", [True, False])
async def test_what_a_legal_hold_keeps_stays(room: Room, *, everybody: bool) -> None:
    person = await room.person()
    row, law = await room.send(person, paper()), Law()
    law.holds, room.desk.keepers = {None if everybody else person}, law
    room.clock.advance(UNUSED_KEPT * 2)
    assert await room.desk.expire() == 0
    law.holds = set()
    assert await room.desk.expire() == 1
    assert await room.desk.own(person, row.id) is None


async def test_of_whoever_leaves_meanwhile_nothing_new_is_kept(room: Room) -> None:
    with pytest.raises(NotFound):
        await room.send(new_id(), paper())
    room.desk.keepers = Law(gone=True)
    with pytest.raises(NotFound):
        await room.send(await room.person(), paper())
    assert await room.kept() == (0, 0)
