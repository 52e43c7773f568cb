"""JPEG (ITU-T T.81) and PNG (ISO/IEC 15948): walked from mark to mark by us, then decoded whole by Pillow.

The walk finds what a decoder overlooks: bytes after the end, parts that nobody draws. The decoder finds what the walk
does not: a picture that cannot be drawn.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Final, Literal

from PIL import Image, ImageFile, UnidentifiedImageError

from services.apply.evidence.refusals import Reason, Refused

PIXELS_MAX: Final = 50_000_000
"""A phone's camera takes 12 to 50 million; decoded as colours with transparency that is 200 MB."""
SIDE_MAX: Final = 30_000
PARTS_MAX: Final = 20_000
SCANS_MAX: Final = 64
"""Each goes over the whole picture: cameras write one, programs for the web about ten."""
TEXT_BYTES_MAX: Final = 1_000_000
"""Unpacked, of what a PNG says beside the picture."""

_SIGNATURE_BYTES: Final = 8
_SOI_BYTES: Final = 2
_EOI, _SOS = 0xD9, 0xDA
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""TEM and RSTm: markers without a length (T.81 B.1.1.3)."""
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_CRITICAL: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_ANCILLARY: Final = frozenset(
    {b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"tEXt", b"zTXt", b"iTXt"}
    | {b"bKGD", b"hIST", b"pHYs", b"sPLT", b"eXIf", b"tIME"}
)
"""Of the standard. Private parts may hold anything, and moving pictures (acTL) are no evidence."""
_PACKED: Final = frozenset({b"iCCP", b"zTXt", b"iTXt"})


def look_at_jpeg(content: bytes) -> None:
    """Raises :class:`Refused`."""
    at, parts, is_framed, scans = _SOI_BYTES, 0, False, 0
    while True:
        parts += 1
        if parts > PARTS_MAX or scans > SCANS_MAX:
            raise Refused(Reason.TOO_MUCH_INSIDE)
        marker, at = jpeg_marker(content, at)
        if marker == _EOI:
            break
        if marker in _ALONE:
            continue
        length = int.from_bytes(content[at : at + 2], "big")
        if length < 2 or at + length > len(content):
            raise Refused(Reason.BROKEN)
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", content[at + 3 : at + 7].ljust(4, b"\0"))
            _refuse_size(width, height)
            is_framed = True
        at += length
        if marker == _SOS:
            scans += 1
            at = after_scan(content, at)
    if not (is_framed and scans):
        raise Refused(Reason.BROKEN)
    if at != len(content):
        raise Refused(Reason.MORE_BEHIND)
    _decode(content, "JPEG")


def jpeg_sides(content: bytes) -> tuple[int, int]:
    """Width and height as its first frame says, of a JPEG within something else; nought of one that says none."""
    at = _SOI_BYTES
    for _ in range(PARTS_MAX):
        marker, at = jpeg_marker(content, at)
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", content[at + 3 : at + 7].ljust(4, b"\0"))
            return width, height
        if marker in (_SOS, _EOI):
            break
        if marker not in _ALONE:
            at += int.from_bytes(content[at : at + 2], "big")
    return 0, 0


def jpeg_marker(content: bytes, at: int) -> tuple[int, int]:
    """The marker that stands there, and where what follows begins. Fill bytes (B.1.1.2) may stand before it."""
    if content[at : at + 1] != b"\xff":
        raise Refused(Reason.BROKEN)
    while content[at : at + 1] == b"\xff":
        at += 1
    if at >= len(content) or content[at] in (0x00, 0xD8):
        raise Refused(Reason.BROKEN)
    return content[at], at + 1


def after_scan(content: bytes, at: int) -> int:
    """Where the next marker stands after entropy-coded data: in them 0xFF is followed by 0, or by a restart."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            raise Refused(Reason.BROKEN)
        if content[at + 1] != 0 and content[at + 1] not in _ALONE:
            return at
        at += 2


