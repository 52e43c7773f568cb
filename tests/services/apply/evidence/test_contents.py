"""What a file is, and what is refused of it."""

from __future__ import annotations

import contextlib
import io
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf.generic import ArrayObject, NameObject, NumberObject, StreamObject

from services.apply.evidence.contents import JPEG, PDF, look
from services.apply.evidence.pdfs import PAGES_MAX
from services.apply.evidence.refusals import Reason, Refused
from tests.services.apply.evidence.papers import (
    PNG_BEGIN,
    chunk,
    paper,
    picture,
    png,
    progressive,
    with_action,
    with_stream,
    writer,
    written,
)

SOUND = {
    "a paper": (paper(), "application/pdf"),
    "a paper of as many pages as there may be": (paper(PAGES_MAX), "application/pdf"),
    "a picture": (picture("PNG"), "image/png"),
    "a photograph": (picture("JPEG"), "image/jpeg"),
    "a progressive photograph": (progressive(), "image/jpeg"),
}


def refused(content: bytes) -> Reason:
    with pytest.raises(Refused) as caught:
        look(content)
    return caught.value.reason


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as files:
        files.writestr("run.sh", "#!/bin/sh")
    return made.getvalue()


@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_is_taken_for_what_it_is(name: str) -> None:
    content, media_type = SOUND[name]
    assert look(content) == media_type


@pytest.mark.parametrize(
    "content", [b"", b"MZ\x90\x00", b"GIF89a", b"<html></html>", b" %PDF-1.7", archive(), b"II*\0", b"RIFF0000WEBP"]
)
def test_another_kind_of_file_is_refused(content: bytes) -> None:
    assert refused(content) is Reason.WRONG_TYPE


@pytest.mark.parametrize("name", SOUND)
def test_what_follows_after_the_end_is_refused(name: str) -> None:
    assert refused(SOUND[name][0] + b"more") is Reason.MORE_BEHIND
    assert refused(SOUND[name][0] + archive()) is Reason.TWO_FORMATS
    assert refused(SOUND[name][0] + b"<script>alert(1)</script>") is Reason.TWO_FORMATS
    assert refused(SOUND[name][0] + paper()) is Reason.TWO_FORMATS


@pytest.mark.parametrize("name", ["a picture", "a photograph", "a progressive photograph"])
def test_two_pictures_in_one_file_are_refused(name: str) -> None:
    content = SOUND[name][0]
    assert refused(content + content) is Reason.MORE_BEHIND


@settings(max_examples=60, deadline=None)
@given(part=st.floats(0, 0.999), which=st.sampled_from(sorted(SOUND)))
def test_no_beginning_of_a_file_is_taken_for_the_whole(part: float, which: str) -> None:
    content = SOUND[which][0]
    if content.startswith(b"%PDF"):
        content = content.rstrip()
    assert refused(content[: int(len(content) * part)]) in {Reason.BROKEN, Reason.WRONG_TYPE}


@settings(max_examples=150, deadline=None)
@given(data=st.data(), which=st.sampled_from(["a paper", "a picture", "a photograph"]))
def test_a_spoiled_file_is_taken_for_what_it_is_or_refused_and_nothing_else_happens(
    data: st.DataObject, which: str
) -> None:
    content = bytearray(SOUND[which][0])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Refused):
        assert look(bytes(content)) == SOUND[which][1]


def test_an_archive_in_a_comment_of_a_photograph_is_refused() -> None:
    hidden = archive()
    comment = b"\xff\xfe" + (len(hidden) + 2).to_bytes(2, "big") + hidden
    photograph = picture("JPEG")
    assert refused(photograph[:2] + comment + photograph[2:]) is Reason.TWO_FORMATS


def test_a_photograph_may_say_something_harmless() -> None:
    photograph = picture("JPEG")
    assert look(photograph[:2] + b"\xff\xfe\x00\x07hello" + photograph[2:]) == "image/jpeg"


def test_a_page_in_a_text_of_a_picture_is_refused() -> None:
    text = chunk(b"tEXt", b"Comment\0<ScRiPt>alert(1)</script>")
    assert refused(png(1, 1, b"\0\0", text)) is Reason.TWO_FORMATS


def test_a_private_part_or_a_moving_picture_is_refused() -> None:
    assert look(png(1, 1, b"\0\0")) == "image/png"
    for kind in (b"prVt", b"acTL"):
        assert refused(png(1, 1, b"\0\0", chunk(kind, b"12345678"))) is Reason.TWO_FORMATS


