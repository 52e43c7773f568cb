"""PDF (ISO 32000-2): every object that is in the file is looked at, whether or not a page leads to it.

Read by pypdf. Readers mend broken files in different ways, so the names of what a paper must not hold are looked for
in the plain bytes too, and in every stream of objects.
"""

from __future__ import annotations

import io
import logging
import re
import struct
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any, Final

from pypdf import PdfReader
from pypdf.errors import LimitReachedError, PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, EncodedStreamObject, IndirectObject, NameObject, StreamObject

from services.apply.evidence.images import PIXELS_MAX, jpeg_sides
from services.apply.evidence.refusals import Reason, Refused

PAGES_MAX: Final = 100
OBJECTS_MAX: Final = 20_000
DEPTH_MAX: Final = 100
UNPACKED_MAX: Final = 64_000_000
"""Bytes of all its streams, but for pictures, whose pixels are counted."""
ALL_PIXELS_MAX: Final = 40 * PIXELS_MAX
"""Of all pictures in it together."""
FILTERS_MAX: Final = 2
"""One for packing and one for printable letters. More is how bombs are folded."""

_ACTIVE: Final = frozenset(
    {"/JavaScript", "/JS", "/Launch", "/SubmitForm", "/ImportData", "/RichMedia", "/RichMediaExecute", "/XFA", "/AA"}
    | {"/GoToE", "/GoToR", "/Rendition", "/Movie", "/Sound", "/3D", "/Trans3D", "/SetOCGState"}
)
"""Actions of §12.6.4 that leave the paper or run something, and forms that are programs."""
_FILES: Final = frozenset({"/EmbeddedFile", "/EmbeddedFiles", "/FileAttachment", "/AF", "/Collection"})
_ACTIVE_WORDS: Final = re.compile(rb"/(?:JavaScript|Launch|SubmitForm|ImportData|RichMedia)\b")
_FILE_WORDS: Final = re.compile(rb"/(?:EmbeddedFiles?|FileAttachment)\b")
"""Long enough not to come about by chance in packed data."""
_ESCAPED: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_PICTURES: Final = frozenset({"/DCTDecode", "/DCT", "/JPXDecode", "/CCITTFaxDecode", "/CCF", "/JBIG2Decode"})
_JPEG: Final = frozenset({"/DCTDecode", "/DCT"})
_READ: Final = frozenset(
    {"/FlateDecode", "/Fl", "/LZWDecode", "/LZW", "/RunLengthDecode", "/RL"}
    | {"/ASCIIHexDecode", "/AHx", "/ASCII85Decode", "/A85"}
)
_MAKES_NO_SENSE: Final = (
    *(PyPdfError, NotImplementedError, ArithmeticError, AssertionError, AttributeError),
    *(LookupError, OSError, TypeError, ValueError),
)
"""What the library says of a file that makes none: now the one and now the other."""
_INLINE: Final = re.compile(rb"BI(?<![^\s\0()<>\[\]{}/%]BI)(?=[\s\0]*+(?:[/%]|\Z))")
_NUMBER: Final = rb"(?:[\s\0]++|%[^\r\n]{0,80}+[\r\n]){0,20}+(?:\+?(\d++)|[\s\0%])"
"""What follows a name; no number where so much stands between the two that nobody means a number."""
_INLINE_WIDTH: Final = re.compile(rb"/W(?:idth)?" + _NUMBER)
_INLINE_HEIGHT: Final = re.compile(rb"/H(?:eight)?" + _NUMBER)
"""Pictures that stand in the drawing itself (§8.9.7)."""
_END: Final = re.compile(rb"%%EOF[\r\n \t\0]*\Z")