def look_at_png(content: bytes) -> None:
    """Raises :class:`Refused`."""
    at, parts, beside, seen = _SIGNATURE_BYTES, 0, 0, b""
    pictures = zlib.decompressobj()
    drawn, most = 0, 0
    while seen != b"IEND":
        parts += 1
        if parts > PARTS_MAX:
            raise Refused(Reason.TOO_MUCH_INSIDE)
        kind, data, at = png_chunk(content, at)
        if (kind == b"IHDR") != (parts == 1):
            raise Refused(Reason.BROKEN)
        if kind == b"IHDR":
            most = _png_size(data)
        elif kind == b"IDAT":
            drawn += _unpacked(pictures, data, most + 1 - drawn)
            if drawn > most:
                raise Refused(Reason.TOO_MUCH_INSIDE)
        elif kind in _PACKED:
            beside += _text_size(data, TEXT_BYTES_MAX + 1 - beside)
            if beside > TEXT_BYTES_MAX:
                raise Refused(Reason.TOO_MUCH_INSIDE)
        elif kind not in _CRITICAL | _ANCILLARY:
            raise Refused(Reason.TWO_FORMATS)
        seen = kind
    if pictures.unused_data:
        raise Refused(Reason.MORE_BEHIND)
    if at != len(content):
        raise Refused(Reason.MORE_BEHIND)
    _decode(content, "PNG")


def png_chunk(content: bytes, at: int) -> tuple[bytes, bytes, int]:
    head = content[at : at + 8]
    if len(head) < 8:
        raise Refused(Reason.BROKEN)
    length, kind = int.from_bytes(head[:4], "big"), head[4:]
    end = at + 12 + length
    if end > len(content):
        raise Refused(Reason.BROKEN)
    data = content[at + 8 : end - 4]
    if zlib.crc32(kind + data) != int.from_bytes(content[end - 4 : end], "big"):
        raise Refused(Reason.BROKEN)
    return kind, data, end


def _png_size(data: bytes) -> int:
    """How many bytes the rows of the picture are, unpacked (ISO/IEC 15948 §7.2, §8): with room for interlacing."""
    if len(data) != 13:
        raise Refused(Reason.BROKEN)
    width, height, depth, colour = struct.unpack(">IIBB", data[:10])
    _refuse_size(width, height)
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}.get(colour)
    if samples is None or depth not in (1, 2, 4, 8, 16):
        raise Refused(Reason.BROKEN)
    row = (width * samples * depth + 7) // 8 + 1
    is_interlaced = data[12] == 1
    return int(row * height + (15 * (height + width) if is_interlaced else 0))


def _unpacked(stream: zlib._Decompress, data: bytes, most: int) -> int:
    """How much more there is of it unpacked; stops where there is too much."""
    found = 0
    try:
        while data and found < most:
            found += len(stream.decompress(data, min(1 << 20, most - found)))
            data = stream.unconsumed_tail
    except zlib.error:
        raise Refused(Reason.BROKEN) from None
    return found


def _text_size(data: bytes, most: int) -> int:
    """What is packed in it may begin after a name and some flags; it is enough to try wherever one could begin."""
    name_ends = data.find(b"\0")
    for begin in range(max(0, name_ends), min(len(data), name_ends + 600)):
        if data[begin : begin + 1] == b"\x78":
            try:
                return _unpacked(zlib.decompressobj(), data[begin:], most)
            except Refused:
                continue
    return len(data)


def _refuse_size(width: int, height: int) -> None:
    if not width or not height:
        raise Refused(Reason.BROKEN)
    if width > SIDE_MAX or height > SIDE_MAX or width * height > PIXELS_MAX:
        raise Refused(Reason.TOO_MUCH_INSIDE)


def _decode(content: bytes, form: Literal["JPEG", "PNG"]) -> None:
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = PIXELS_MAX
    try:
        with Image.open(io.BytesIO(content), formats=[form]) as picture:
            picture.load()
    except Image.DecompressionBombError:
        raise Refused(Reason.TOO_MUCH_INSIDE) from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise Refused(Reason.BROKEN) from None