@pytest.mark.parametrize(("sides", "is_taken"), [((30_000, 1), True), ((30_001, 1), False), ((7_200, 7_200), False)])
def test_a_picture_larger_than_a_camera_takes_is_refused_by_what_it_says(
    sides: tuple[int, int], *, is_taken: bool
) -> None:
    width, height = sides
    content = png(width, height, bytes((width + 1) * min(height, 1)))
    if is_taken:
        assert look(content) == "image/png"
    else:
        assert refused(content) is Reason.TOO_MUCH_INSIDE


def test_a_picture_that_unpacks_to_more_than_its_sides_is_refused() -> None:
    assert refused(png(1, 1, bytes(50_000_000))) is Reason.TOO_MUCH_INSIDE


def test_a_text_that_unpacks_to_more_than_anybody_writes_is_refused() -> None:
    for size, is_taken in ((900_000, True), (1_000_001, False)):
        packed = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(size), 9))
        content = png(1, 1, b"\0\0", packed)
        if is_taken:
            assert look(content) == "image/png"
        else:
            assert refused(content) is Reason.TOO_MUCH_INSIDE


def test_a_wrong_checksum_is_no_picture() -> None:
    content = bytearray(picture("PNG"))
    content[len(PNG_BEGIN) + 8 + 13] ^= 1
    assert refused(bytes(content)) is Reason.BROKEN


@pytest.mark.parametrize("kind", ["/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/GoToR", "/Rendition"])
def test_a_paper_that_does_something_is_refused(kind: str) -> None:
    assert refused(with_action(kind, F="calc.exe")) is Reason.ACTIVE


def test_a_paper_that_opens_at_a_page_is_taken() -> None:
    assert look(with_action("/GoTo", D="first")) == "application/pdf"


def test_a_name_that_is_written_in_another_way_is_the_same_name() -> None:
    content = with_action("/JavaScript", JS="app.alert(1)")
    assert refused(content.replace(b"/JavaScript", b"/J#61vaScript")) is Reason.ACTIVE


def test_a_script_that_no_table_leads_to_is_refused() -> None:
    sound = paper()
    hidden = sound.replace(b"%%EOF", b"9 0 obj << /S /JavaScript >> endobj\n%%EOF")
    assert refused(hidden) is Reason.ACTIVE


def test_a_paper_with_files_in_it_is_refused() -> None:
    made = writer()
    made.add_attachment("run.txt", b"harmless")
    assert refused(written(made)) is Reason.ATTACHMENTS


def test_a_paper_that_is_locked_is_refused() -> None:
    made = writer()
    made.encrypt("secret", algorithm="RC4-128")
    assert refused(written(made)) is Reason.LOCKED


def test_a_paper_of_more_pages_is_refused() -> None:
    assert refused(paper(PAGES_MAX + 1)) is Reason.TOO_MUCH_INSIDE


@pytest.mark.parametrize(("size", "filters"), [(70_000_000, 1), (1_000, 3), (70_000_000, 2)])
def test_a_paper_that_unpacks_to_too_much_or_is_folded_too_often_is_refused(size: int, filters: int) -> None:
    assert refused(with_stream(bytes(size), filters)) is Reason.TOO_MUCH_INSIDE


def test_a_paper_with_a_stream_of_common_size_is_taken() -> None:
    assert look(with_stream(bytes(1_000_000))) == "application/pdf"


def folded(coding: str, packed: bytes, *, width: int = 10, outer: bool = True) -> bytes:
    """A PDF with a picture that is packed once more."""
    made, stream = writer(), StreamObject()
    stream._data = zlib.compress(packed, 9) if outer else packed
    stream.update(
        {
            NameObject("/Subtype"): NameObject("/Image"),
            NameObject("/Width"): NumberObject(width),
            NameObject("/Height"): NumberObject(10),
            NameObject("/Filter"): ArrayObject(
                NameObject(one) for one in (["/FlateDecode"] if outer else []) + [coding]
            ),
        }
    )
    made._add_object(stream)
    return written(made)


@pytest.mark.parametrize("outer", [True, False])
def test_a_photograph_in_a_paper_is_taken(outer: bool) -> None:
    assert look(folded("/DCTDecode", picture("JPEG"), outer=outer)) == PDF


@pytest.mark.parametrize("coding", ["/DCTDecode", "/JPXDecode", "/CCITTFaxDecode", "/JBIG2Decode"])
def test_a_picture_that_is_folded_into_more_than_it_is_is_a_bomb(coding: str) -> None:
    assert refused(folded(coding, bytes(70_000_000))) is Reason.TOO_MUCH_INSIDE