def look_at_pdf(content: bytes) -> None:
    """Raises :class:`Refused`."""
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    if not _END.search(content[-1024:]):
        raise Refused(Reason.MORE_BEHIND if b"%%EOF" in content else Reason.BROKEN)
    _refuse_words(content)
    try:
        _look_through(PdfReader(io.BytesIO(content), strict=False))
    except (LimitReachedError, RecursionError, MemoryError):
        raise Refused(Reason.TOO_MUCH_INSIDE) from None
    except _MAKES_NO_SENSE:
        raise Refused(Reason.BROKEN) from None


def _look_through(reader: PdfReader) -> None:
    if reader.is_encrypted or "/Encrypt" in reader.trailer:
        raise Refused(Reason.LOCKED)
    numbers = {(number, generation) for generation, those in reader.xref.items() for number in those}
    numbers |= {(number, 0) for number in reader.xref_objStm}
    if len(numbers) > OBJECTS_MAX:
        raise Refused(Reason.TOO_MUCH_INSIDE)
    unpacked = pixels = 0
    inline = _Inline()
    _refuse_parts(reader.trailer)
    for number, generation in sorted(numbers):
        found = reader.get_object(IndirectObject(number, generation, reader))
        _refuse_parts(found)
        if isinstance(found, StreamObject):
            size, drawn = _look_at_stream(found, inline)
            unpacked, pixels = unpacked + size, pixels + drawn
            if unpacked > UNPACKED_MAX or pixels + inline.pixels > ALL_PIXELS_MAX or inline.most > PIXELS_MAX:
                raise Refused(Reason.TOO_MUCH_INSIDE)
    if not 0 < reader.get_num_pages() <= PAGES_MAX:
        raise Refused(Reason.TOO_MUCH_INSIDE if reader.get_num_pages() else Reason.BROKEN)
    if len(list(reader.pages)) > PAGES_MAX:  # the tree itself, not the count that it claims
        raise Refused(Reason.TOO_MUCH_INSIDE)


class _Inline:
    """Pictures that stand in drawings. A drawing may lie in several streams, cut anywhere between two words, so the
    widest and the highest of all count together."""

    def __init__(self) -> None:
        self.pixels = self._width = self._height = self._count = 0

    @property
    def most(self) -> int:
        return self._width * self._height if self._count else 0

    def look_at(self, plain: bytes) -> None:
        begins = [found.end() for found in islice(_INLINE.finditer(plain), OBJECTS_MAX + 1)]
        self._count += len(begins)
        if self._count > OBJECTS_MAX:
            raise Refused(Reason.TOO_MUCH_INSIDE)
        for at, end in pairwise([0, *begins, len(plain)]):
            part = _unescaped(plain[at:end])
            width, height = _greatest(_INLINE_WIDTH, part), _greatest(_INLINE_HEIGHT, part)
            self._width, self._height = max(self._width, width), max(self._height, height)
            self.pixels += width * height if at else 0


def _greatest(side: re.Pattern[bytes], plain: bytes) -> int:
    given = (found[1] for found in side.finditer(plain))
    return max((PIXELS_MAX if one is None else int(one.lstrip(b"0")[:10] or b"0") for one in given), default=0)


def _refuse_parts(whole: Any) -> None:
    for part in _parts(whole):
        if part in _ACTIVE:
            raise Refused(Reason.ACTIVE)
        if part in _FILES:
            raise Refused(Reason.ATTACHMENTS)


def _parts(whole: Any) -> Iterator[str]:
    """Every name in an object, keys and values; other objects that it points to have their own turn."""
    left: list[tuple[Any, int]] = [(whole, 0)]
    while left:
        one, depth = left.pop()
        if depth > DEPTH_MAX:
            raise Refused(Reason.TOO_MUCH_INSIDE)
        if isinstance(one, NameObject):
            yield str(one)
        elif isinstance(one, DictionaryObject):
            yield from (str(key) for key in one)
            left += [(value, depth + 1) for value in dict.values(one)]
        elif isinstance(one, ArrayObject):
            left += [(value, depth + 1) for value in list.__iter__(one)]


