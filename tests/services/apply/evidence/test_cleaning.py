"""What a camera notes beside a picture is not kept; the picture is, and which way is up."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from services.apply.evidence.cleaning import cleaned
from services.apply.evidence.contents import JPEG, PNG, look
from tests.services.apply.evidence.papers import PNG_BEGIN, chunk, paper, picture, progressive

GPS, MAKE, ORIENTATION, TAKEN = 0x8825, 0x010F, 0x0112, 0x9003
HOME = "13.7563"


def noted(form: str, turned: int = 1) -> bytes:
    """A picture with place, device and day beside it."""
    exif = Image.Exif()
    exif[MAKE], exif[ORIENTATION] = "Camera of somebody", turned
    exif.get_ifd(GPS)[29], exif.get_ifd(GPS)[1] = HOME, "N"
    made = io.BytesIO()
    shown = Image.effect_noise((48, 32), 60).convert("RGB")
    shown.save(made, form, exif=exif, comment="at home", icc_profile=b"of colours" * 20)
    return made.getvalue()


def opened(content: bytes) -> Image.Image:
    shown = Image.open(io.BytesIO(content))
    shown.load()
    return shown


def tags(content: bytes) -> dict[int, object]:
    return dict(opened(content).getexif())


@pytest.mark.parametrize(("form", "media_type"), [("JPEG", JPEG), ("PNG", PNG)])
@pytest.mark.parametrize("turned", [1, 3, 6, 8])
def test_place_device_and_words_go_and_the_picture_stays_with_which_way_is_up(
    form: str, media_type: str, turned: int
) -> None:
    before = noted(form, turned)
    assert HOME.encode() in before
    assert look(before) == media_type
    after = cleaned(media_type, before)
    for said in (HOME.encode(), b"Camera of somebody", b"at home"):
        assert said not in after
    assert look(after) == media_type, "it is sound still"
    assert tags(after) == ({} if turned == 1 else {ORIENTATION: turned})
    one, two = opened(before), opened(after)
    assert one.tobytes() == two.tobytes()
    assert two.info.get("icc_profile") == one.info["icc_profile"]
    assert ImageOps.exif_transpose(two).size == ((48, 32) if turned in (1, 3) else (32, 48))
    assert cleaned(media_type, after) == after


@pytest.mark.parametrize("content", [picture("JPEG"), progressive(), picture("PNG"), paper()], ids=len)
def test_what_says_nothing_is_left_as_it_is(content: bytes) -> None:
    assert cleaned(look(content), content) == content


def test_a_paper_stays_as_it_was_sent() -> None:
    assert cleaned("application/pdf", paper(3)) == paper(3)


def test_words_that_are_packed_and_a_day_beside_a_drawing_go_too() -> None:
    plain = picture("PNG")
    head = plain.index(b"IDAT") - 4
    beside = chunk(b"tIME", bytes(7)) + chunk(b"zTXt", b"Comment\0\0" + b"x") + chunk(b"pHYs", bytes(9))
    after = cleaned(PNG, plain[:head] + beside + plain[head:])
    assert after == plain[:head] + chunk(b"pHYs", bytes(9)) + plain[head:]
    assert after.startswith(PNG_BEGIN)


def test_small_copies_and_second_pictures_in_segments_of_makers_go() -> None:
    plain = picture("JPEG")
    makers = [
        b"\xff" + marker + (len(said) + 2).to_bytes(2, "big") + said
        for marker, said in (
            (b"\xe0", b"JFXX\0thumb"),
            (b"\xe2", b"MPF\0x"),
            (b"\xed", b"Photoshop 3.0\0"),
            (b"\xfe", b"hi"),
        )
    ]
    assert cleaned(JPEG, plain[:2] + b"".join(makers) + plain[2:]) == plain


def test_what_a_segment_of_the_picture_holds_beyond_its_fields_goes_and_the_small_copy_of_jfif_with_it() -> None:
    plain = picture("JPEG")
    size = int.from_bytes(plain[4:6], "big")
    head, small, rest = plain[6:18], bytes(range(1, 151)), plain[4 + size :]

    def begins(said: bytes) -> bytes:
        return plain[:2] + b"\xff\xe0" + (len(said) + 2).to_bytes(2, "big") + said + rest

    for said in (head + b"\x05\x0a" + small, head + b"\0\0" + HOME.encode()):
        assert look(begins(said)) == JPEG
        assert cleaned(JPEG, begins(said)) == begins(head + b"\0\0")
    adobe = b"Adobe\0\x64\0\0\0\0\1"
    more = b"\xff\xee" + (len(adobe) + 2 + len(HOME)).to_bytes(2, "big") + adobe + HOME.encode()
    assert cleaned(JPEG, plain[:2] + more + plain[2:]) == plain[:2] + b"\xff\xee\0\x0e" + adobe + plain[2:]


@given(st.binary(max_size=120), st.sampled_from([b"II*\0", b"MM\0*", b""]))
def test_notes_that_make_no_sense_say_of_no_way_up_and_break_nothing(said: bytes, begin: bytes) -> None:
    exif = b"Exif\0\0" + begin + said
    plain = picture("JPEG", 8)
    after = cleaned(JPEG, plain[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + plain[2:])
    assert opened(after).tobytes() == opened(plain).tobytes()
    assert not set(tags(after)) - {ORIENTATION}
