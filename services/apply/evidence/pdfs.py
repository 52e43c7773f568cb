"""PDF (ISO 32000-2): every object that is in the file is looked at, whether or not a page leads to it.

Read by pypdf. Readers mend broken files in different ways, so the names of what a paper must not hold are looked for
in the plain bytes too, and in every stream of objects.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterator
from typing import Any, Final

from pypdf import PdfReader
from pypdf.errors import LimitReachedError, PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, NameObject, StreamObject

from services.apply.evidence.images import PIXELS_MAX
from services.apply.evidence.refusals import Reason, Refused

PAGES_MAX: Final = 100
OBJECTS_MAX: Final = 20_000
DEPTH_MAX: Final = 100
UNPACKED_MAX: Final = 64_000_000
"""Bytes of all its streams, but for pictures, whose pixels are counted."""
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
_READ: Final = frozenset(
    {"/FlateDecode", "/Fl", "/LZWDecode", "/LZW", "/RunLengthDecode", "/RL"}
    | {"/ASCIIHexDecode", "/AHx", "/ASCII85Decode", "/A85"}
)
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
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, AssertionError, OSError):
        # the library says of a file that makes no sense now the one and now the other
        raise Refused(Reason.BROKEN) from None


def _look_through(reader: PdfReader) -> None:
    if reader.is_encrypted or "/Encrypt" in reader.trailer:
        raise Refused(Reason.LOCKED)
    numbers = {(number, generation) for generation, those in reader.xref.items() for number in those}
    numbers |= {(number, 0) for number in reader.xref_objStm}
    if len(numbers) > OBJECTS_MAX:
        raise Refused(Reason.TOO_MUCH_INSIDE)
    unpacked = 0
    _refuse_parts(reader.trailer)
    for number, generation in sorted(numbers):
        found = reader.get_object(IndirectObject(number, generation, reader))
        _refuse_parts(found)
        if isinstance(found, StreamObject):
            unpacked += _size_of(found)
            if unpacked > UNPACKED_MAX:
                raise Refused(Reason.TOO_MUCH_INSIDE)
    if not 0 < reader.get_num_pages() <= PAGES_MAX:
        raise Refused(Reason.TOO_MUCH_INSIDE if reader.get_num_pages() else Reason.BROKEN)
    if len(list(reader.pages)) > PAGES_MAX:  # the tree itself, not the count that it claims
        raise Refused(Reason.TOO_MUCH_INSIDE)


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


def _size_of(stream: StreamObject) -> int:
    """Of a stream unpacked; what a picture is unpacked, is told by its sides."""
    if stream.get("/Subtype") == "/Image":
        sides = int(stream.get("/Width", 0)) * int(stream.get("/Height", 0))
        if sides > PIXELS_MAX:
            raise Refused(Reason.TOO_MUCH_INSIDE)
    given = stream.get("/Filter", ())
    filters = [str(given)] if isinstance(given, NameObject) else [str(one) for one in given]
    if len(filters) > FILTERS_MAX:
        raise Refused(Reason.TOO_MUCH_INSIDE)
    if "/F" in stream:  # §7.3.8.2: what it says lies in another file
        raise Refused(Reason.ATTACHMENTS)
    if any(one in _PICTURES for one in filters):
        return 0
    if not set(filters) <= _READ:
        raise Refused(Reason.LOCKED if "/Crypt" in filters else Reason.BROKEN)
    plain = stream.get_data()
    if stream.get("/Type") == "/ObjStm":
        _refuse_words(plain)
    return len(plain)


def _refuse_words(plain: bytes) -> None:
    words = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), plain)
    if _ACTIVE_WORDS.search(words):
        raise Refused(Reason.ACTIVE)
    if _FILE_WORDS.search(words):
        raise Refused(Reason.ATTACHMENTS)