def _is_picture(filters: list[str]) -> bool:
    return bool(filters) and filters[-1] in _PICTURES


def _filters_of(stream: StreamObject) -> list[str]:
    given = stream.get("/Filter", ArrayObject()).get_object()
    if isinstance(given, ArrayObject):
        given = ArrayObject(one.get_object() for one in list.__iter__(given))
    if "/Filter" in stream:  # what it leads to stands in it from now on: the library reads it where it stands alone
        stream[NameObject("/Filter")] = given
    filters = [str(given)] if isinstance(given, NameObject) else [str(one) for one in given]
    if len(filters) > FILTERS_MAX:
        raise Refused(Reason.TOO_MUCH_INSIDE)
    if not set(filters[:-1] if _is_picture(filters) else filters) <= _READ:
        raise Refused(Reason.LOCKED if "/Crypt" in filters else Reason.BROKEN)
    return filters


def _look_at_stream(stream: StreamObject, inline: _Inline) -> tuple[int, int]:
    """Bytes of it unpacked, and pixels of a picture: what it unpacks to, nobody but a reader knows."""
    if "/F" in stream:  # §7.3.8.2: what it says lies in another file
        raise Refused(Reason.ATTACHMENTS)
    filters = _filters_of(stream)
    if _is_picture(filters):
        packed = _unpacked(stream, filters[:-1])
        return (len(packed) if len(filters) > 1 else 0), _pixels_of(stream, filters[-1], packed)
    plain = stream.get_data()
    if stream.get("/Type") == "/ObjStm":
        _refuse_words(plain)
    elif stream.get("/Type") != "/XRef":
        inline.look_at(plain)
    return len(plain), _pixels_of(stream)


def _unpacked(stream: StreamObject, filters: list[str]) -> bytes:
    """What stands before the picture's own coding: a picture may be folded into more than it is."""
    raw = stream._data  # noqa: SLF001 - pypdf has no other name for bytes that nobody decoded
    if not filters:
        return raw
    outer, given = EncodedStreamObject(), stream.get("/DecodeParms")
    outer._data = raw  # noqa: SLF001 - as above
    outer[NameObject("/Filter")] = ArrayObject(NameObject(one) for one in filters)
    if isinstance(given, ArrayObject):
        outer[NameObject("/DecodeParms")] = ArrayObject(given[: len(filters)])
    return outer.get_data()


def _pixels_of(stream: StreamObject, coding: str = "", packed: bytes = b"") -> int:
    """As the paper says, and as the picture says by itself, which a reader may believe instead."""
    sides = [(0, 0), _own_sides(coding, packed)]
    if coding or stream.get("/Subtype") == "/Image":
        sides.append((int(stream.get("/Width", 0)), int(stream.get("/Height", 0))))
    most = max(abs(width * height) for width, height in sides)
    if most > PIXELS_MAX:
        raise Refused(Reason.TOO_MUCH_INSIDE)
    return most


def _own_sides(coding: str, packed: bytes) -> tuple[int, int]:
    """Of JPEG, and of JPEG 2000 (T.800 A.5.1: the marker SIZ follows on SOC). Others say it outside alone."""
    if coding in _JPEG:
        return jpeg_sides(packed) if packed.startswith(b"\xff\xd8") else (0, 0)
    at = packed.find(b"\xff\x4f\xff\x51") if coding == "/JPXDecode" else -1
    if at < 0:
        return 0, 0
    right, bottom, left, top = struct.unpack(">4I", packed[at + 8 : at + 24].ljust(16, b"\0"))
    return right - left, bottom - top


def _refuse_words(plain: bytes) -> None:
    words = _unescaped(plain)
    if _ACTIVE_WORDS.search(words):
        raise Refused(Reason.ACTIVE)
    if _FILE_WORDS.search(words):
        raise Refused(Reason.ATTACHMENTS)


def _unescaped(plain: bytes) -> bytes:
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), plain)
