"""Takes out of a picture what the camera noted beside it: place, time, device, whom it belongs to, a small copy of what
was cut away. The picture itself stays as it is, bit by bit, and says still which way is up.

To be given what `contents.look` has passed. A paper (PDF) stays as it was sent, with the pictures in it.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

from services.apply.evidence.contents import JPEG, PNG
from services.apply.evidence.images import after_scan, jpeg_marker, png_chunk

_SIGNATURE_BYTES: Final = 8
_SOI, _EOI, _SOS, _COM = b"\xff\xd8", 0xD9, 0xDA, 0xFE
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE
_APPS: Final = range(0xE0, 0xF0)
_FIELDS: Final = {_APP0: 12, _APP14: 12}
"""Bytes of JFIF (T.871 §10.1) before the sides of its small copy, and of Adobe's note on colours (T.872 §6.5.3)."""
_NO_COPY: Final = b"\0\0"
_EXIF: Final = b"Exif\0\0"
_SAID: Final = frozenset({b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf"})
_ORIENTATION: Final = 0x0112
_SHORT: Final = 3
_TURNED: Final = range(2, 9)
"""Exif 2.32 §4.6.4: 1 is as it lies."""
_ENTRIES_MAX: Final = 1_000


def cleaned(media_type: str, content: bytes) -> bytes:
    """The file without what it says beside the picture; the same bytes where it says nothing."""
    if media_type == JPEG:
        return _jpeg(content)
    return _png(content) if media_type == PNG else content


def _jpeg(content: bytes) -> bytes:
    kept, at, turned = [_SOI], len(_SOI), 1
    while True:
        begin = at
        marker, at = jpeg_marker(content, at)
        if marker == _EOI:
            kept.append(content[begin:])
            break
        if marker in _ALONE:
            kept.append(content[begin:at])
            continue
        at += int.from_bytes(content[at : at + 2], "big")
        segment = content[begin:at]
        said = segment[segment.index(marker.to_bytes(1), 1) + 3 :]
        if marker == _APP1 and said.startswith(_EXIF):
            turned = _turned(said[len(_EXIF) :]) or turned
        if marker == _SOS:
            at = after_scan(content, at)
            segment = content[begin:at]
        if _is_of_the_picture(marker, said):
            kept.append(_without_more(marker, segment, said))
    if turned in _TURNED:
        exif = _EXIF + _tiff(turned)
        place = 2 if len(kept) > 1 and kept[1][1:2] == b"\xe0" else 1  # JFIF, where it is, comes first
        kept.insert(place, b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif)
    return b"".join(kept)


def _is_of_the_picture(marker: int, said: bytes) -> bool:
    """What a decoder needs: of what applications add, how colours are meant."""
    if marker == _COM:
        return False
    if marker not in _APPS:
        return True
    begins = {_APP0: b"JFIF\0", _APP2: b"ICC_PROFILE\0", _APP14: b"Adobe"}
    return marker in begins and said.startswith(begins[marker])


def _without_more(marker: int, segment: bytes, said: bytes) -> bytes:
    """JFIF without its small copy of the picture, and what a segment has beyond the fields of its standard."""
    if marker not in _FIELDS:
        return segment
    fields = said[: _FIELDS[marker]] + (_NO_COPY if marker == _APP0 else b"")
    return segment if fields == said else b"\xff" + marker.to_bytes(1) + (len(fields) + 2).to_bytes(2, "big") + fields


def _png(content: bytes) -> bytes:
    kept, at, turned = [content[:_SIGNATURE_BYTES]], _SIGNATURE_BYTES, 1
    while at < len(content):
        begin = at
        kind, data, at = png_chunk(content, at)
        if kind == b"eXIf":
            turned = _turned(data) or turned
        if kind not in _SAID:
            kept.append(content[begin:at])
    if turned in _TURNED:
        exif = b"eXIf" + _tiff(turned)
        kept.insert(2, struct.pack(">I", len(exif) - 4) + exif + struct.pack(">I", zlib.crc32(exif)))
    return b"".join(kept)


def _turned(tiff: bytes) -> int | None:
    """Which way is up, by the first directory of a TIFF 6.0; None where it does not say, or makes no sense."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    try:
        if order is None:
            return None
        (place,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, place)
        for number in range(min(entries, _ENTRIES_MAX)):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, place + 2 + 12 * number)
            if (tag, kind) == (_ORIENTATION, _SHORT):
                return value if value in _TURNED else None
    except struct.error:
        return None
    return None


def _tiff(turned: int) -> bytes:
    """One directory with one entry."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, _SHORT, 1, turned, 0, 0)
