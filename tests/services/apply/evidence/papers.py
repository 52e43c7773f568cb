"""Papers and pictures as citizens send them, made when they are needed; and ways to spoil them."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, StreamObject, create_string_object

PNG_BEGIN = b"\x89PNG\r\n\x1a\n"


def picture(form: str = "PNG", side: int = 40) -> bytes:
    made = io.BytesIO()
    picture_ = Image.effect_noise((side, side), 60).convert("RGB")
    picture_.save(made, form)
    return made.getvalue()


def progressive() -> bytes:
    made = io.BytesIO()
    Image.effect_noise((64, 48), 60).save(made, "JPEG", progressive=True)
    return made.getvalue()


def writer(pages: int = 1) -> PdfWriter:
    made = PdfWriter()
    for _ in range(pages):
        made.add_blank_page(100, 100)
    return made


def written(made: PdfWriter) -> bytes:
    out = io.BytesIO()
    made.write(out)
    return out.getvalue()


def paper(pages: int = 1) -> bytes:
    return written(writer(pages))


def with_action(kind: str, **more: str) -> bytes:
    """A PDF that does something when it is opened."""
    made = writer()
    action = DictionaryObject({NameObject("/S"): NameObject(kind)})
    action.update({NameObject(f"/{name}"): create_string_object(value) for name, value in more.items()})
    made.root_object[NameObject("/OpenAction")] = made._add_object(action)
    return written(made)


def with_stream(plain: bytes, filters: int = 1) -> bytes:
    """A PDF with a stream that no page leads to, packed so many times."""
    made, stream = writer(), StreamObject()
    data = plain
    for _ in range(filters):
        data = zlib.compress(data, 9)
    stream._data = data
    stream[NameObject("/Filter")] = ArrayObject([NameObject("/FlateDecode")] * filters)
    made._add_object(stream)
    return written(made)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG, with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: bytes, *beside: bytes) -> bytes:
    """A grey PNG of those sides that unpacks to `rows`, whatever the sides say."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return PNG_BEGIN + head + b"".join(beside) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