def test_a_picture_in_a_paper_is_as_large_as_it_says_by_itself() -> None:
    plain = picture("JPEG")
    frame = plain.index(b"\xff\xc0")
    huge = plain[: frame + 5] + b"\xff\xff\xff\xff" + plain[frame + 9 :]
    assert refused(folded("/DCTDecode", huge, outer=False)) is Reason.TOO_MUCH_INSIDE
    wide = b"\xff\x4f\xff\x51" + bytes(4) + (60_000).to_bytes(4, "big") * 2 + bytes(8)
    assert refused(folded("/JPXDecode", wide)) is Reason.TOO_MUCH_INSIDE
    assert refused(folded("/DCTDecode", plain, width=10_000_000)) is Reason.TOO_MUCH_INSIDE


def test_a_photograph_that_is_gone_over_a_thousand_times_is_refused() -> None:
    """Each scan of a progressive picture costs a reader the whole of it."""
    plain = progressive()
    last = plain.rindex(b"\xff\xda")
    scan = plain[last:-2]
    assert look(plain[:-2] + scan * 2 + plain[-2:]) == JPEG
    assert refused(plain[:-2] + scan * 1_000 + plain[-2:]) is Reason.TOO_MUCH_INSIDE


@pytest.mark.parametrize(
    "content",
    [
        b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)",
        b"PK\x03\x04" + b"word/document.xml" + bytes(40) + b"PK\x05\x06" + bytes(18),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        b"\x00\x00\x00\x18ftypheic",
        b"%!PS-Adobe-3.0",
        b"\x1f\x8b\x08" + bytes(20),
    ],
    ids=["GIF and script", "docx", "doc", "svg", "webp", "heic", "postscript", "gzip"],
)
def test_what_is_no_paper_and_no_picture_of_ours_is_refused_whatever_it_is_called(content: bytes) -> None:
    assert refused(content) is Reason.WRONG_TYPE


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(("size", "is_taken"), [(1, True), (70_000_000, False)])
def test_a_paper_whose_coding_lies_elsewhere_is_read_by_it(alone: bool, size: int, is_taken: bool) -> None:
    made, stream = writer(), StreamObject()
    stream._data = zlib.compress(bytes(size), 9)
    elsewhere = made._add_object(NameObject("/FlateDecode"))
    stream[NameObject("/Filter")] = elsewhere if alone else ArrayObject([elsewhere])
    made._add_object(stream)
    if is_taken:
        assert look(written(made)) == PDF
    else:
        assert refused(written(made)) is Reason.TOO_MUCH_INSIDE


def drawn(*parts: bytes) -> bytes:
    """A PDF that draws so, in as many streams."""
    made = writer()
    for part in parts:
        stream = StreamObject()
        stream._data = part
        made._add_object(stream)
    return written(made)


SMALL = b"q BI /W 20 /H 10 /BPC 8 /CS /G ID x\nEI Q\n"


@pytest.mark.parametrize(
    "parts",
    [
        [b"BI /W 100000 /H 100000 /BPC 8 /CS /G ID x\nEI"],
        [b"q BI/Width 100000/Height%it\n0000000000100000 ID x\nEI"],
        [b"BI /#57 100000 /#48 100000 ID x\nEI"],
        [b"BI /W 100000", b"/H 100000 ID x\nEI"],
        [b"BI", b"/W 100000 /H 100000 ID x\nEI"],
        [b"BI /X ( BI /Y ID ) /W 100000 /X ( BI /Y ID ) /H 100000 ID x\nEI"],
        [b"BI /W 100000 /H" + b" %\n" * 1_000 + b"100000 ID x\nEI"],
        [b"BI /W 7000 /H 7000 ID x\nEI\n" * 50],
        [b"BI /W 1 /H 1 ID x\nEI\n" * 20_001],
    ],
    ids=[
        "plain",
        "in full words",
        "written in another way",
        "cut",
        "cut at once",
        "behind a text",
        "far off",
        "many",
        "very many",
    ],
)
def test_a_picture_in_the_drawing_itself_is_counted_as_others_are(parts: list[bytes]) -> None:
    assert refused(drawn(*parts)) is Reason.TOO_MUCH_INSIDE


@pytest.mark.parametrize(
    "parts", [[SMALL * 1_000], [SMALL, b"BI /W 7000 /H 7000 ID x\nEI"], [b"/W 100000 /H 100000 sh"], [b"(BI) Tj"]]
)
def test_a_drawing_with_pictures_of_common_size_or_none_is_taken(parts: list[bytes]) -> None:
    assert look(drawn(*parts)) == PDF
